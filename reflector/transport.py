"""Established sessions: octets in to the engine, octets out of the outboxes.

Rule: one read a turn and session, so that no peer starves another; writes go as far as the socket takes them and wait
for it then. How a session ends is decided by the engine or the socket, carried out here, and reported once to the
session layer, which closes the socket and retries.
"""

from __future__ import annotations

import fcntl
import select
import struct
import termios
from collections.abc import Callable
from socket import socket
from typing import NamedTuple

from reflector.engine import Engine, Turn
from reflector.event_loop import READ, WRITE, EventLoop
from reflector.journal.recorder import Events
from reflector.peer import Peer
from reflector.session.ending import Ending, sent_ending
from reflector.session.negotiated import Negotiated
from reflector.wire.message import HEADER_LENGTH, MessageReader

_READ_OCTETS = 256 * 1024
# Seconds in which a connection that the peer dialled before the other one was Established may still come.
_COLLISION_TIME = 5.0
_INT = struct.Struct("=i")
_GONE = select.EPOLLHUP | select.EPOLLERR


class Handover(NamedTuple):
    """A session as ExaBGP gives it: when we are done with it, `ended` is called once with the reason and for how many
    seconds it shall stay down."""

    name: str
    socket: socket
    negotiated: Negotiated
    ended: Callable[[str, float], None]


class _Connection:
    __slots__ = ("descriptor", "handover", "peer", "reader", "socket", "waits_to_write")

    def __init__(self, handover: Handover, peer: Peer) -> None:
        self.handover = handover
        self.peer = peer
        self.socket = handover.socket
        self.descriptor = handover.socket.fileno()
        self.reader = MessageReader(handover.negotiated.max_length)
        self.waits_to_write = False


class Transport:
    """All Established sessions, by name. `events` takes what they bring: the engine, or who records for it."""

    def __init__(self, engine: Engine, loop: EventLoop, clock: Callable[[], float]) -> None:
        self._engine = engine
        self.events: Events = engine
        self._loop = loop
        self._clock = clock
        self._connections: dict[str, _Connection] = {}
        self._buffer = bytearray(_READ_OCTETS)
        self._received = memoryview(self._buffer)
        self._read_at = 0.0

    def take_read_at(self) -> float:
        """When the first octets were read since this was last asked; 0.0 if none were."""
        taken, self._read_at = self._read_at, 0.0
        return taken

    def take(self, handover: Handover) -> None:
        """The session is ours from here on."""
        name = handover.name
        if name in self._connections:
            self.close(name, "replaced by a new connection", ending=Ending.LOST)
        connection = _Connection(handover, self._engine.peers[name])
        self._connections[name] = connection
        handover.socket.setblocking(False)
        self._loop.watch(connection.descriptor, lambda events: self._on_event(connection, events))
        self.events.session_up(name, handover.negotiated, self._clock())

    def finish(self, turn: Turn) -> None:
        """Carry out what a flush decided."""
        for close in turn.closes:
            self.close(close.session, close.reason, close.notification, close.ending, hold_down=close.hold_down)
        for peer in turn.ready:
            connection = self._connections.get(peer.name)
            if connection is not None and not connection.waits_to_write:
                self._write(connection)

    def close(
        self,
        name: str,
        reason: str,
        notification: bytes = b"",
        ending: Ending | None = None,
        *,
        hold_down: float = 0.0,
    ) -> None:
        """End a session, telling the peer why if the last message to it went out whole. Without an `ending` the
        NOTIFICATION decides how it ends, and is sent as what graceful restart makes of it. `hold_down`: see
        engine.Close."""
        connection = self._connections.pop(name, None)
        if connection is None:
            return
        if ending is None:
            notification, ending = sent_ending(connection.handover.negotiated, notification)
        if notification:
            connection.peer.error_code = f"{notification[HEADER_LENGTH]}/{notification[HEADER_LENGTH + 1]}"
            if not connection.peer.outbox.is_within_message:
                self._send_last(connection, notification)
        self._loop.forget(connection.descriptor)
        self.events.session_down(name, reason, self._clock(), ending)
        connection.handover.ended(reason, hold_down)

    def unacknowledged(self) -> tuple[str, ...]:
        """Sessions whose peer has not acknowledged all that it is to be told: what has not been written, what a peer
        that is cut off has missed, and what TCP has not been told the arrival of."""
        return tuple(name for name, each in self._connections.items() if _has_unacknowledged(each))

    def refused(self, name: str, reason: str) -> None:
        """A session that was never ours has ended with a NOTIFICATION."""
        self._engine.session_refused(name, reason)

    def restarts_gracefully(self, name: str) -> bool:
        """Whether the peer keeps routes of this session when it is lost (RFC 4724)."""
        connection = self._connections.get(name)
        return connection is not None and connection.handover.negotiated.graceful_restart is not None

    def gives_way(self, name: str) -> bool:
        """Whether a new connection of the peer means that it has restarted and this session is dead (RFC 4724 4.2). Not
        at the beginning of one: then both ends have dialled, and the connections collide."""
        connection = self._connections.get(name)
        is_settled = connection is not None and self._clock() >= connection.peer.since + _COLLISION_TIME
        return is_settled and self.restarts_gracefully(name)

    def give_way(self, name: str) -> None:
        self.close(name, "the peer has connected anew", ending=Ending.LOST)

    def _send_last(self, connection: _Connection, notification: bytes) -> None:
        try:
            sent = connection.socket.send(notification)
        except OSError:
            sent = 0  # the peer is gone or not reading: it cannot be told
        connection.peer.counters.notifications_out += sent > 0
        connection.peer.counters.bytes_out += sent

    def _on_event(self, connection: _Connection, events: int) -> None:
        if events & (READ | _GONE):
            self._read(connection)
        if events & WRITE and self._connections.get(connection.handover.name) is connection:
            self._write(connection)

    def _read(self, connection: _Connection) -> None:
        name = connection.handover.name
        try:
            # Not recv: it would allocate, and the kernel clear, as much as may come, for the little that mostly does.
            size = connection.socket.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError as error:
            self.close(name, f"connection lost: {error.strerror}", ending=Ending.LOST)
            return
        if not size:
            self.close(name, "the peer closed the connection", ending=Ending.LOST)
            return
        connection.peer.counters.bytes_in += size
        now = self._clock()
        self._read_at = self._read_at or now
        receive = self.events.receive
        for kind, body in connection.reader.feed(bytes(self._received[:size])):
            receive(name, kind, body, now)
        if connection.reader.error is not None:
            self.events.reject(name, connection.reader.error)

    def _write(self, connection: _Connection) -> None:
        outbox, counters, send = connection.peer.outbox, connection.peer.counters, connection.socket.send
        while (data := outbox.take()) is not None:
            try:
                sent = send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self.close(connection.handover.name, f"connection lost: {error.strerror}", ending=Ending.LOST)
                return
            counters.bytes_out += sent
            if sent < len(data):
                outbox.put_back(memoryview(data)[sent:])
                self._wait_to_write(connection, True)
                return
        if connection.waits_to_write:
            self._wait_to_write(connection, False)

    def _wait_to_write(self, connection: _Connection, wait: bool) -> None:
        if wait != connection.waits_to_write:
            connection.waits_to_write = wait
            self._loop.change(connection.descriptor, READ | WRITE if wait else READ)


def _has_unacknowledged(connection: _Connection) -> bool:
    """SIOCOUTQ (tcp(7)) counts what is unsent and what is unacknowledged."""
    answer = fcntl.ioctl(connection.descriptor, termios.TIOCOUTQ, bytes(_INT.size))
    (unacknowledged,) = _INT.unpack(answer)
    return bool(unacknowledged) or not connection.peer.outbox.is_empty
