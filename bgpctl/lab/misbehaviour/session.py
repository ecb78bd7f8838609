"""The misbehaving peer's session: up to Established as RFC 4271 8 has it, and what can be sent and read on it then."""

from __future__ import annotations

import ipaddress
import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from reflector.wire.message import MessageType, message

PORT = 179
_HEADER = 19
_TYPE_AT = 18
_HOLD_TIME = 90
# Less than a third of the shortest hold time, and no more often than is allowed (RFC 4271 4.4).
KEEPALIVE_EVERY = 1.0
_ANSWER_WITHIN = 10.0
_AS_TRANS = 23456
_LARGEST_SHORT_AS = 0xFFFF
# RFC 5492: multiprotocol IPv4 unicast (RFC 4760), four-octet AS numbers (RFC 6793).
_CAPABILITY_AS4 = 65
_MULTIPROTOCOL = bytes((1, 4, 0, 1, 0, 1))
_FIRST = int(ipaddress.IPv4Address("198.18.0.0"))
# This number of /32 fits into one message of 4096 octets beside the attributes.
_PER_UPDATE = 700
_SMALLEST_BUFFER = 2048


@dataclass(slots=True)
class EstablishedSession:
    """One session that is Established. `sent_at` is the time of the last message sent, on the monotonic clock."""

    socket: socket.socket
    asn: int
    peer_as: int
    sent_at: float = field(default_factory=time.monotonic)

    def send(self, data: bytes) -> None:
        self.sent_at = time.monotonic()
        self.socket.sendall(data)

    def keep_alive(self) -> None:
        """A KEEPALIVE, if the last message is a second ago."""
        if time.monotonic() - self.sent_at >= KEEPALIVE_EVERY:
            self.send(message(MessageType.KEEPALIVE))

    def discard_input(self, wait: float) -> None:
        """Reads what arrives within `wait` seconds, and drops it. Raises ConnectionError when the session has ended."""
        if select.select([self.socket], [], [], wait)[0] and not self.socket.recv(1 << 16):
            raise ConnectionError("the peer has closed the session")

    def advertisements(self, count: int, med: int) -> Iterator[bytes]:
        """The UPDATE messages with `count` prefixes."""
        block = self._attributes(med)
        for first in range(0, count, _PER_UPDATE):
            last = min(first + _PER_UPDATE, count)
            nlri = b"".join(b"\x20" + struct.pack("!I", _FIRST + number) for number in range(first, last))
            yield message(MessageType.UPDATE, struct.pack("!HH", 0, len(block)) + block + nlri)

    def _attributes(self, med: int) -> bytes:
        """ORIGIN, AS_PATH, NEXT_HOP, MED, and inside an AS LOCAL_PREF (RFC 4271 5.1)."""
        own = ipaddress.IPv4Address(self.socket.getsockname()[0]).packed
        external = self.asn != self.peer_as
        path = struct.pack("!BBI", 2, 1, self.asn) if external else b""
        block = bytes((0x40, 1, 1, 0)) + bytes((0x40, 2, len(path))) + path + bytes((0x40, 3, 4)) + own
        block += bytes((0x80, 4, 4)) + struct.pack("!I", med)
        return block if external else block + bytes((0x40, 5, 4)) + struct.pack("!I", 100)


def establish(peer: str, asn: int, *, smallest_buffer: bool) -> EstablishedSession:
    """Raises OSError when nothing listens there, ConnectionError when the peer refuses the session."""
    connected = socket.socket()
    connected.settimeout(_ANSWER_WITHIN)
    if smallest_buffer:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALLEST_BUFFER)
    connected.connect((peer, PORT))
    connected.sendall(_open_message(asn, connected.getsockname()[0]))
    peer_as = None
    while True:
        kind, body = _read_message(connected)
        if kind == MessageType.OPEN:
            peer_as = _peer_as(body, asn)
            connected.sendall(message(MessageType.KEEPALIVE))
        elif kind == MessageType.KEEPALIVE and peer_as is not None:
            connected.settimeout(None)
            return EstablishedSession(connected, asn, peer_as)
        elif kind == MessageType.NOTIFICATION:
            raise ConnectionError(f"NOTIFICATION {body[0]}/{body[1]}")


def _open_message(asn: int, router_id: str) -> bytes:
    as4 = struct.pack("!BBI", _CAPABILITY_AS4, 4, asn)
    capabilities = _MULTIPROTOCOL + as4
    short = asn if asn <= _LARGEST_SHORT_AS else _AS_TRANS
    body = struct.pack("!BHH", 4, short, _HOLD_TIME) + ipaddress.IPv4Address(router_id).packed
    return message(MessageType.OPEN, body + bytes((len(capabilities) + 2, 2, len(capabilities))) + capabilities)


def _read_message(connected: socket.socket) -> tuple[int, bytes]:
    """Type and body. Raises ConnectionError."""
    header = _exactly(connected, _HEADER)
    (length,) = struct.unpack_from("!H", header, 16)
    return header[_TYPE_AT], _exactly(connected, length - _HEADER)


def _exactly(connected: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connected.recv(count - len(data))
        if not more:
            raise ConnectionError("the peer has closed the session")
        data += more
    return data


def _peer_as(body: bytes, own: int) -> int:
    """From the OPEN. Of a four-octet AS number all that matters is whether it is our own."""
    (short,) = struct.unpack_from("!H", body, 1)
    return own if struct.pack("!BBI", _CAPABILITY_AS4, 4, own) in body else short
