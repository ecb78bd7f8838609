"""Every seam into ExaBGP, and nothing else: where it makes peers, accepts connections, waits, and reloads.

Rule: ExaBGP owns a session until Established and after we are done with it; in between it neither polls nor visits it.
All of this leans on names inside ExaBGP that carry no promise, so it runs with the one version it was written for, and
`require_supported_version` refuses any other. `tests/reflector/test_seams.py` holds the contract of each seam.

What is overridden, and why:
    Peer._main              runs in Established: gives the socket to the transport and sleeps until it comes back
    Peer._connect           ExaBGP dials without pause; ours has a connect timeout and a growing, bounded delay
    Peer.handle_connection  ExaBGP always prefers an incoming connection; ours decides collisions alike on both sides
    Peer.reestablish, remove, shutdown   end a session that is with the transport, with the right NOTIFICATION
    Listener                accepts on events and finds the peer by its address instead of scanning all of them
    Reactor.active_peers    only sessions that ExaBGP works on, and of those only the ones that are due
    Reactor._wait_for_io    our event loop
"""

from __future__ import annotations

import contextlib
import socket as sockets
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

from exabgp.bgp.fsm import FSM
from exabgp.bgp.message import Notify
from exabgp.bgp.message.open.capability import REFRESH, Capability
from exabgp.bgp.message.open.capability.graceful import Graceful
from exabgp.protocol.family import AFI, SAFI
from exabgp.reactor import listener as listener_module
from exabgp.reactor import loop as loop_module
from exabgp.reactor.listener import Listener, set_accepted_ttl
from exabgp.reactor.loop import Reactor
from exabgp.reactor.network.error import NetworkError
from exabgp.reactor.network.incoming import Incoming
from exabgp.reactor.network.tcp import set_minimum_ttl
from exabgp.reactor.peer import ACTION, Peer
from exabgp.reactor.protocol import Protocol
from exabgp.version import version as exabgp_version

from reflector.exabgp.event_loop import EventLoop, LentPoller
from reflector.exabgp.transport import Handover, Transport
from reflector.peer import GracefulRestart, Negotiated
from reflector.plan import Family
from reflector.wire.message import Cease, ErrorCode, notification
from reflector.wire.nlri import pack_address

SUPPORTED_VERSION = "5.0.15"

# RFC 4271 8.2.1.1 suggests 120 s between attempts; inside one data centre a dead peer is worth asking more often.
CONNECT_TIMEOUT = 5.0
_RETRY_DELAYS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# How often a session that waits for its TCP connection is looked at, and one that ExaBGP negotiates.
_CONNECT_POLL = 0.02
_NEGOTIATE_POLL = 0.1
_ACCEPT_BATCH = 64
# SO_LINGER with time 0: closing resets the connection, and nothing of a stranger stays in the kernel.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

_FAMILIES: dict[Family, Any] = {4: (AFI.ipv4, SAFI.unicast), 6: (AFI.ipv6, SAFI.unicast)}


def require_supported_version() -> None:
    """Raises RuntimeError for an ExaBGP whose inside we do not know."""
    if exabgp_version.split("-")[0] != SUPPORTED_VERSION:
        raise RuntimeError(f"the session layer needs ExaBGP {SUPPORTED_VERSION}, and this is {exabgp_version}")


class RetryDelay:
    """Takes the place of ExaBGP's Delay, which grows to a minute."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    def reset(self) -> None:
        self._failures = 0
        self._until = 0.0

    def increase(self) -> None:
        self._until = time.monotonic() + _RETRY_DELAYS[min(self._failures, len(_RETRY_DELAYS) - 1)]
        self._failures += 1

    def backoff(self) -> bool:
        return time.monotonic() < self._until

    @property
    def until(self) -> float:
        return self._until


class HandoverPeer(Peer):  # type: ignore[misc]  # ExaBGP has no types
    """ExaBGP's peer, whose Established session is ours. `wake_at` is when it next needs a turn."""

    def __init__(self, neighbor: Any, reactor: Any) -> None:
        super().__init__(neighbor, reactor)
        self._delay = RetryDelay()
        self._ended: str | None = None
        self._session = ""
        self._is_dialling = False
        self._parked: Any = None
        self.is_handed_over = False
        self.wake_at = 0.0
        # ExaBGP's name for it: taken now, because it changes when a local address is discovered.
        self.key = neighbor.index()

    @property
    def address(self) -> str:
        return str(self.neighbor["peer-address"])

    # ------------------------------------------------------------------------------ hand-over

    def _main(self) -> Iterator[int]:
        if self._teardown:
            raise Notify(ErrorCode.CEASE, Cease.PEER_DECONFIGURED)
        self._session = self.reactor.session_names.get(self.address, "")
        if not self._session:
            raise Notify(ErrorCode.CEASE, Cease.PEER_DECONFIGURED)
        self.stats["up"] += 1
        self._delay.reset()
        self._ended = None
        self.is_handed_over = True
        self.reactor.visiting.discard(self.key)
        connection = self.proto.connection
        negotiated = read_negotiated(self.proto.negotiated, connection.io)
        self.reactor.transport.take(Handover(self._session, connection.io, negotiated, self._take_back))
        # What the new session is to be sent leaves with this turn of the reactor, which waits for no event.
        self.reactor.hasten()
        while self._ended is None:
            yield ACTION.LATER
        raise NetworkError(self._ended)

    def _take_back(self, reason: str) -> None:
        """The transport is done with the session: ExaBGP closes the socket at its next turn, and retries."""
        self._ended = reason
        self.is_handed_over = False
        self.wake_at = 0.0
        self.reactor.visiting.add(self.key)

    def _release(self, reason: str, cease: Cease | None) -> None:
        if self.is_handed_over:
            message = notification(ErrorCode.CEASE, cease) if cease is not None else b""
            self.reactor.transport.close(self._session, reason, message)

    def socket(self) -> int:
        return -1 if self.is_handed_over else int(super().socket())

    def reestablish(self, restart_neighbor: Any = None) -> None:
        super().reestablish(restart_neighbor)
        self.wake_at = 0.0
        self._release("the session's definition changed", Cease.OTHER_CONFIGURATION_CHANGE)

    def remove(self) -> None:
        self._release("removed from the plan", Cease.PEER_DECONFIGURED)
        super().remove()

    def shutdown(self) -> None:
        """Without a NOTIFICATION: that would make peers flush what graceful restart lets them keep (RFC 4724 4.1)."""
        self._release("the speaker stops", None)
        super().shutdown()

    # -------------------------------------------------------------------------------- dialling

    def _connect(self) -> Iterator[int]:
        """Dial until connected or failed; a failure waits for its delay (RFC 4271 8, ConnectRetryTimer). A connection
        of the peer that came in meanwhile is taken if ours fails, and refused if ours is made."""
        self.connection_attempts += 1
        proto = Protocol(self)
        self._is_dialling = True
        try:
            yield from self._dial(proto)
        except NetworkError:
            proto.connection.close()
            if self._parked is None:
                raise
            self.proto = Protocol(self).accept(self._parked)
        else:
            self.proto = proto
            if self._parked is not None:
                _refuse(self._parked, Cease.CONNECTION_COLLISION)
        finally:
            self._is_dialling = False
            self._parked = None
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
            self.wake_at = time.monotonic() + _CONNECT_POLL
            yield ACTION.LATER

    def run(self) -> Any:
        """One of ExaBGP's ACTIONs, or None when there is nothing to run."""
        begins = self.generator is None
        action = super().run()
        if begins and self.generator:
            # ExaBGP would begin with its next turn, which without an event is a tenth of a second away.
            action = ACTION.NOW
        if action == ACTION.LATER and self.generator is None:
            self.wake_at = max(self.wake_at, self._delay.until)
        elif action == ACTION.NOW:
            self.wake_at = 0.0
        return action

    # ----------------------------------------------------------------------- incoming connections

    def handle_connection(self, connection: Any) -> None:
        """Accept, park or refuse (RFC 4271 6.8). Both ends must keep the same one of two colliding connections: that
        of the end with the higher BGP identifier."""
        if self.stopping():
            _refuse(connection, Cease.CONNECTION_REJECTED)
        elif self.fsm == FSM.ESTABLISHED or (self.proto and not self._incoming_wins()):
            _refuse(connection, Cease.CONNECTION_COLLISION)
        elif self._is_dialling and self._is_higher():
            # Whether ours gets through is not known yet; _connect will decide.
            if self._parked is not None:
                _refuse(self._parked, Cease.CONNECTION_COLLISION)
            self._parked = connection
        else:
            if self.proto:
                self._close("an incoming connection takes the place of ours")
            self.proto = Protocol(self).accept(connection)
            self.generator = None
            self.wake_at = 0.0
            self._delay.reset()

    def _incoming_wins(self) -> bool:
        if self.proto.connection.direction == "incoming":
            # The peer has dialled anew: it has given up the connection that we are still negotiating on.
            return True
        received_open = self.proto.negotiated.received_open
        if received_open is None:
            return not self._is_higher()
        return bool(self.neighbor["router-id"].pack() < received_open.router_id.pack())

    def _is_higher(self) -> bool:
        """Before the peer's OPEN has come its address stands for its identifier; both ends compare the same two."""
        return pack_address(str(self.neighbor["local-address"])) > pack_address(self.address)


def _is_connected(connection: sockets.socket) -> bool:
    """ExaBGP reads SO_ERROR, which clears it, and takes the second look at a refused connection for success."""
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


def _refuse(connection: Any, cease: Cease) -> None:
    # If the other end is gone already there is nobody to tell.
    with contextlib.suppress(OSError):
        connection.io.send(notification(ErrorCode.CEASE, cease))
    connection.close()


def read_negotiated(negotiated: Any, connection: sockets.socket) -> Negotiated:
    """ExaBGP's view of the two OPENs as our value."""
    capabilities = negotiated.received_open.capabilities
    agreed = negotiated.families
    if not capabilities.announced(Capability.CODE.MULTIPROTOCOL):
        # RFC 4760 8: a peer without the capability speaks IPv4 unicast.
        agreed = [name for name in negotiated.neighbor.families() if name == _FAMILIES[4]]
    families = [family for family, name in _FAMILIES.items() if name in agreed]
    return Negotiated(
        router_id=negotiated.received_open.router_id.pack(),
        local_address=pack_address(connection.getsockname()[0].split("%")[0]),
        families=tuple(families),
        hold_time=int(negotiated.holdtime),
        four_octet_as=bool(negotiated.asn4),
        route_refresh=negotiated.refresh != REFRESH.ABSENT,
        enhanced_refresh=negotiated.refresh == REFRESH.ENHANCED,
        max_length=int(negotiated.msg_size),
        graceful_restart=_graceful_restart(negotiated),
        add_path_send=frozenset(f for f in families if negotiated.addpath.send(*_FAMILIES[f])),
        add_path_receive=frozenset(f for f in families if negotiated.addpath.receive(*_FAMILIES[f])),
    )


def _graceful_restart(negotiated: Any) -> GracefulRestart | None:
    """The peer's capability, if we have announced ours as well (RFC 4724 3)."""
    code = Capability.CODE.GRACEFUL_RESTART
    sent, received = negotiated.sent_open.capabilities, negotiated.received_open.capabilities
    if not (sent.announced(code) and received.announced(code)):
        return None
    capability = received[code]
    families = {family: capability[name] for family, name in _FAMILIES.items() if name in capability}
    return GracefulRestart(
        time=int(capability.restart_time),
        is_restarting=bool(capability.restart_flag & Graceful.RESTART_STATE),
        families=frozenset(families),
        forwarding=frozenset(family for family, flags in families.items() if flags & Graceful.FORWARDING_STATE),
    )


class IndexedListener(Listener):  # type: ignore[misc]  # ExaBGP has no types
    """Accepts when the event loop says so. A stranger is reset at once; `strangers` counts them.

    `failure` is why an address could not be bound, for a speaker that does not start.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor, backlog=1024)
        self.strangers = 0
        self.failure = ""

    def _listen(self, local_ip: Any, *others: Any) -> None:
        before = set(self._sockets)
        try:
            super()._listen(local_ip, *others)
        except NetworkError as error:
            self.failure = str(error)
            raise
        for listening in set(self._sockets) - before:
            self._reactor.event_loop.watch(listening.fileno(), self._acceptor(listening))

    def _acceptor(self, listening: sockets.socket) -> Callable[[int], None]:
        def accept(_events: int) -> None:
            for _ in range(_ACCEPT_BATCH):
                try:
                    connection, address = listening.accept()
                except BlockingIOError:
                    return
                except OSError:
                    continue  # the peer gave up while it waited to be accepted (accept(2))
                self._admit(listening, connection, address[0])

        return accept

    def incoming(self) -> bool:
        """ExaBGP's own way to accept, which is not used."""
        return False

    def _admit(self, listening: sockets.socket, connection: sockets.socket, remote: str) -> None:
        peer = self._reactor.peer_at(remote.split("%")[0])
        if peer is None:
            self.strangers += 1
            connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _RESET_ON_CLOSE)
            connection.close()
            return
        afi = self._family_AFI_map[listening.family]
        incoming = Incoming(afi, connection.getsockname()[0], remote, connection)
        set_accepted_ttl(incoming, peer.neighbor)
        try:
            # The listening socket serves all neighbours, so GTSM is set on what it accepted (RFC 5082).
            set_minimum_ttl(connection, afi, remote, peer.neighbor["incoming-ttl"])
        except NetworkError:
            connection.close()
            return
        peer.handle_connection(incoming)

    def close_unwanted(self, wanted: Any) -> None:
        for listening, (address, port, _, _) in self._sockets.items():
            if (address, port) not in wanted:
                self._reactor.event_loop.forget(listening.fileno())
        super().close_unwanted(wanted)

    def stop(self) -> None:
        for listening in self._sockets:
            self._reactor.event_loop.forget(listening.fileno())
        super().stop()


class SpeakerReactor(Reactor):  # type: ignore[misc]  # ExaBGP has no types
    """ExaBGP's reactor around our event loop.

    session_names   the plan's session for each peer address
    visiting        the names of the neighbours that ExaBGP works on
    end_of_turn     called after every turn of the event loop; it returns when it wants the next one at the latest
    """

    def __init__(self, configuration: Any, event_loop: EventLoop, end_of_turn: Callable[[], float]) -> None:
        self.event_loop = event_loop
        self.transport: Transport
        self.session_names: dict[str, str] = {}
        self.visiting: set[str] = set()
        self._by_address: dict[str, HandoverPeer] = {}
        self._end_of_turn = end_of_turn
        self._next_turn = 0.0
        super().__init__(configuration)
        self._poller = LentPoller(event_loop)

    def hasten(self) -> None:
        """The next turn of the event loop begins at once."""
        self._next_turn = 0.0

    def peer_at(self, address: str) -> HandoverPeer | None:
        return self._by_address.get(address)

    def states(self) -> dict[str, str]:
        """FSM states by session name, of the sessions that ExaBGP works on."""
        return {
            name: self._by_address[address].fsm.name().capitalize()
            for address, name in self.session_names.items()
            if address in self._by_address
        }

    def reload(self) -> bool:
        """Read exabgp.conf again. False, with the running configuration untouched, if it cannot be read."""
        reloaded = bool(super().reload())
        self._by_address = {
            str(peer.neighbor["peer-address"]): peer for peer in self._peers.values() if not peer.stopping()
        }
        self.visiting = {key for key, peer in self._peers.items() if not peer.is_handed_over}
        return reloaded

    def active_peers(self) -> set[str]:
        now = time.monotonic()
        due = set()
        for key in list(self.visiting):
            peer = self._peers.get(key)
            if peer is None:
                self.visiting.discard(key)
            elif peer.stopping() or (peer.wake_at <= now and (peer.proto or not peer.neighbor["passive"])):
                due.add(key)
        return due

    def _wait_for_io(self, sleeptime: float) -> Iterator[int]:
        timeout = 0.0 if sleeptime == 0 or self.signal.received else self._patience()
        lent = self.event_loop.turn(timeout)
        self._next_turn = self._end_of_turn()
        yield from lent

    def _patience(self) -> float:
        """Seconds until a session that ExaBGP works on, or the engine, needs a turn without any event."""
        now = time.monotonic()
        wake = self._next_turn
        for key in self.visiting:
            peer = self._peers.get(key)
            if peer is not None and (peer.proto or not peer.neighbor["passive"]):
                wake = min(wake, peer.wake_at if peer.wake_at > now else now + _NEGOTIATE_POLL)
        return max(wake - now, 0.0)


def take_the_seams() -> None:
    """Make ExaBGP's reactor use our peers and our listener. Once a process, before a reactor is made."""
    require_supported_version()
    loop_module.Peer = HandoverPeer
    listener_module.Peer = HandoverPeer
    loop_module.Listener = IndexedListener
