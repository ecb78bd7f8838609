"""How a session gets its connection: dialled or accepted, and one of two that collide (collision.py).

Rule: ExaBGP's state machine runs the session on its connection until it is Established (RFC 4271 8). One in hold-down
is neither dialled nor accepted. An attempt that ended with a NOTIFICATION is reported with the reason.
"""

from __future__ import annotations

import socket as sockets
import time
from collections.abc import Iterator
from typing import Any

from exabgp.bgp.fsm import FSM
from exabgp.bgp.message import Notification, Notify
from exabgp.reactor.network.error import NetworkError
from exabgp.reactor.network.tcp import md5
from exabgp.reactor.peer import ACTION

from reflector.event_loop import WRITE
from reflector.exabgp.collision import own_address_is_higher, refuse, takes_the_place
from reflector.exabgp.open_message import SpeakerProtocol
from reflector.exabgp.scheduled_peer import ScheduledPeer
from reflector.wire.message import Cease, describe_notification

# RFC 4271 8.2.1.1 suggests 120 s between attempts; inside one data centre a dead peer is worth asking more often.
CONNECT_TIMEOUT = 5.0


class ConnectingPeer(ScheduledPeer):
    """`_dialled` is the connection that is being dialled, `_parked` one of the peer's that waits for the outcome."""

    def __init__(self, neighbor: Any, reactor: Any) -> None:
        super().__init__(neighbor, reactor)
        self._dialled: Any = None
        self._parked: Any = None

    # ------------------------------------------------------------------------------------ dialled

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
                refuse(self._parked, Cease.CONNECTION_COLLISION)
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
        """ExaBGP's end of an attempt. If it came by a NOTIFICATION people have to know which."""
        session = self.reactor.session_at(self.address)
        if session is not None and isinstance(error, Notification):
            self.reactor.transport.refused(session.name, _explanation(error))
        super()._reset(message, error)


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
