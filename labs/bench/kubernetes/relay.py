"""The API server as nodes of a lab reach it: at the same address and port, on the loopback of each namespace.

A lab has the links of its topology and no others, so nothing of the management traffic is in its routing. A relay that
is closed is an API server that cannot be reached.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Self

from labs.bench.kubernetes.network import inside

SLICE = 1 << 16


class Relay:
    """Between the namespace of whoever makes it, where the API server is, and those that are added. `connections` were
    made, and `octets` sent in both directions together, since the beginning."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._namespaces: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._servers: list[asyncio.Server] = []
        self._relays: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.octets = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def add(self, namespace: str) -> None:
        if namespace not in self._namespaces:
            self._namespaces.append(namespace)
            self._open(namespace)

    def open(self) -> None:
        """Again, after `close`."""
        for namespace in self._namespaces:
            self._open(namespace)

    def _open(self, namespace: str) -> None:
        with inside(namespace):
            listener = socket.create_server(("127.0.0.1", self._port))
        asyncio.run_coroutine_threadsafe(self._serve(listener), self._loop).result(10)

    def close(self) -> None:
        """Connections that are open end as well."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)

    async def _serve(self, listener: socket.socket) -> None:
        self._servers.append(await asyncio.start_server(self._relay, sock=listener))

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        for relay in self._relays:
            relay.cancel()
        if self._relays:
            await asyncio.wait(self._relays)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
            ends.append(far_writer)
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        except (OSError, asyncio.CancelledError):
            for end in ends:
                end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(SLICE):
                self.octets += len(data)
                writer.write(data)
                await writer.drain()
        writer.close()
