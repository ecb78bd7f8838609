"""All Established sessions: octets in to the engine, octets out of the outboxes, and how each session ends.

Rule: one read and SLICE seconds of messages a turn and session, so that no peer starves another: what is left of a read
is handled in the next turns, before more is read, and the peer's TCP waits. How a session ends is decided by the engine
or the socket, carried out here, and reported once to the session layer, which closes the socket and retries.
"""

from __future__ import annotations

import select
from collections.abc import Callable

from reflector.commands import Turn
from reflector.engine import Engine
from reflector.event_loop import READ, WRITE, EventLoop
from reflector.events import Events
from reflector.session.ending import Ending, sent_ending
from reflector.session.session_line import SessionLines
from reflector.transport.connection import Connection, Handover
from reflector.wire.message import HEADER_LENGTH, ErrorCode

_READ_OCTETS = 256 * 1024
# Seconds of work a turn that one session may make. A route takes some 20 microseconds: this is a hundred UPDATEs of one
# route each, or some thousands in UPDATEs that are full.
SLICE = 0.002
# Seconds in which a connection that the peer dialled before the other one was Established may still come.
_COLLISION_TIME = 5.0
_HOLD_TIMER = bytes((ErrorCode.HOLD_TIMER_EXPIRED,))
_GONE = select.EPOLLHUP | select.EPOLLERR


class Transport:
    """All Established sessions, by name. `events` takes what they bring: the engine, or a recorder in its place;
    `lines` writes into the log what becomes of them; `silence` answers why a peer is probably silent, or ""."""

    def __init__(self, engine: Engine, loop: EventLoop, clock: Callable[[], float]) -> None:
        self._engine = engine
        self.events: Events = engine
        self.lines = SessionLines(lambda _: None)
        self.silence: Callable[[str], str] = lambda _: ""
        self._loop = loop
        self._clock = clock
        self._connections: dict[str, Connection] = {}
        self._buffer = bytearray(_READ_OCTETS)
        self._received = memoryview(self._buffer)
        self._read_at = 0.0
        self._unhandled: dict[str, Connection] = {}
        self._carried: tuple[Connection, ...] = ()

    def take(self, handover: Handover) -> None:
        """The session is the transport's from here on."""
        name = handover.name
        if name in self._connections:
            self.close(name, "replaced by a new connection", ending=Ending.LOST)
        connection = Connection(handover, self._engine.peers[name], self._loop)
        self._connections[name] = connection
        self._loop.watch(connection.descriptor, lambda events: self._on_event(connection, events))
        now = self._clock()
        self.events.session_up(name, handover.negotiated, now)
        self.lines.up(connection.peer.session, now)

    def go_on(self) -> None:
        """With the messages that sessions had left when the turn before this one was over; once a turn."""
        for connection in self._carried:
            if self._unhandled.get(connection.name) is connection:
                self._handle(connection)
        self._carried = tuple(self._unhandled.values())

    @property
    def has_unhandled(self) -> bool:
        """Messages wait that no event of a socket will bring up."""
        return bool(self._unhandled)

    def finish(self, turn: Turn) -> None:
        """Carry out what a flush decided."""
        for close in turn.closes:
            is_silent = close.notification[HEADER_LENGTH : HEADER_LENGTH + 1] == _HOLD_TIMER
            cause = self.silence(close.session) if is_silent else ""
            reason = f"{close.reason}: {cause}" if cause else close.reason
            self.close(close.session, reason, close.notification, close.ending, hold_down=close.hold_down)
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
        """End a session, with a NOTIFICATION if there is one. Without an `ending` the NOTIFICATION decides how it ends,
        and is sent as what graceful restart makes of it. `hold_down`: see engine.Close."""
        connection = self._connections.pop(name, None)
        if connection is None:
            return
        self._unhandled.pop(name, None)
        if ending is None:
            notification, ending = sent_ending(connection.handover.negotiated, notification)
        if notification:
            connection.notify(notification)
        self._loop.unwatch(connection.descriptor)
        now = self._clock()
        self.events.session_down(name, reason, now, ending)
        self.lines.down(connection.peer.session, reason, now)
        connection.handover.ended(reason, hold_down)

    # ------------------------------------------------------------------- what others ask about them

    def take_read_at(self) -> float:
        """When the first octets since the last call were read; 0.0 if none were."""
        taken, self._read_at = self._read_at, 0.0
        return taken

    def unacknowledged(self) -> tuple[str, ...]:
        """Sessions whose peer has not acknowledged all that is to be sent to it."""
        return tuple(name for name, connection in self._connections.items() if connection.has_unacknowledged)

    def restarts_gracefully(self, name: str) -> bool:
        """Whether the peer keeps routes of this session when it is lost (RFC 4724)."""
        connection = self._connections.get(name)
        return connection is not None and connection.handover.negotiated.graceful_restart is not None

    def is_replaceable(self, name: str) -> bool:
        """Whether a new connection of the peer means that it has restarted and this session is dead (RFC 4724 4.2). Not
        at the beginning of one: then both ends have dialled, and the connections collide."""
        connection = self._connections.get(name)
        is_settled = connection is not None and self._clock() >= connection.peer.since + _COLLISION_TIME
        return is_settled and self.restarts_gracefully(name)

    def make_way(self, name: str) -> None:
        """For a new connection of the peer."""
        self.close(name, "the peer has connected anew", ending=Ending.LOST)

    # -------------------------------------------------------------------------------------- octets

    def _on_event(self, connection: Connection, events: int) -> None:
        if events & (READ | _GONE):
            self._read(connection)
        if events & WRITE and self._connections.get(connection.name) is connection:
            self._write(connection)

    def _read(self, connection: Connection) -> None:
        name = connection.name
        if name in self._unhandled:
            return
        try:
            # Not recv: it would allocate, and the kernel clear, as much as may come, for the little that mostly does.
            size = connection.socket.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(name, error)
            return
        if not size:
            self.close(name, "the peer closed the connection", ending=Ending.LOST)
            return
        connection.peer.counters.bytes_in += size
        self._read_at = self._read_at or self._clock()
        connection.messages = iter(connection.reader.feed(bytes(self._received[:size])))
        self._handle(connection)

    def _handle(self, connection: Connection) -> None:
        name, clock, receive = connection.name, self._clock, self.events.receive
        now = clock()
        end = now + SLICE
        for kind, body in connection.messages:
            receive(name, kind, body, now)
            if clock() >= end:
                self._unhandled[name] = connection
                return
        self._unhandled.pop(name, None)
        if connection.reader.error is not None:
            self.events.reject(name, connection.reader.error)

    def _write(self, connection: Connection) -> None:
        try:
            connection.write()
        except OSError as error:
            # What the peer sent before may have a NOTIFICATION in it, which decides how the session ends. It is handled
            # first; the read after it fails as this write did.
            if connection.name not in self._unhandled:
                self._lost(connection.name, error)

    def _lost(self, name: str, error: OSError) -> None:
        self.close(name, f"connection lost: {error.strerror}", ending=Ending.LOST)
