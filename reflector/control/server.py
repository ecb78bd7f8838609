"""The control socket: requests of the agent and of bgpctl, and the Loc-RIB stream.

Rule: it never blocks routing. Requests are answered at the end of a turn, one part of an answer a turn and client, and
the next part is made when the client has read the ones before. A reader that does not keep up with the stream is
dropped with its connection; it reconnects and is told what it missed. Only root and this process's owner may connect.
"""

from __future__ import annotations

import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import structs

from reflector.control.credentials import peer_credentials
from reflector.event_loop import READ, WRITE, EventLoop
from reflector.messages import (
    FrameError,
    FrameReader,
    LocRibUpdate,
    Message,
    Refused,
    Request,
    Subscribe,
    decode_request,
    frame,
)

_READ_OCTETS = 64 * 1024
# A client that leaves more than this unread is stuck.
MAX_UNREAD_OCTETS = 64 * 1024 * 1024
MAX_REQUEST_OCTETS = 64 * 1024 * 1024
# With so much unread no more parts of an answer are made.
ENOUGH_UNREAD_OCTETS = 1024 * 1024

# The frames of a reply, ready made or not; None where the answer can go on in the next turn.
Answer = Callable[[Request], Iterator[Message | bytes | None]]


class _Client:
    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.descriptor = connection.fileno()
        self.reader = FrameReader(MAX_REQUEST_OCTETS)
        self.unsent = bytearray()
        self.requests: deque[Request] = deque()
        self.answer: Iterator[Message | bytes | None] | None = None
        self.is_subscribed = False
        self.is_synchronising = False
        self.error = ""

    @property
    def is_busy(self) -> bool:
        return self.answer is not None or bool(self.requests) or bool(self.error)

    @property
    def is_due(self) -> bool:
        """It waits for us, and not we for it."""
        return self.is_busy and len(self.unsent) < ENOUGH_UNREAD_OCTETS


class ControlServer:
    """Serves one Unix socket inside the speaker's event loop. `dropped` counts clients that did not read what was sent,
    `refused_clients` those that may not connect."""

    def __init__(self, path: Path, loop: EventLoop, answer: Answer) -> None:
        self._path = path
        self._loop = loop
        self._answer = answer
        self._clients: dict[int, _Client] = {}
        self.dropped = 0
        self.refused_clients = 0
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        mask = os.umask(0o177)
        try:
            self._listener.bind(str(path))
        finally:
            os.umask(mask)
        self._listener.listen(16)
        loop.watch(self._listener.fileno(), lambda _: self._accept())

    def publish(self, update: LocRibUpdate, octets: bytes) -> None:
        """To every subscriber; `octets` is the update's frame. Who still synchronises is not in sync by this."""
        early = b""
        for client in [client for client in self._clients.values() if client.is_subscribed]:
            if client.is_synchronising and update.in_sync:
                early = early or frame(structs.replace(update, in_sync=False))
                self._send(client, early)
            else:
                self._send(client, octets)

    def work(self) -> bool:
        """One part of every answer that is due. Whether there is more for the next turn."""
        for client in [client for client in self._clients.values() if client.is_due]:
            self._advance(client)
        return any(client.is_due for client in self._clients.values())

    def close(self) -> None:
        for client in list(self._clients.values()):
            self._drop(client)
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._path.unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------- clients

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        if not peer_credentials(connection).may_control:
            self.refused_clients += 1
            connection.close()
            return
        connection.setblocking(False)
        client = _Client(connection)
        self._clients[client.descriptor] = client
        self._loop.watch(client.descriptor, lambda events: self._on_event(client, events))

    def _on_event(self, client: _Client, events: int) -> None:
        if events & (READ | select.EPOLLHUP | select.EPOLLERR):
            self._read(client)
        if events & WRITE and client.descriptor in self._clients:
            self._send(client, b"")

    def _read(self, client: _Client) -> None:
        try:
            data = client.socket.recv(_READ_OCTETS)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        try:
            client.requests += map(decode_request, client.reader.feed(data))
        except FrameError as error:
            client.error = str(error)
        self._mind(client)

    def _advance(self, client: _Client) -> None:
        """One part of the answer under way, or of that to the next request."""
        if client.answer is None and not client.requests:
            self._send(client, frame(Refused(client.error)))
            self._drop(client)
            return
        if client.answer is None:
            request = client.requests.popleft()
            client.is_synchronising = isinstance(request, Subscribe)
            client.is_subscribed |= client.is_synchronising
            client.answer = self._answer(request)
        for part in client.answer:
            if part is None:
                return
            self._send(client, part if isinstance(part, bytes) else frame(part))
        client.answer = None
        client.is_synchronising = False
        self._mind(client)

    def _send(self, client: _Client, data: bytes) -> None:
        """Queue and write as far as the socket takes it."""
        if client.descriptor not in self._clients:
            return
        unsent = client.unsent
        unsent += data
        try:
            while unsent:
                sent = client.socket.send(unsent)
                del unsent[:sent]
        except BlockingIOError:
            if len(unsent) > MAX_UNREAD_OCTETS:
                self.dropped += 1
                self._drop(client)
                return
        except OSError:
            self._drop(client)
            return
        self._mind(client)

    def _mind(self, client: _Client) -> None:
        """Read from a client only when it has been answered; what it asks meanwhile waits in its socket."""
        if client.descriptor in self._clients:
            events = (0 if client.is_busy else READ) | (WRITE if client.unsent else 0)
            self._loop.change(client.descriptor, events)

    def _drop(self, client: _Client) -> None:
        if self._clients.pop(client.descriptor, None) is not None:
            self._loop.forget(client.descriptor)
            client.socket.close()
