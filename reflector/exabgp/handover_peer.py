"""A session as the reactor has it: handed over at Established and taken back, and what another definition does to it.

Rule: ExaBGP's state machine runs it until Established (RFC 4271 8); from then on it sleeps until the transport is done
with the connection, and then closes and retries. A definition that differs in what belongs to the connection or the
OPEN makes the session anew; another TCP-MD5 key is set on the connection as it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from exabgp.bgp.message import Notify
from exabgp.reactor.network.error import NetworkError
from exabgp.reactor.peer import ACTION

from reflector.exabgp.collision import notify
from reflector.exabgp.connecting_peer import ConnectingPeer
from reflector.exabgp.negotiation import read_negotiated
from reflector.session.cease import cease
from reflector.transport.connection import Handover
from reflector.wire.message import Cease, ErrorCode

_REDEFINED = "the session's definition changed"


class HandoverPeer(ConnectingPeer):
    """ExaBGP's peer, whose Established session is ours. `defined_by` is the neighbour of exabgp.conf that it was last
    defined by; ExaBGP changes its own."""

    def __init__(self, neighbor: Any, reactor: Any) -> None:
        super().__init__(neighbor, reactor)
        self.defined_by = neighbor
        self.is_handed_over = False
        self._session = ""
        self._ended: str | None = None
        self._hold_time = 0

    # ------------------------------------------------------------------------------ hand-over

    def _main(self) -> Iterator[int]:
        session = self.reactor.session_at(self.address)
        if session is None:
            raise Notify(ErrorCode.CEASE, Cease.PEER_DECONFIGURED)
        self._session = session.name
        self.stats["up"] += 1
        self._delay.reset()
        self.failure = None
        self._ended = None
        self.is_handed_over = True
        self.reactor.agenda.cancel(self.key)
        connection = self.proto.connection
        negotiated = read_negotiated(self.proto.negotiated, connection.io)
        self._hold_time = negotiated.hold_time
        self.reactor.transport.take(Handover(self._session, connection.io, negotiated, self._take_back))
        # What the new session is to be sent leaves with this turn of the reactor, which waits for no event.
        self.reactor.hasten()
        while self._ended is None:
            yield ACTION.LATER
        raise NetworkError(self._ended)

    def _take_back(self, reason: str, hold_down: float) -> None:
        """The transport is done with the session: ExaBGP closes the socket at its next turn, and retries."""
        self.silent_since = time.monotonic() - self._hold_time
        self._ended = reason
        self._delay.hold_down(hold_down)
        self.is_handed_over = False
        self._wake()

    def _sleep(self, *, has_more: bool) -> None:
        """The transport takes care of a session that is handed over."""
        if not self.is_handed_over:
            super()._sleep(has_more=has_more)

    def handle_connection(self, connection: Any) -> None:
        """A peer that restarts gracefully may be away before we notice: its connection takes the place of the session
        (RFC 4724 4.2)."""
        if self.is_handed_over and self.reactor.transport.is_replaceable(self._session):
            self.reactor.transport.make_way(self._session)
            self._close("the peer has connected anew")
        super().handle_connection(connection)

    # ----------------------------------------------------------------------------------- ends

    def leave(self, reason: str, notification: bytes) -> None:
        """The session is not wanted any more."""
        self._release(reason, notification)
        self.remove()

    def shutdown(self) -> None:
        """With graceful restart without a NOTIFICATION, which would make peers flush what they may keep (RFC 4724 4),
        unless that is what is wanted."""
        for_good = self.reactor.final_reason()
        reason = for_good or "the speaker stops"
        restarts = not for_good and self.reactor.transport.restarts_gracefully(self._session)
        self._release(reason, b"" if restarts else cease(Cease.ADMINISTRATIVE_SHUTDOWN, reason))
        super().shutdown()

    def _release(self, reason: str, notification: bytes) -> None:
        if self.is_handed_over:
            self.reactor.transport.close(self._session, reason, notification)

    # ------------------------------------------------------------------------- another definition

    @property
    def password(self) -> str:
        """The TCP-MD5 key, in base64, that its connections are made with; "" without one."""
        return self.defined_by["md5-password"] or ""

    def lift_hold_down(self) -> None:
        self._delay.lift_hold_down()
        if not self.is_handed_over:
            self._wake()

    def redefine(self, neighbor: Any, *, offers_the_same: bool) -> None:
        """Take up another definition. `offers_the_same`: in the OPEN, as far as exabgp.conf does not show it."""
        if self.password and neighbor["md5-password"] and self.password != neighbor["md5-password"]:
            self._set_key(neighbor["md5-password"])
        self.defined_by = neighbor
        if self._neighbor is not None:
            self._neighbor = neighbor
        elif self.neighbor != neighbor or not offers_the_same:
            self._begin_anew(neighbor)

    def _begin_anew(self, neighbor: Any) -> None:
        if self.is_handed_over:
            self.reestablish(neighbor)
            self._release(_REDEFINED, cease(Cease.OTHER_CONFIGURATION_CHANGE))
            return
        if self.proto:
            notify(self.proto.connection, Cease.OTHER_CONFIGURATION_CHANGE)
        if self.generator:
            self.generator.close()
        self._close(_REDEFINED)
        self.generator = None
        self.neighbor = neighbor
        self._delay.reset()
        self._wake()
