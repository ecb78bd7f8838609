"""The connection of one Established session: its socket with what is read from it and written to it.

Rule: writes go as far as the socket takes them and wait for it then, and the outbox keeps the rest. A NOTIFICATION is
sent only after a message that went out whole: within one, the peer would take it for the rest of that.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from collections.abc import Callable, Iterator
from socket import socket
from typing import NamedTuple

from reflector.event_loop import READ, WRITE, EventLoop
from reflector.peer import Peer
from reflector.session.negotiated import Negotiated
from reflector.transport.budget import NEW_ROUTE, Budget
from reflector.wire.division import in_parts, in_small_parts
from reflector.wire.message import HEADER_LENGTH, MessageReader

_INT = struct.Struct("=i")


class Handover(NamedTuple):
    """A session as ExaBGP gives it. When the transport is done with it, `ended` is called once with the reason and the
    seconds of its hold-down; the socket is ExaBGP's to close."""

    name: str
    socket: socket
    negotiated: Negotiated
    ended: Callable[[str, float], None]


class Connection:
    """`messages` are those that have been read and not handled; `most_routes` is the largest number of routes that the
    peer has had on this connection; `is_overdrawn`: it waits among those of that name."""

    __slots__ = (
        "_is_paused",
        "_loop",
        "budget",
        "descriptor",
        "handover",
        "is_overdrawn",
        "messages",
        "most_routes",
        "name",
        "peer",
        "reader",
        "socket",
        "waits_to_write",
    )

    def __init__(self, handover: Handover, peer: Peer, loop: EventLoop, budget: Budget) -> None:
        self.handover = handover
        self.name = handover.name
        self.peer = peer
        self.socket = handover.socket
        self.descriptor = handover.socket.fileno()
        self.reader = MessageReader(handover.negotiated.max_length)
        self.messages: Iterator[tuple[int, bytes]] = iter(())
        self.waits_to_write = False
        self.budget = budget
        self.most_routes = 0
        self.is_overdrawn = False
        self._is_paused = False
        self._loop = loop
        self.socket.setblocking(False)

    def write(self) -> int:
        """What the outbox has, as far as the socket takes it; returns how many octets. Raises OSError when the
        connection is lost."""
        outbox, counters, send = self.peer.outbox, self.peer.counters, self.socket.send
        written = 0
        while (data := outbox.take()) is not None:
            try:
                sent = send(data)
            except BlockingIOError:
                sent = 0
            counters.bytes_out += sent
            written += sent
            if sent < len(data):
                outbox.put_back(memoryview(data)[sent:])
                self._wait_to_write(True)
                return written
        if self.waits_to_write:
            self._wait_to_write(False)
        return written

    def notify(self, notification: bytes) -> None:
        """The last message to the peer, if it can still be sent one."""
        peer = self.peer
        peer.error_code = f"{notification[HEADER_LENGTH]}/{notification[HEADER_LENGTH + 1]}"
        if peer.outbox.is_within_message:
            return
        try:
            sent = self.socket.send(notification)
        except OSError:
            sent = 0  # the peer is gone or not reading: there is no way to send it anything
        peer.counters.notifications_out += sent > 0
        peer.counters.bytes_out += sent

    @property
    def has_unacknowledged(self) -> bool:
        """Whether something for the peer is not written, or not acknowledged by its TCP (SIOCOUTQ, tcp(7))."""
        answer = fcntl.ioctl(self.descriptor, termios.TIOCOUTQ, bytes(_INT.size))
        (unacknowledged,) = _INT.unpack(answer)
        return bool(unacknowledged) or not self.peer.outbox.is_empty

    def divide_messages(self) -> None:
        """Those that have been read, so that each is a small part of a turn."""
        self.messages = in_small_parts(self.messages, self.handover.negotiated.add_path_receive)

    def feed(self, data: bytes) -> None:
        """This has been read. Routes with path identifiers cost so much that a turn has no room for the largest UPDATE
        of them, whoever sends it."""
        self.messages = iter(self.reader.feed(data))
        if self.handover.negotiated.add_path_receive:
            self.messages = in_parts(self.messages, self.handover.negotiated.add_path_receive)

    def charge(self, seconds: float, part: float, now: float) -> None:
        """For a turn in which it has worked for so many seconds: with what ended the turn, that is `part` of one. What
        makes the peer's table larger than it ever was is its own."""
        routes = 0
        for rib in self.peer.adj_rib_in.values():
            routes += len(rib.routes)
        if routes > self.most_routes:
            of_new_routes = (routes - self.most_routes) * NEW_ROUTE / seconds if seconds else 0.0
            self.most_routes = routes
            if of_new_routes >= 1.0:
                self.budget.charge_table(part)
                return
            self.budget.charge_table(part * of_new_routes)
            part -= part * of_new_routes
        self.budget.charge(part, now)

    def pause(self, paused: bool) -> None:
        """While it is paused, nothing is waited for that the peer sends."""
        if paused != self._is_paused:
            self._is_paused = paused
            self._watch()

    def _wait_to_write(self, wait: bool) -> None:
        if wait != self.waits_to_write:
            self.waits_to_write = wait
            self._watch()

    def _watch(self) -> None:
        events = 0 if self._is_paused else READ
        self._loop.change(self.descriptor, events | WRITE if self.waits_to_write else events)
