"""The control socket: requests of the agent and of bgpctl, and the Loc-RIB stream.

Rule: it never blocks routing. A reader that does not keep up is dropped with its connection; it reconnects and
synchronises again. Only the owner of the socket may connect: the file is of mode 0600 in a directory of mode 0700.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

from reflector.exabgp.event_loop import READ, WRITE, EventLoop
from reflector.messages import FrameError, FrameReader, Message, Refused, Request, Subscribe, decode_request, frame

_READ_OCTETS = 256 * 1024
# A client that leaves more than this unread is stuck.
MAX_UNREAD_OCTETS = 64 * 1024 * 1024
MAX_REQUEST_OCTETS = 64 * 1024 * 1024

Answer = Callable[[Request], Iterable[Message]]


class _Client:
    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.descriptor = connection.fileno()
        self.reader = FrameReader(MAX_REQUEST_OCTETS)
        self.unsent = bytearray()
        self.is_subscribed = False


class ControlServer:
    """Serves one Unix socket inside the speaker's event loop. `answer` gives the frames that reply to a request."""

    def __init__(self, path: Path, loop: EventLoop, answer: Answer) -> None:
        self._path = path
        self._loop = loop
        self._answer = answer
        self._clients: dict[int, _Client] = {}
        self.dropped = 0
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

    @property
    def has_subscribers(self) -> bool:
        return any(client.is_subscribed for client in self._clients.values())

    def publish(self, message: Message) -> None:
        """To every subscriber."""
        data = frame(message)
        for client in [client for client in self._clients.values() if client.is_subscribed]:
            self._send(client, data)

    def close(self) -> None:
        for client in list(self._clients.values()):
            self._drop(client)
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
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
            for body in client.reader.feed(data):
                self._serve(client, decode_request(body))
        except FrameError as error:
            self._send(client, frame(Refused(str(error))))
            self._drop(client)

    def _serve(self, client: _Client, request: Request) -> None:
        for message in self._answer(request):
            self._send(client, frame(message))
        if isinstance(request, Subscribe):
            client.is_subscribed = True

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
        self._loop.change(client.descriptor, READ | WRITE if unsent else READ)

    def _drop(self, client: _Client) -> None:
        if self._clients.pop(client.descriptor, None) is not None:
            self._loop.forget(client.descriptor)
            client.socket.close()
