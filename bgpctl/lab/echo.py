"""Echo requests from inside namespaces: the ping matrix without a process for every pair.

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
from collections.abc import Mapping

from bgpctl.lab import namespaces
from bgpctl.lab.icmp import ICMP, LARGEST_ANSWER

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
        opened = ICMP.open()
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
            from_socket.sendto(ICMP.encode(_identifier(), sequence), (address, 0))
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
            packet, stamps, _, _ = key.fileobj.recvmsg(LARGEST_ANSWER, socket.CMSG_SPACE(_TIMESPEC.size))
            sequence = ICMP.reply_sequence(packet, _identifier())
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
