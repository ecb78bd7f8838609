"""Incoming connections: each is given to the peer with its address; those of unknown peers are reset.

Rule: an unknown peer costs one accept and one reset, whatever it sends, and is noted. TCP-MD5 keys belong to the
listening socket, one for each peer (RFC 2385): a key can be replaced at any moment, also while a session is
Established.
"""

from __future__ import annotations

import socket as sockets
import struct
import time
from collections.abc import Callable
from typing import Any

from exabgp.reactor.listener import Listener, set_accepted_ttl
from exabgp.reactor.network.error import NetworkError
from exabgp.reactor.network.incoming import Incoming
from exabgp.reactor.network.tcp import md5, set_minimum_ttl

from reflector.event_loop import OUT_OF_RESOURCES, READ
from reflector.session.obstacle import Explanation, Obstacle
from reflector.session.unknown_peers import UnknownPeers

_ACCEPT_BATCH = 64
_GTSM_TTL = 255
# SO_LINGER with time 0: closing resets the connection, and nothing of an unknown peer stays in the kernel.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def _send_from_one_hop(listening: sockets.socket) -> None:
    """The SYN-ACK, which the listening socket itself sends, must satisfy a peer that checks the TTL from the first
    segment on (RFC 5082 3); which peer it is, is not known before the connection is accepted."""
    if listening.family == sockets.AF_INET6:
        listening.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_UNICAST_HOPS, _GTSM_TTL)
    else:
        listening.setsockopt(sockets.IPPROTO_IP, sockets.IP_TTL, _GTSM_TTL)


class IndexedListener(Listener):  # type: ignore[misc]  # ExaBGP has no types
    """Accepts at events of the event loop. `unknown_peers` have connected and were reset, and `pauses` is how often a
    socket could accept none until `resume`.

    `failure` is why an address could not be bound, for a speaker that does not start; "": all were.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor, backlog=1024)
        self.unknown_peers = UnknownPeers()
        self.pauses = 0
        self._paused: set[sockets.socket] = set()
        self.failure = ""

    def _listen(self, local_ip: Any, *others: Any) -> None:
        before = set(self._sockets)
        try:
            super()._listen(local_ip, *others)
        except NetworkError as error:
            self.failure = str(error)
            raise
        for listening in set(self._sockets) - before:
            _send_from_one_hop(listening)
            self._reactor.event_loop.watch(listening.fileno(), self._acceptor(listening))

    def _acceptor(self, listening: sockets.socket) -> Callable[[int], None]:
        def accept(_events: int) -> None:
            for _ in range(_ACCEPT_BATCH):
                try:
                    connection, address = listening.accept()
                except BlockingIOError:
                    return
                except OSError as error:
                    if error.errno in OUT_OF_RESOURCES:
                        self._pause(listening)
                        return
                    continue  # the peer gave up while it waited to be accepted (accept(2))
                self._admit(listening, connection, address[0])

        return accept

    def _pause(self, listening: sockets.socket) -> None:
        self._paused.add(listening)
        self.pauses += 1
        self._reactor.event_loop.change(listening.fileno(), 0)

    def resume(self) -> None:
        """To be called from time to time: there may be descriptors again."""
        for listening in self._paused & set(self._sockets):
            self._reactor.event_loop.change(listening.fileno(), READ)
        self._paused.clear()

    def incoming(self) -> bool:
        """ExaBGP's own way to accept, which is not used."""
        return False

    def _admit(self, listening: sockets.socket, connection: sockets.socket, remote: str) -> None:
        peer = self._reactor.peer_at(remote.split("%")[0])
        if peer is None:
            self.unknown_peers.note(remote, connection.getsockname()[0], time.monotonic())
            connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _RESET_ON_CLOSE)
            connection.close()
            return
        afi = self._family_AFI_map[listening.family]
        incoming = Incoming(afi, connection.getsockname()[0], remote, connection)
        set_accepted_ttl(incoming, peer.neighbor)
        try:
            # The listening socket serves all neighbours, so GTSM is set on what it accepted (RFC 5082).
            set_minimum_ttl(connection, afi, remote, peer.neighbor["incoming-ttl"])
            # It may be from before the listening socket had the key, and the kernel took it without one.
            if peer.password:
                md5(connection, remote, 0, peer.password, peer.neighbor["md5-base64"])
        except NetworkError as error:
            peer.note_failure(Explanation(Obstacle.OTHER, f"the peer's connection was refused: {error}"))
            connection.close()
            return
        peer.handle_connection(incoming)

    def close_unwanted(self, wanted: Any) -> None:
        for listening, (address, port, _, _) in self._sockets.items():
            if (address, port) not in wanted:
                self._reactor.event_loop.unwatch(listening.fileno())
        super().close_unwanted(wanted)

    def stop(self) -> None:
        for listening in self._sockets:
            self._reactor.event_loop.unwatch(listening.fileno())
        super().stop()
