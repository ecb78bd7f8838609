"""Serves /livez, /readyz and /metrics: GET and HEAD, one request a connection, everything bounded.

On asyncio's own streams, in a loop of their own (server_thread.py): three fixed paths need no framework, and the
standard library's http.server costs 50 ms to import.

    /livez    200 as long as the loop of the process turns
    /readyz   200, or 503 with what is missing
    /metrics  the Prometheus text format; with a CA for clients, only for those with a certificate of it

With TLS the time of the handshake counts as part of the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from bgpctl.daemon.http.connections import Connections
from bgpctl.daemon.http.metrics_address import MetricsAddress
from bgpctl.daemon.http.tls import ServerTls
from bgpctl.errors import NotReadyError

LARGEST_HEAD = 8192
PIECE = 65536
REQUEST_SECONDS = 5.0
# How long a client may take to close its side after its answer (RFC 8446 6.1).
CLOSING_SECONDS = 1.0
# Only for clients with a certificate, where there is a CA for them.
PROTECTED = frozenset({"/metrics"})
# Large, and for clients that may read slowly or not at all: there is always room for others.
SCRAPED = frozenset({"/metrics"})

PLAIN_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    status: HTTPStatus
    body: bytes
    content_type: str = PLAIN_TEXT

    @classmethod
    def text(cls, status: HTTPStatus, sentence: str = "") -> Page:
        return cls(status, f"{sentence or status.phrase}\n".encode())


Pages = Mapping[str, Callable[[], Awaitable[Page]]]


class HttpServer:
    """A listening server. Made by `open`; `address` has the port that was really taken."""

    def __init__(self, server: asyncio.Server, address: MetricsAddress) -> None:
        self.address = address
        self._server = server

    @classmethod
    async def open(
        cls,
        address: MetricsAddress,
        pages: Pages,
        tls: ServerTls | None = None,
        request_seconds: float = REQUEST_SECONDS,
    ) -> HttpServer:
        """`request_seconds` bound a request with its answer. Raises NotReadyError when the address cannot be taken."""
        connections = Connections()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not connections.enter(writer):
                writer.transport.abort()
                return
            try:
                await _Exchange(reader, writer, connections).serve(pages, tls, request_seconds)
            finally:
                connections.leave(writer)
                await connections.close(writer, CLOSING_SECONDS)

        try:
            server = await asyncio.start_server(serve, address.host or None, address.port, limit=LARGEST_HEAD)
        except OSError as error:
            raise NotReadyError(
                f"the metrics address {address} cannot be used ({error.strerror}); choose another --metrics-address"
            ) from error
        port = server.sockets[0].getsockname()[1]
        return cls(server, MetricsAddress(address.host, port))

    def close(self) -> None:
        self._server.close()


class _Exchange:
    """One request and its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connections: Connections) -> None:
        self._reader = reader
        self._writer = writer
        self._connections = connections
        self._scrapes = False

    async def serve(self, pages: Pages, tls: ServerTls | None, request_seconds: float) -> None:
        writer = self._writer
        try:
            async with asyncio.timeout(request_seconds):
                if tls is not None:
                    await writer.start_tls(tls.context())
                lacks_certificate = tls is not None and tls.checks_clients and not writer.get_extra_info("peercert")
                method, page = await self._answer(pages, lacks_certificate)
                writer.write(_head(page))
                await self._send(page.body if method != "HEAD" else b"")
        except (TimeoutError, OSError):
            pass  # a client that is slow or gone, or whose handshake fails, gets no answer
        finally:
            if self._scrapes:
                self._connections.end_scrape()

    async def _send(self, body: bytes) -> None:
        """In pieces, for what a client does not read yet is kept for each of them."""
        for start in range(0, len(body), PIECE):
            self._writer.write(body[start : start + PIECE])
            await self._writer.drain()
        await self._writer.drain()

    async def _answer(self, pages: Pages, lacks_certificate: bool) -> tuple[str, Page]:
        """The method and what to answer."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return "", Page.text(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        except asyncio.IncompleteReadError:
            return "", Page.text(HTTPStatus.BAD_REQUEST)
        self._connections.has_asked(self._writer)
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return "", Page.text(HTTPStatus.BAD_REQUEST)
        method, target, _ = words
        path = target.partition("?")[0]
        page = pages.get(path)
        if page is None:
            return method, Page.text(HTTPStatus.NOT_FOUND)
        if method not in ("GET", "HEAD"):
            return method, Page.text(HTTPStatus.METHOD_NOT_ALLOWED)
        if lacks_certificate and path in PROTECTED:
            return method, Page.text(HTTPStatus.FORBIDDEN, "this page needs a client certificate")
        if path not in SCRAPED:
            return method, await page()
        if not self._connections.begin_scrape():
            return method, Page.text(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients ask for this page")
        self._scrapes = True
        return method, await page()


def _head(page: Page) -> bytes:
    allow = "Allow: GET, HEAD\r\n" if page.status is HTTPStatus.METHOD_NOT_ALLOWED else ""
    return (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
        f"Content-Type: {page.content_type}\r\nContent-Length: {len(page.body)}\r\n{allow}Connection: close\r\n\r\n"
    ).encode("ascii")
