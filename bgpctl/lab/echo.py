"""ICMP echo (RFC 792) from inside namespaces: the ping matrix without a process for every pair.

One raw socket a namespace, all requests sent at once, then the replies gathered until the deadline. A socket
stays in the namespace in which it was opened, whatever thread reads it. The kernel says when a reply arrived, since
we read it later; so times are those of the wall clock.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import time
from collections.abc import Iterable, Mapping

from bgpctl.lab import namespaces

_ECHO_REQUEST = 8
_ECHO_REPLY = 0
_HEADER = struct.Struct("!BBHHH")
_PAYLOAD = b"bgpctl lab test "
_LARGEST = 2048
# socket(7); Python has no name for it. The stamp is a struct timespec.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_NANOSECONDS = 1_000_000_000

Pair = tuple[str, str]


def ping_matrix(addresses: Mapping[str, str], namespace: Mapping[str, str], timeout: float) -> dict[Pair, float]:
    """One ping from each name in `addresses` (name -> IPv4 address) to each other one. Returns the round trip times
    in seconds of the pairs (from, to) that answered within `timeout` seconds. Raises NotReadyError for a namespace
    that is gone."""
    names = list(addresses)
    sent: dict[Pair, int] = {}
    answered: dict[Pair, float] = {}
    with selectors.DefaultSelector() as selector:
        try:
            for name in names:
                selector.register(_open(namespace[name]), selectors.EVENT_READ, name)
            for key in tuple(selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    sent |= _send_all(key.fileobj, key.data, addresses)
            _gather(selector, names, sent, answered, time.monotonic() + timeout)
        finally:
            for key in tuple(selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()
    return answered


def _open(namespace: str) -> socket.socket:
    with namespaces.inside(namespace):
        opened = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return opened


def _send_all(from_socket: socket.socket, name: str, addresses: Mapping[str, str]) -> dict[Pair, int]:
    """When each request was sent, in nanoseconds. The sequence number is the index of the target. A target without
    a route is one that does not answer."""
    sent = {}
    for sequence, (target, address) in enumerate(addresses.items()):
        if target == name:
            continue
        began = time.time_ns()
        try:
            from_socket.sendto(_request(sequence), (address, 0))
        except OSError:
            continue
        sent[name, target] = began
    return sent


def _gather(
    selector: selectors.BaseSelector,
    names: list[str],
    sent: Mapping[Pair, int],
    answered: dict[Pair, float],
    deadline: float,
) -> None:
    while len(answered) < len(sent) and (remaining := deadline - time.monotonic()) > 0:
        for key, _ in selector.select(remaining):
            if not isinstance(key.fileobj, socket.socket):
                continue
            packet, stamps, _, _ = key.fileobj.recvmsg(_LARGEST, socket.CMSG_SPACE(_TIMESPEC.size))
            sequence = _reply_sequence(packet)
            if sequence is not None and sequence < len(names):
                pair = (key.data, names[sequence])
                if pair in sent:
                    answered.setdefault(pair, (_arrival(stamps) - sent[pair]) / _NANOSECONDS)


def _arrival(stamps: list[tuple[int, int, bytes]]) -> int:
    """Nanoseconds since the epoch."""
    seconds, nanoseconds = _TIMESPEC.unpack(stamps[0][2])
    return int(seconds) * _NANOSECONDS + int(nanoseconds)


def _identifier() -> int:
    return os.getpid() & 0xFFFF


def _request(sequence: int) -> bytes:
    unsummed = _HEADER.pack(_ECHO_REQUEST, 0, 0, _identifier(), sequence) + _PAYLOAD
    return _HEADER.pack(_ECHO_REQUEST, 0, _checksum(unsummed), _identifier(), sequence) + _PAYLOAD


def _reply_sequence(packet: bytes) -> int | None:
    """A raw socket gives the IP header as well, whose length is in its first octet in units of four (RFC 791)."""
    header_length = (packet[0] & 0x0F) * 4
    if len(packet) < header_length + _HEADER.size:
        return None
    kind, _, _, identifier, sequence = _HEADER.unpack_from(packet, header_length)
    return sequence if kind == _ECHO_REPLY and identifier == _identifier() else None


def _checksum(data: bytes) -> int:
    """The ones' complement sum of 16-bit words (RFC 1071)."""
    words: Iterable[tuple[int]] = struct.iter_unpack("!H", data)
    total = sum(word for (word,) in words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
