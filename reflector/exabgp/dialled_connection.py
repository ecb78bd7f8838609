"""One attempt to connect to a peer, which ends with a connection or with the reason why there is none.

ExaBGP's own goes on trying and keeps the reason to itself. Rule: an attempt has an end, and AttemptError is it.
Source: connect(2): a socket is writable when the attempt is over, and SO_ERROR has the outcome.
"""

from __future__ import annotations

import errno
import select
import socket as sockets
from collections.abc import Iterator
from typing import Any

from exabgp.protocol.family import AFI
from exabgp.reactor.network.error import NetworkError
from exabgp.reactor.network.outgoing import Outgoing
from exabgp.reactor.network.tcp import asynchronous, create, md5, sending_ttl, set_minimum_ttl, set_sending_ttl

from reflector.session.obstacle import Endpoints, Explanation, Obstacle, of_bind, of_connect

_BEGUN = frozenset({0, errno.EINPROGRESS})


class AttemptError(NetworkError):  # type: ignore[misc]  # ExaBGP has no types
    """The attempt is over, for this reason."""

    def __init__(self, explanation: Explanation) -> None:
        super().__init__(explanation.sentence)
        self.explanation = explanation


class DialledConnection(Outgoing):  # type: ignore[misc]
    """ExaBGP's outgoing connection; only how it comes to be is ours."""

    # ExaBGP's: the socket, and our address, "" or None where the kernel chooses it.
    io: sockets.socket | None
    local: str | None

    @property
    def between(self) -> Endpoints:
        return Endpoints(self.peer, self.port, self.local or "", bool(self.md5))

    def establish(self) -> Iterator[bool]:
        """Yields until connected. Raises AttemptError, with the socket closed."""
        self.io = socket = self._prepared()
        try:
            self._begin(socket)
            while not _is_over(socket):
                yield False
            self._check(socket.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR))
        except AttemptError:
            self.give_up()
            raise
        self.success()
        if not self.local:
            self.local = socket.getsockname()[0]

    def give_up(self) -> None:
        if self.io is not None:
            self.io.close()
            self.io = None

    def _prepared(self) -> sockets.socket:
        try:
            socket: sockets.socket = create(self.afi, self.interface)
        except NetworkError as error:
            raise AttemptError(Explanation(Obstacle.OTHER, str(error))) from error
        try:
            md5(socket, self.peer, self.port, self.md5, self.md5_base64)
            set_sending_ttl(socket, self.afi, self.peer, sending_ttl(self.ttl, self.incoming_ttl))
            set_minimum_ttl(socket, self.afi, self.peer, self.incoming_ttl)
            if self.local:
                socket.bind((self.local, 0))
            asynchronous(socket, self.peer)
        except OSError as error:
            socket.close()
            raise AttemptError(of_bind(error.errno or 0, self.between)) from error
        except NetworkError as error:
            socket.close()
            raise AttemptError(Explanation(Obstacle.OTHER, str(error))) from error
        return socket

    def _begin(self, socket: sockets.socket) -> None:
        address: Any = (self.peer, self.port, 0, 0) if self.afi == AFI.ipv6 else (self.peer, self.port)
        self._check(socket.connect_ex(address))

    def _check(self, number: int) -> None:
        if number not in _BEGUN:
            raise AttemptError(of_connect(number, self.between))


def _is_over(socket: sockets.socket) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLOUT)
    return bool(poll.poll(0))
