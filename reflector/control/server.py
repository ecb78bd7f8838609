"""The control socket: who may connect to it, and whose turn it is to be answered.

Rule: it never delays routing. Requests are answered at the end of a turn of the event loop, one part of an answer for
each client (connection.py). Only root and the user of this process may connect.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from reflector.control.connection import Answer, ClientConnection
from reflector.control.credentials import peer_credentials
from reflector.event_loop import OUT_OF_RESOURCES, READ, EventLoop
from reflector.messages import LocRibUpdate


class ControlServer:
    """Serves one Unix socket inside the speaker's event loop. `dropped` counts clients that did not read what was sent,
    `refused_clients` those that may not connect, `pauses` how often none could be accepted until `resume`."""

    def __init__(self, path: Path, loop: EventLoop, answer: Answer) -> None:
        self._path = path
        self._loop = loop
        self._answer = answer
        self._clients: dict[int, ClientConnection] = {}
        self.dropped = 0
        self.refused_clients = 0
        self.pauses = 0
        self._is_paused = False
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
        """To every subscriber; `octets` is the update's frame."""
        for client in [client for client in self._clients.values() if client.is_subscribed]:
            client.publish(update, octets)

    def work(self) -> bool:
        """One part of every answer that is due. Whether there is more for the next turn."""
        for client in [client for client in self._clients.values() if client.is_due]:
            client.advance()
        return any(client.is_due for client in self._clients.values())

    def resume(self) -> None:
        """To be called from time to time: there may be descriptors again."""
        if self._is_paused:
            self._is_paused = False
            self._loop.change(self._listener.fileno(), READ)

    def close(self) -> None:
        for client in list(self._clients.values()):
            client.close()
        self._loop.unwatch(self._listener.fileno())
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in OUT_OF_RESOURCES:
                self._is_paused = True
                self.pauses += 1
                self._loop.change(self._listener.fileno(), 0)
            return
        if not peer_credentials(connection).may_control:
            self.refused_clients += 1
            connection.close()
            return
        client = ClientConnection(connection, self._loop, self._answer, self._closed)
        self._clients[client.descriptor] = client

    def _closed(self, client: ClientConnection) -> None:
        self.dropped += client.is_stuck
        del self._clients[client.descriptor]
