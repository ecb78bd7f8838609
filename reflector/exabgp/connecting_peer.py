"""How a session gets its connection: dialled or accepted, and one of two that collide (collision.py).

Rule: ExaBGP's state machine runs the session on its connection until it is Established (RFC 4271 8). One in hold-down
is neither dialled nor accepted. Why the last attempt failed is kept until the session is Established.
"""

from __future__ import annotations

import errno
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from exabgp.bgp.fsm import FSM
from exabgp.bgp.message import Notification, Notify
from exabgp.reactor.network.error import NetworkError
from exabgp.reactor.network.tcp import md5
from exabgp.reactor.peer import ACTION

from reflector.event_loop import WRITE
from reflector.exabgp.collision import own_address_is_higher, refuse, takes_the_place
from reflector.exabgp.dialled_connection import AttemptError
from reflector.exabgp.open_message import SpeakerProtocol
from reflector.exabgp.scheduled_peer import ScheduledPeer
from reflector.session.obstacle import Explanation, Failure, Obstacle, of_connect
from reflector.session.set_up import SetUp
from reflector.wire.message import Cease, ErrorCode, describe_notification

# What a connection was for when it ended before the session was Established.
_NEGOTIATING = {
    FSM.CONNECT: "before its OPEN",
    FSM.OPENSENT: "before its OPEN",
    FSM.OPENCONFIRM: "after the OPENs",
}
# Obstacles that a wrong key may be behind.
_SILENT = frozenset({Obstacle.TIMED_OUT, Obstacle.PASSWORD})
# Whose data ExaBGP makes a text of (RFC 9003).
_WITH_TEXT = {
    (ErrorCode.CEASE, Cease.ADMINISTRATIVE_SHUTDOWN),
    (ErrorCode.CEASE, Cease.ADMINISTRATIVE_RESET),
}
# RFC 4271 8.2.1.1 suggests 120 s between attempts; inside one data centre a dead peer is worth asking more often.
CONNECT_TIMEOUT = 5.0


class ConnectingPeer(ScheduledPeer):
    """`_dialled` is the connection that is being dialled, `_parked` one of the peer's that waits for the outcome.

    failure        of the last attempt; None: there was none since the session was Established
    failures       how many attempts have failed, by obstacle
    silent_since   the peer has not been heard since then, by a clock that never goes back
    """

    def __init__(self, neighbor: Any, reactor: Any) -> None:
        super().__init__(neighbor, reactor)
        self._dialled: Any = None
        self._parked: Any = None
        self.failure: Failure | None = None
        self.failures: Counter[Obstacle] = Counter()
        self.silent_since = time.monotonic()

    # ------------------------------------------------------------------------------------ dialled

    def _connect(self) -> Iterator[int]:
        """Dial until connected or failed; a failure waits for its delay (RFC 4271 8, ConnectRetryTimer). A connection
        of the peer that came in meanwhile is taken if ours fails, and refused if ours is made."""
        self.connection_attempts += 1
        proto = self._dialled = SpeakerProtocol(self)
        try:
            yield from self._dial(proto)
        except NetworkError:
            if self._parked is None:
                raise
            self.proto = SpeakerProtocol(self).accept(self._parked)
        else:
            self.proto = proto
            if self._parked is not None:
                refuse(self._parked, Cease.CONNECTION_COLLISION)
        finally:
            self._dialled = self._parked = None
            if self.proto is not proto:
                proto.connection.close()

    def _dial(self, proto: Any) -> Iterator[int]:
        deadline = time.monotonic() + CONNECT_TIMEOUT
        for connected in proto.connect():
            if connected:
                return
            if self._teardown:
                proto.connection.give_up()
                raise NetworkError("no longer wanted")
            if time.monotonic() > deadline:
                proto.connection.give_up()
                raise AttemptError(of_connect(errno.ETIMEDOUT, proto.connection.between))
            self._wait_for(proto.connection.io, WRITE, deadline)
            yield ACTION.LATER

    def _sleep(self, *, has_more: bool) -> None:
        """What is being dialled has made its own appointment."""
        if self._dialled is None:
            super()._sleep(has_more=has_more)

    # ----------------------------------------------------------------------------------- accepted

    def handle_connection(self, connection: Any) -> None:
        """Accept an incoming connection, let it wait, or refuse it."""
        if self.stopping() or self._delay.is_in_hold_down:
            refuse(connection, Cease.CONNECTION_REJECTED)
        elif self.fsm == FSM.ESTABLISHED or (self.proto and not takes_the_place(self.proto, self.neighbor, connection)):
            refuse(connection, Cease.CONNECTION_COLLISION)
        elif self._dialled is not None and own_address_is_higher(self.neighbor, connection):
            if self._parked is not None:
                refuse(self._parked, Cease.CONNECTION_COLLISION)
            self._parked = connection
        else:
            if self.proto:
                self._close("an incoming connection takes the place of ours")
            self.proto = SpeakerProtocol(self).accept(connection)
            self.generator = None
            self._delay.reset()
            self._wake()

    # --------------------------------------------------------------------- on whatever connection

    def _set_key(self, key: str) -> None:
        """RFC 2385 has no words for a key that changes: until the other end has the new one as well neither takes the
        other's segments, and TCP sends them again."""
        self.neighbor["md5-password"] = key
        for proto in (self.proto, self._dialled):
            connection = proto.connection if proto is not None else None
            if connection is not None and connection.io is not None:
                connection.md5 = key
                md5(connection.io, self.address, 0, key, self.neighbor["md5-base64"])

    def _reset(self, message: str = "", error: Any = "") -> None:
        """ExaBGP's end of an attempt, or of an Established session, of which the engine has the reason."""
        explanation = self._explanation(error)
        if explanation is not None:
            self.note_failure(explanation)
        super()._reset(message, error)

    @property
    def set_up(self) -> SetUp:
        return SetUp(self.fsm.name().capitalize(), self.failure, self.failures)

    def note_failure(self, explanation: Explanation) -> None:
        """An attempt has failed, the peer's or ours. Where a wrong key is the likely cause, that is what is kept."""
        suspicion = self._suspicion() if explanation.obstacle is Obstacle.TIMED_OUT else ""
        if suspicion:
            explanation = Explanation(Obstacle.PASSWORD, suspicion)
        self.failures[explanation.obstacle] += 1
        self._keep(explanation)

    def _keep(self, explanation: Explanation) -> None:
        self.failure = Failure(*explanation, time.monotonic())
        session = self.reactor.session_at(self.address)
        if session is not None:
            self.reactor.transport.lines.not_up(session, self.failure)

    def suspect_key(self) -> None:
        """Segments with a wrong signature have come. A peer whose connections the kernel drops makes no attempt that
        could fail; an attempt that failed for another reason has a better one."""
        if self.fsm != FSM.ESTABLISHED and (self.failure is None or self.failure.obstacle in _SILENT):
            suspicion = self._suspicion()
            if suspicion:
                self._keep(Explanation(Obstacle.PASSWORD, suspicion))

    def _suspicion(self) -> str:
        has_password = bool(self.neighbor["md5-password"])
        suspicion: str = self.reactor.wrong_keys.suspicion(self.silent_since, has_password=has_password)
        return suspicion

    def _explanation(self, error: Any) -> Explanation | None:
        if isinstance(error, AttemptError):
            return error.explanation
        if isinstance(error, Notification):
            return _of_notification(error)
        if not isinstance(error, NetworkError) or self.fsm.state not in _NEGOTIATING:
            return None
        local = self.proto.connection.local if self.proto and self.proto.connection else self.neighbor["local-address"]
        when = _NEGOTIATING[self.fsm.state]
        return Explanation(
            Obstacle.CLOSED, f"closed: the peer closed the connection {when}; it may have no session with {local}"
        )


def _of_notification(error: Any) -> Explanation:
    """Of a NOTIFICATION that ended an attempt; what ExaBGP sends itself has its reason as text in the data."""
    name = describe_notification(bytes((error.code, error.subcode)))
    text = error.data.decode("ascii", "replace")
    if isinstance(error, Notify):
        return Explanation(Obstacle.NOTIFICATION_SENT, f"{name}: {text}" if text.isprintable() else name)
    has_text = text and (error.code, error.subcode) in _WITH_TEXT
    return Explanation(
        Obstacle.NOTIFICATION_RECEIVED, f"peer sent NOTIFICATION: {name}{f': {text}' if has_text else ''}"
    )
