"""One session in ExaBGP's hands: how it is dialled, accepted, handed over at Established, and taken back.

Rule: ExaBGP's state machine runs it until Established (RFC 4271 8); from then on it sleeps until the transport is done
with the connection, and then closes and retries. A session that is held down is neither dialled nor accepted until its
time is over or the plan says something else of it.
"""

from __future__ import annotations

import contextlib
import socket as sockets
import time
from collections.abc import Iterator
from typing import Any

from exabgp.bgp.fsm import FSM
from exabgp.bgp.message import Notification, Notify
from exabgp.reactor.network.error import NetworkError
from exabgp.reactor.network.tcp import md5
from exabgp.reactor.peer import ACTION, Peer

from reflector.event_loop import READ, WRITE
from reflector.exabgp.agenda import NOW
from reflector.exabgp.negotiation import read_negotiated
from reflector.exabgp.open_message import SpeakerProtocol
from reflector.exabgp.retry_delay import RetryDelay
from reflector.session.cease import cease
from reflector.transport.connection import Handover
from reflector.wire.message import Cease, ErrorCode, describe_notification
from reflector.wire.nlri import pack_address

# RFC 4271 8.2.1.1 suggests 120 s between attempts; inside one data centre a dead peer is worth asking more often.
CONNECT_TIMEOUT = 5.0
# How often a session that is being negotiated is looked at without an event, for its timers.
_NEGOTIATE_POLL = 0.5
# ExaBGP's steps that follow each other without waiting: an OPEN is read, checked and answered in one turn.
_STEPS_AT_ONCE = 8


class HandoverPeer(Peer):  # type: ignore[misc]  # ExaBGP has no types
    """ExaBGP's peer, whose Established session is ours. `key` is ExaBGP's name for it: taken when it is made, because
    it changes when a local address is discovered."""

    # ExaBGP's: the definition in use, the one that takes its place when the session has ended, and what runs.
    neighbor: Any
    _neighbor: Any
    generator: Any

    def __init__(self, neighbor: Any, reactor: Any) -> None:
        super().__init__(neighbor, reactor)
        self._delay = RetryDelay()
        self._ended: str | None = None
        self._session = ""
        # The connection that is being dialled, and one of the peer's that waits for the outcome.
        self._dialled: Any = None
        self._parked: Any = None
        self.is_handed_over = False
        # The neighbour of exabgp.conf that it was last defined by; ExaBGP changes its own.
        self.defined_by = neighbor
        self.key = neighbor.index()
        self._wake()

    @property
    def address(self) -> str:
        return str(self.neighbor["peer-address"])

    # ------------------------------------------------------------------------------ hand-over

    def _main(self) -> Iterator[int]:
        session = self.reactor.session_at(self.address)
        if session is None:
            raise Notify(ErrorCode.CEASE, Cease.PEER_DECONFIGURED)
        self._session = session.name
        self.stats["up"] += 1
        self._delay.reset()
        self._ended = None
        self.is_handed_over = True
        self.reactor.agenda.cancel(self.key)
        connection = self.proto.connection
        negotiated = read_negotiated(self.proto.negotiated, connection.io)
        self.reactor.transport.take(Handover(self._session, connection.io, negotiated, self._take_back))
        # What the new session is to be sent leaves with this turn of the reactor, which waits for no event.
        self.reactor.hasten()
        while self._ended is None:
            yield ACTION.LATER
        raise NetworkError(self._ended)

    def _take_back(self, reason: str, hold_down: float) -> None:
        """The transport is done with the session: ExaBGP closes the socket at its next turn, and retries."""
        self._ended = reason
        self._delay.hold(hold_down)
        self.is_handed_over = False
        self._wake()

    def _release(self, reason: str, notification: bytes) -> None:
        if self.is_handed_over:
            self.reactor.transport.close(self._session, reason, notification)

    def socket(self) -> int:
        """Nothing that ExaBGP would have to poll: its sockets are in our event loop, too."""
        return -1

    def leave(self, reason: str, notification: bytes) -> None:
        """The session is not wanted any more."""
        self._release(reason, notification)
        self.remove()

    def shutdown(self) -> None:
        """With graceful restart without a NOTIFICATION, which would make peers flush what they may keep (RFC 4724 4),
        unless that is what is wanted."""
        for_good = self.reactor.farewell()
        reason = for_good or "the speaker stops"
        restarts = not for_good and self.reactor.transport.restarts_gracefully(self._session)
        self._release(reason, b"" if restarts else cease(Cease.ADMINISTRATIVE_SHUTDOWN, reason))
        super().shutdown()

    # ------------------------------------------------------------------------------- redefinition

    @property
    def password(self) -> str:
        """The TCP-MD5 key, in base64, that its connections are made with; "" without one."""
        return self.defined_by["md5-password"] or ""

    def lift_hold_down(self) -> None:
        self._delay.release()
        if not self.is_handed_over:
            self._wake()

    def redefine(self, neighbor: Any, *, offers_alike: bool) -> None:
        """The plan says something else of the session. It is made anew if that belongs to the connection or the OPEN;
        another TCP-MD5 key is set on the connection as it is."""
        if self.password and neighbor["md5-password"] and self.password != neighbor["md5-password"]:
            self._set_key(neighbor["md5-password"])
        self.defined_by = neighbor
        if self._neighbor is not None:
            self._neighbor = neighbor
        elif self.neighbor != neighbor or not offers_alike:
            self._begin_anew(neighbor)

    def _begin_anew(self, neighbor: Any) -> None:
        if self.is_handed_over:
            self.reestablish(neighbor)
            self._release("the session's definition changed", cease(Cease.OTHER_CONFIGURATION_CHANGE))
            return
        if self.proto:
            _tell(self.proto.connection, Cease.OTHER_CONFIGURATION_CHANGE)
        if self.generator:
            self.generator.close()
        self._close("the session's definition changed")
        self.generator = None
        self.neighbor = neighbor
        self._delay.reset()
        self._wake()

    def _set_key(self, key: str) -> None:
        """RFC 2385 has no words for a key that changes: until the other end has the new one as well neither takes the
        other's segments, and TCP sends them again."""
        self.neighbor["md5-password"] = key
        for proto in (self.proto, self._dialled):
            connection = proto.connection if proto is not None else None
            if connection is not None and connection.io is not None:
                connection.md5 = key
                md5(connection.io, self.address, 0, key, self.neighbor["md5-base64"])

    # -------------------------------------------------------------------------------- dialling

    def _connect(self) -> Iterator[int]:
        """Dial until connected or failed; a failure waits for its delay (RFC 4271 8, ConnectRetryTimer). A connection
        of the peer that came in meanwhile is taken if ours fails, and refused if ours is made."""
        self.connection_attempts += 1
        proto = self._dialled = SpeakerProtocol(self)
        try:
            yield from self._dial(proto)
        except NetworkError:
            proto.connection.close()
            if self._parked is None:
                raise
            self.proto = SpeakerProtocol(self).accept(self._parked)
        else:
            self.proto = proto
            if self._parked is not None:
                _refuse(self._parked, Cease.CONNECTION_COLLISION)
        finally:
            self._dialled = self._parked = None
            if self.proto is not proto:
                proto.connection.close()

    def _dial(self, proto: Any) -> Iterator[int]:
        deadline = time.monotonic() + CONNECT_TIMEOUT
        attempt = None
        for connected in proto.connect():
            if connected:
                if not _is_connected(proto.connection.io):
                    raise NetworkError("connection refused")
                return
            if self._teardown:
                raise NetworkError("no longer wanted")
            socket = proto.connection.io
            # ExaBGP opens another socket for its next attempt: the first one has failed.
            if socket is None or (attempt is not None and socket is not attempt):
                raise NetworkError("connection refused")
            if time.monotonic() > deadline:
                raise NetworkError("connection timed out")
            attempt = socket
            self._wait_for(socket, WRITE, deadline)
            yield ACTION.LATER

    def _reset(self, message: str = "", error: Any = "") -> None:
        """ExaBGP's end of an attempt. If it came by a NOTIFICATION people have to know which."""
        session = self.reactor.session_at(self.address)
        if session is not None and isinstance(error, Notification):
            self.reactor.transport.refused(session.name, _explanation(error))
        super()._reset(message, error)

    # ------------------------------------------------------------------------------------- turns

    @property
    def has_something_to_run(self) -> bool:
        """A passive session without a connection waits for one."""
        return bool(self.proto) or self.stopping() or not self.neighbor["passive"]

    def run(self) -> Any:
        """As far as it gets without waiting. One of ExaBGP's ACTIONs, or None when there is nothing to run."""
        for _ in range(_STEPS_AT_ONCE):
            begins = self.generator is None
            action = super().run()
            if action != ACTION.NOW and not (begins and self.generator):
                break
        if action in (ACTION.NOW, ACTION.LATER):
            self._sleep(has_more=action == ACTION.NOW)
            return ACTION.LATER
        return action

    def _sleep(self, *, has_more: bool) -> None:
        """Until an event, or a time. ExaBGP asks for its next turn at once also while it waits for the KEEPALIVE that
        makes the session Established; that comes with an event."""
        if self.is_handed_over or self._dialled is not None:
            return
        if self.generator is None:
            self._wake(self._delay.until)
        elif has_more and self.fsm != FSM.OPENCONFIRM:
            self._wake()
        elif self.proto is not None and self.proto.connection is not None:
            self._wait_for(self.proto.connection.io, READ, time.monotonic() + _NEGOTIATE_POLL)

    def _wait_for(self, socket: sockets.socket, events: int, at: float) -> None:
        self.reactor.event_loop.watch(socket.fileno(), lambda _: self._wake(), events)
        self._wake(at)

    def _wake(self, at: float = NOW) -> None:
        self.reactor.agenda.put(self.key, at)

    # ----------------------------------------------------------------------- incoming connections

    def handle_connection(self, connection: Any) -> None:
        """Accept, park or refuse (RFC 4271 6.8). Both ends must keep the same one of two colliding connections: that
        of the end with the higher BGP identifier. A peer that restarts gracefully may be away before we notice: its
        connection takes the place of the session (RFC 4724 4.2)."""
        if self.is_handed_over and self.reactor.transport.is_replaceable(self._session):
            self.reactor.transport.make_way(self._session)
            self._close("the peer has connected anew")
        if self.stopping() or self._delay.is_held:
            _refuse(connection, Cease.CONNECTION_REJECTED)
        elif self.fsm == FSM.ESTABLISHED or (self.proto and not self._incoming_wins(connection)):
            _refuse(connection, Cease.CONNECTION_COLLISION)
        elif self._dialled is not None and self._is_higher(connection):
            # Whether ours gets through is not known yet; _connect will decide.
            if self._parked is not None:
                _refuse(self._parked, Cease.CONNECTION_COLLISION)
            self._parked = connection
        else:
            if self.proto:
                self._close("an incoming connection takes the place of ours")
            self.proto = SpeakerProtocol(self).accept(connection)
            self.generator = None
            self._delay.reset()
            self._wake()

    def _incoming_wins(self, incoming: Any) -> bool:
        if self.proto.connection.direction == "incoming":
            # The peer has dialled anew: it has given up the connection that we are still negotiating on.
            return True
        received_open = self.proto.negotiated.received_open
        if received_open is None:
            return not self._is_higher(incoming)
        return bool(self.neighbor["router-id"].pack() < received_open.router_id.pack())

    def _is_higher(self, incoming: Any) -> bool:
        """Before the peer's OPEN has come its address stands for its identifier; both ends compare the same two."""
        own, _, _ = incoming.io.getsockname()[0].partition("%")
        return pack_address(own) > pack_address(self.address)


def _is_connected(connection: sockets.socket) -> bool:
    """ExaBGP reads SO_ERROR, which clears it, and takes the second look at a refused connection for success."""
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


def _explanation(error: Any) -> str:
    """Of a NOTIFICATION that ended an attempt; what ExaBGP sends itself has its reason as text in the data."""
    name = describe_notification(bytes((error.code, error.subcode)))
    if not isinstance(error, Notify):
        return f"peer sent NOTIFICATION: {name}"
    text = error.data.decode("ascii", "replace")
    return f"{name}: {text}" if text.isprintable() else name


def _refuse(connection: Any, subcode: Cease) -> None:
    _tell(connection, subcode)
    connection.close()


def _tell(connection: Any, subcode: Cease) -> None:
    # If the other end is gone already there is nobody to tell.
    with contextlib.suppress(OSError):
        connection.io.send(cease(subcode))
