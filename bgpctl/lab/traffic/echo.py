"""Echo requests from inside namespaces: the ping matrix without a process for every pair.

One raw socket a namespace and family, all requests sent at once, then the replies gathered until the deadline. A socket
stays in the namespace in which it was opened, whatever thread reads it. The kernel stamps each reply with its
arrival, as it is read later; so times are those of the wall clock.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence

from bgpctl.lab.netns import namespaces
from bgpctl.lab.traffic.icmp import LARGEST_ANSWER, EchoFamily, family_of
from bgpctl.lab.traffic.ping import Ping

# socket(7); Python has no name for it. The stamp is a struct timespec.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_NANOSECONDS = 1_000_000_000

_SEQUENCES = 1 << 16


def ping_all(wanted: Sequence[Ping], namespace_of: Callable[[str], str], timeout: float) -> dict[Ping, float]:
    """One request for each of `wanted`, in the namespace of its source (`namespace_of` a node). Returns the round trip
    times in seconds of those that were answered within `timeout` seconds. Raises NotReadyError for a namespace that is
    gone."""
    sent: dict[int, tuple[Ping, int]] = {}
    answered: dict[Ping, float] = {}
    with contextlib.ExitStack() as sockets, selectors.DefaultSelector() as selector:
        opened: dict[tuple[str, EchoFamily], socket.socket] = {}
        for ping in wanted:
            of = (ping.source, family_of(ping.address))
            if of not in opened:
                opened[of] = sockets.enter_context(_open(namespace_of(ping.source), of[1]))
                selector.register(opened[of], selectors.EVENT_READ, of)
        for number, ping in enumerate(wanted):
            family = family_of(ping.address)
            at = _send(opened[ping.source, family], family, number % _SEQUENCES, ping.address)
            if at is not None:
                sent[number % _SEQUENCES] = (ping, at)
        _gather(selector, sent, answered, time.monotonic() + timeout)
    return answered


def _open(namespace: str, family: EchoFamily) -> socket.socket:
    with namespaces.inside(namespace):
        opened = family.open()
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return opened


def _send(from_socket: socket.socket, family: EchoFamily, sequence: int, address: str) -> int | None:
    """When it was sent, in nanoseconds. None for a target without a route: it is one that does not answer."""
    began = time.time_ns()
    try:
        from_socket.sendto(family.encode(_identifier(), sequence), (address, 0))
    except OSError:
        return None
    return began


def _gather(
    selector: selectors.BaseSelector,
    sent: Mapping[int, tuple[Ping, int]],
    answered: dict[Ping, float],
    deadline: float,
) -> None:
    while len(answered) < len(sent) and (remaining := deadline - time.monotonic()) > 0:
        for key, _ in selector.select(remaining):
            if not isinstance(key.fileobj, socket.socket):
                continue
            source, family = key.data
            packet, stamps, _, _ = key.fileobj.recvmsg(LARGEST_ANSWER, socket.CMSG_SPACE(_TIMESPEC.size))
            sequence = family.reply_sequence(packet, _identifier())
            if sequence in sent and sent[sequence][0].source == source:
                ping, at = sent[sequence]
                answered.setdefault(ping, (_arrival(stamps) - at) / _NANOSECONDS)


def _arrival(stamps: list[tuple[int, int, bytes]]) -> int:
    """Nanoseconds since the epoch."""
    seconds, nanoseconds = _TIMESPEC.unpack(stamps[0][2])
    return int(seconds) * _NANOSECONDS + int(nanoseconds)


def _identifier() -> int:
    return os.getpid() & 0xFFFF
