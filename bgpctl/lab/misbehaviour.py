"""A BGP peer that behaves badly on purpose, run in a node: `python -m bgpctl.lab.misbehaviour MANNER PEER ASN N`

It opens the session as any peer does (OPEN and KEEPALIVE, RFC 4271 8) with the node's own address, and then

    garbage    sends octets that are no message, at each session again
    flood      announces N prefixes at once: beyond the limit if N is
    churn      announces N prefixes again and again without a pause, each time with another MED
    slow       sends KEEPALIVE, and reads nothing ever
    silent     sends nothing, until the hold time is over for the other side

When the session ends it comes back a second later, as a peer would. IPv4 unicast; the prefixes are /32 of 198.18.0.0/15
(RFC 2544). What happens is said on standard output.
"""

from __future__ import annotations

import ipaddress
import random
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reflector.wire.message import MessageType, message

PORT = 179
ESTABLISHED = "Established"
_HEADER = 19
_TYPE_AT = 18
_HOLD_TIME = 90
# A third of the shortest hold time, and no more often than is allowed (RFC 4271 4.4).
_KEEPALIVE_EVERY = 1.0
_AGAIN_AFTER = 1.0
_ANSWER_WITHIN = 10.0
_AS_TRANS = 23456
_LARGEST_SHORT_AS = 0xFFFF
# RFC 5492: multiprotocol IPv4 unicast (RFC 4760), four-octet AS numbers (RFC 6793).
_CAPABILITY_AS4 = 65
_MULTIPROTOCOL = bytes((1, 4, 0, 1, 0, 1))
_FIRST = int(ipaddress.IPv4Address("198.18.0.0"))
# So many /32 fit into one message of 4096 octets beside the attributes.
_PER_UPDATE = 700
_SMALLEST_BUFFER = 2048


@dataclass(slots=True)
class Conversation:
    """One session that is Established."""

    socket: socket.socket
    asn: int
    peer_as: int
    said_at: float = field(default_factory=time.monotonic)

    def send(self, data: bytes) -> None:
        self.said_at = time.monotonic()
        self.socket.sendall(data)

    def keep_alive(self) -> None:
        if time.monotonic() - self.said_at >= _KEEPALIVE_EVERY:
            self.send(message(MessageType.KEEPALIVE))

    def hear(self, wait: float) -> None:
        """Reads what is there. Raises ConnectionError at its end."""
        if select.select([self.socket], [], [], wait)[0] and not self.socket.recv(1 << 16):
            raise ConnectionError("the peer has closed the session")

    def attributes(self, med: int) -> bytes:
        """ORIGIN, AS_PATH, NEXT_HOP, MED, and inside an AS LOCAL_PREF (RFC 4271 5.1)."""
        own = ipaddress.IPv4Address(self.socket.getsockname()[0]).packed
        outside = self.asn != self.peer_as
        path = struct.pack("!BBI", 2, 1, self.asn) if outside else b""
        block = bytes((0x40, 1, 1, 0)) + bytes((0x40, 2, len(path))) + path + bytes((0x40, 3, 4)) + own
        block += bytes((0x80, 4, 4)) + struct.pack("!I", med)
        return block if outside else block + bytes((0x40, 5, 4)) + struct.pack("!I", 100)

    def announce(self, count: int, med: int) -> Iterator[bytes]:
        block = self.attributes(med)
        for first in range(0, count, _PER_UPDATE):
            last = min(first + _PER_UPDATE, count)
            nlri = b"".join(b"\x20" + struct.pack("!I", _FIRST + number) for number in range(first, last))
            yield message(MessageType.UPDATE, struct.pack("!HH", 0, len(block)) + block + nlri)


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
    """From the OPEN; a four-octet AS can only be ours or another one, which is all that matters."""
    (short,) = struct.unpack_from("!H", body, 1)
    return own if struct.pack("!BBI", _CAPABILITY_AS4, 4, own) in body else short


def establish(peer: str, asn: int, *, small: bool) -> Conversation:
    """Raises OSError when there is nobody, ConnectionError when they do not want us."""
    connected = socket.socket()
    connected.settimeout(_ANSWER_WITHIN)
    if small:
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
            return Conversation(connected, asn, peer_as)
        elif kind == MessageType.NOTIFICATION:
            raise ConnectionError(f"NOTIFICATION {body[0]}/{body[1]}")


def _garbage(conversation: Conversation, _count: int) -> None:
    # The same garbage at each run.
    conversation.send(random.Random(1).randbytes(256))  # noqa: S311
    while True:
        conversation.hear(_KEEPALIVE_EVERY)


def _flood(conversation: Conversation, count: int) -> None:
    for update in conversation.announce(count, 0):
        conversation.send(update)
    while True:
        conversation.hear(1.0)
        conversation.keep_alive()


def _churn(conversation: Conversation, count: int) -> None:
    med = 0
    while True:
        for update in conversation.announce(count, med):
            conversation.send(update)
            conversation.hear(0)
        med += 1


def _slow(conversation: Conversation, _count: int) -> None:
    while True:
        conversation.keep_alive()
        time.sleep(1.0)


def _silent(conversation: Conversation, _count: int) -> None:
    while True:
        conversation.hear(_KEEPALIVE_EVERY)


MANNERS: dict[str, Callable[[Conversation, int], None]] = {
    "garbage": _garbage,
    "flood": _flood,
    "churn": _churn,
    "slow": _slow,
    "silent": _silent,
}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    """Never ends by itself."""
    manner, peer, asn, count = arguments
    while True:
        try:
            conversation = establish(peer, int(asn), small=manner == "slow")
            _say(ESTABLISHED)
            with conversation.socket:
                MANNERS[manner](conversation, int(count))
        except OSError as error:
            _say(f"{type(error).__name__}: {error}")
        time.sleep(_AGAIN_AFTER)


if __name__ == "__main__":
    main(sys.argv[1:])
