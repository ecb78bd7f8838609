"""All Established sessions: octets in to the engine, octets out of the outboxes, and how each session ends.

Rule: one read and SLICE seconds of messages a turn and session, so that no peer starves another: what is left of a read
is handled in the next turns, before more is read, and the peer's TCP waits. A session that has overdrawn its budget
comes behind the others (budget). How a session ends is decided by the engine or the socket, carried out here, and
reported once to the session layer, which closes the socket and retries.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

from reflector.commands import Turn
from reflector.engine import Engine
from reflector.event_loop import READ, WRITE, EventLoop
from reflector.events import Events
from reflector.peer import Peer
from reflector.session.ending import Ending, sent_ending
from reflector.session.session_line import SessionLines
from reflector.transport.budget import Budget
from reflector.transport.connection import Connection, Handover
from reflector.transport.overdrawn import Overdrawn
from reflector.wire.message import HEADER_LENGTH, ErrorCode

# A message of the greatest length, and what is cut into messages at once: thousands of the shortest ones.
_READ_OCTETS = 64 * 1024
# Seconds of work a turn that one session may make. A route takes some 20 microseconds: this is a hundred UPDATEs of one
# route each, or some thousands in UPDATEs that are full.
SLICE = 0.002
# The same for all together that have overdrawn their budgets, while others are at work.
OVERDRAWN_SLICE = 0.001
# Seconds in which a connection that the peer dialled before the other one was Established may still come.
_COLLISION_TIME = 5.0
_HOLD_TIMER = bytes((ErrorCode.HOLD_TIMER_EXPIRED,))
_GONE = select.EPOLLHUP | select.EPOLLERR


class Transport:
    """All Established sessions, by name. `events` takes what they bring: the engine, or a recorder in its place;
    `lines` writes into the log what becomes of them; `silence` answers why a peer is probably silent, or "".
    `processor` has the seconds that this thread has run: a session does not pay for the time of other processes."""

    def __init__(
        self,
        engine: Engine,
        loop: EventLoop,
        clock: Callable[[], float],
        processor: Callable[[], float] = time.thread_time,
    ) -> None:
        self._engine = engine
        self.events: Events = engine
        self.lines = SessionLines(lambda _: None)
        self.silence: Callable[[str], str] = lambda _: ""
        self._loop = loop
        self._clock = clock
        self._processor = processor
        self._charged_at = processor()
        self._connections: dict[str, Connection] = {}
        self._buffer = bytearray(_READ_OCTETS)
        self._received = memoryview(self._buffer)
        self._read_at = 0.0
        self._unhandled: dict[str, Connection] = {}
        self._carried: tuple[Connection, ...] = ()
        self._budgets: WeakKeyDictionary[Peer, Budget] = WeakKeyDictionary()
        self._overdrawn = Overdrawn()
        self._overdrawn_served = False
        # Seconds that each session has taken of this turn, and all of them together.
        self._work: dict[Connection, float] = {}
        self._handled = 0.0
        self._written = 0

    def take(self, handover: Handover) -> None:
        """The session is the transport's from here on."""
        name = handover.name
        if name in self._connections:
            self.close(name, "replaced by a new connection", ending=Ending.LOST)
        now, peer = self._clock(), self._engine.peers[name]
        connection = Connection(handover, peer, self._loop, self._budget(peer, now))
        self._connections[name] = connection
        self._loop.watch(connection.descriptor, lambda events: self._on_event(connection, events))
        self.events.session_up(name, handover.negotiated, now)
        self.lines.up(connection.peer.session, now)

    def _budget(self, peer: Peer, now: float) -> Budget:
        """It stays what it is from one connection to the next. The table has yet to come."""
        budget = self._budgets.get(peer)
        if budget is None:
            budget = self._budgets[peer] = Budget(now)
        budget.begin_table()
        return budget

    def go_on(self) -> None:
        """With the messages that sessions had left when the turn before this one was over, and with the sessions that
        are overdrawn; once a turn."""
        for connection in self._carried:
            if self._unhandled.get(connection.name) is connection and not self._comes_behind(connection):
                self._overdrawn.others_came = True
                self._handle(connection, self._clock(), SLICE)
        self._serve_overdrawn()
        self._carried = tuple([each for each in self._unhandled.values() if not each.is_overdrawn])

    def _comes_behind(self, connection: Connection) -> bool:
        """It is overdrawn, and waits for what is left by the others."""
        if connection.is_overdrawn:
            return True
        budget = connection.budget
        if budget.spent <= budget.room or not budget.is_overdrawn(self._clock()):
            return False
        connection.divide_messages()
        self._overdrawn.wait(connection)
        return True

    def _serve_overdrawn(self) -> None:
        now = self._clock()
        queue = self._overdrawn.queue(now)
        all_together = self._overdrawn.give_way(now)
        end = now + OVERDRAWN_SLICE
        for connection in queue:
            self._overdrawn_served = True
            seconds = end - now if all_together else SLICE
            if connection.name in self._unhandled:
                self._handle(connection, now, seconds)
            else:
                self._read(connection, seconds)
            if self._connections.get(connection.name) is connection:
                self._overdrawn.served(connection, has_more=connection.name in self._unhandled)
            now = self._clock()
            if all_together and now >= end:
                return

    @property
    def has_unhandled(self) -> bool:
        """Messages wait that no event of a socket will bring up."""
        return bool(self._unhandled)

    def due(self, now: float) -> float:
        """When the next turn is due even if nothing comes."""
        return now if self._carried else self._overdrawn.due(now)

    def finish(self, turn: Turn, flush_seconds: float = 0.0) -> None:
        """Carry out what a flush decided that took so many seconds."""
        started = self._clock() - flush_seconds
        for close in turn.closes:
            is_silent = close.notification[HEADER_LENGTH : HEADER_LENGTH + 1] == _HOLD_TIMER
            cause = self.silence(close.session) if is_silent else ""
            reason = f"{close.reason}: {cause}" if cause else close.reason
            self.close(close.session, reason, close.notification, close.ending, hold_down=close.hold_down)
        for peer in turn.ready:
            connection = self._connections.get(peer.name)
            if connection is not None and not connection.waits_to_write:
                self._write(connection)
        self._charge(started)

    def _charge(self, started: float) -> None:
        """Each session for its work in this turn, and all of them for what has ended it since then, in proportion."""
        work, self._work = self._work, {}
        handled, self._handled = self._handled, 0.0
        was_served, self._overdrawn_served = self._overdrawn_served, False
        written, self._written = self._written, 0
        if handled <= 0.0:
            return
        now, before, self._charged_at = self._clock(), self._charged_at, self._processor()
        took = handled + now - started
        whole = min(took, self._charged_at - before)
        own, in_proportion = whole / took, whole / handled
        for connection, seconds in work.items():
            connection.charge(seconds * own, seconds * in_proportion, now)
        if was_served:
            self._overdrawn.rest(whole, written, now)

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
        self._overdrawn.leave(connection)
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
        budget = connection.budget
        if events == READ and budget.spent <= budget.room and not connection.is_overdrawn:  # the usual case
            self._read(connection, SLICE)
            return
        # A peer that is gone sends no more than what is here.
        if events & _GONE or (events & READ and not self._comes_behind(connection)):
            self._read(connection, SLICE)
        if events & WRITE and self._connections.get(connection.name) is connection:
            self._write(connection)

    def _read(self, connection: Connection, seconds: float) -> None:
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
        now = self._clock()
        connection.peer.counters.bytes_in += size
        self._read_at = self._read_at or now
        connection.feed(bytes(self._received[:size]))
        if connection.is_overdrawn:
            connection.divide_messages()
        elif size > HEADER_LENGTH:
            self._overdrawn.others_came = True
        self._handle(connection, now, seconds)

    def _handle(self, connection: Connection, now: float, seconds: float) -> None:
        """The messages that it has, as long as these seconds last."""
        name, clock, receive = connection.name, self._clock, self.events.receive
        work, unhandled = self._work, self._unhandled
        end, after, has_more = now + seconds, 0.0, False
        for kind, body in connection.messages:
            receive(name, kind, body, now)
            after = clock()
            if after >= end:
                has_more = True
                break
        worked = (after or clock()) - now
        self._handled += worked
        work[connection] = work.get(connection, 0.0) + worked
        if has_more:
            unhandled[name] = connection
            return
        if name in unhandled:
            del unhandled[name]
        if connection.reader.error is not None:
            self.events.reject(name, connection.reader.error)

    def _write(self, connection: Connection) -> None:
        try:
            self._written += connection.write()
        except OSError as error:
            # What the peer sent before may have a NOTIFICATION in it, which decides how the session ends. It is handled
            # first; the read after it fails as this write did.
            if connection.name not in self._unhandled:
                self._lost(connection.name, error)

    def _lost(self, name: str, error: OSError) -> None:
        self.close(name, f"connection lost: {error.strerror}", ending=Ending.LOST)
