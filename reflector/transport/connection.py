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
    """`handler` is called with the events of its socket. `messages` are those that have been read and not handled."""

    __slots__ = ("_loop", "descriptor", "handover", "messages", "name", "peer", "reader", "socket", "waits_to_write")

    def __init__(self, handover: Handover, peer: Peer, loop: EventLoop) -> None:
        self.handover = handover
        self.name = handover.name
        self.peer = peer
        self.socket = handover.socket
        self.descriptor = handover.socket.fileno()
        self.reader = MessageReader(handover.negotiated.max_length)
        self.messages: Iterator[tuple[int, bytes]] = iter(())
        self.waits_to_write = False
        self._loop = loop
        self.socket.setblocking(False)

    def write(self) -> None:
        """What the outbox has, as far as the socket takes it. Raises OSError when the connection is lost."""
        outbox, counters, send = self.peer.outbox, self.peer.counters, self.socket.send
        while (data := outbox.take()) is not None:
            try:
                sent = send(data)
            except BlockingIOError:
                sent = 0
            counters.bytes_out += sent
            if sent < len(data):
                outbox.put_back(memoryview(data)[sent:])
                self._wait_to_write(True)
                return
        if self.waits_to_write:
            self._wait_to_write(False)

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

    def _wait_to_write(self, wait: bool) -> None:
        if wait != self.waits_to_write:
            self.waits_to_write = wait
            self._loop.change(self.descriptor, READ | WRITE if wait else READ)
