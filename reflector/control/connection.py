"""One client of the control socket: its requests one after the other, and the answers that it has not read yet.

Rule: a client is read from only while none of its requests is being answered; what it asks meanwhile waits in its
socket. The next part of an answer is made when the client has read the parts before it. A client that leaves more than
MAX_UNREAD_OCTETS unread is closed: it connects again, and a subscriber is then sent what it missed.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Callable, Iterator

from msgspec import structs

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
MAX_UNREAD_OCTETS = 64 * 1024 * 1024
MAX_REQUEST_OCTETS = 64 * 1024 * 1024
# With so much unread no more parts of an answer are made.
ENOUGH_UNREAD_OCTETS = 1024 * 1024

# The frames of a reply, ready made or not; None where the answer can go on in the next turn.
Answer = Callable[[Request], Iterator[Message | bytes | None]]


class ClientConnection:
    """`closed` is called once with this client, however the connection ends; `is_stuck` says that it did not read."""

    def __init__(
        self, connection: socket.socket, loop: EventLoop, answer: Answer, closed: Callable[[ClientConnection], None]
    ) -> None:
        self.descriptor = connection.fileno()
        self.is_subscribed = False
        self.is_stuck = False
        self._socket = connection
        self._loop = loop
        self._answer = answer
        self._closed = closed
        self._reader = FrameReader(MAX_REQUEST_OCTETS)
        self._unsent = bytearray()
        self._requests: deque[Request] = deque()
        self._answering: Iterator[Message | bytes | None] | None = None
        self._is_synchronising = False
        self._error = ""
        self._is_open = True
        connection.setblocking(False)
        loop.watch(self.descriptor, self._on_event)

    @property
    def is_due(self) -> bool:
        """The next part of an answer is to be made: the client waits for it, and has read those before."""
        return self._is_busy and len(self._unsent) < ENOUGH_UNREAD_OCTETS

    @property
    def _is_busy(self) -> bool:
        return self._answering is not None or bool(self._requests) or bool(self._error)

    def advance(self) -> None:
        """Makes one part of the answer under way, or of that to the next request."""
        if self._answering is None and not self._requests:
            self._send(frame(Refused(self._error)))
            self.close()
            return
        if self._answering is None:
            request = self._requests.popleft()
            self._is_synchronising = isinstance(request, Subscribe)
            self.is_subscribed |= self._is_synchronising
            self._answering = self._answer(request)
        for part in self._answering:
            if part is None:
                return
            self._send(part if isinstance(part, bytes) else frame(part))
        self._answering = None
        self._is_synchronising = False
        self._update_interest()

    def publish(self, update: LocRibUpdate, octets: bytes) -> None:
        """A change of the Loc-RIB, and its frame. It does not complete a table that is still being sent."""
        if self._is_synchronising and update.in_sync:
            octets = frame(structs.replace(update, in_sync=False))
        self._send(octets)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._loop.unwatch(self.descriptor)
            self._socket.close()
            self._closed(self)

    # ------------------------------------------------------------------------------------ octets

    def _on_event(self, events: int) -> None:
        if events & (READ | select.EPOLLHUP | select.EPOLLERR):
            self._read()
        if events & WRITE:
            self._send(b"")

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_OCTETS)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            self._requests += map(decode_request, self._reader.feed(data))
        except FrameError as error:
            self._error = str(error)
        self._update_interest()

    def _send(self, data: bytes) -> None:
        """Queue, and write as far as the socket takes it."""
        if not self._is_open:
            return
        unsent = self._unsent
        unsent += data
        try:
            while unsent:
                sent = self._socket.send(unsent)
                del unsent[:sent]
        except BlockingIOError:
            if len(unsent) > MAX_UNREAD_OCTETS:
                self.is_stuck = True
                self.close()
                return
        except OSError:
            self.close()
            return
        self._update_interest()

    def _update_interest(self) -> None:
        if self._is_open:
            self._loop.change(self.descriptor, (0 if self._is_busy else READ) | (WRITE if self._unsent else 0))
