"""The HTTP server in a thread of its own, so that a probe is answered however long the loop of the process is busy.

    /livez     in this thread: 200 as long as that loop has turned within `still` seconds
    others     in that loop, where what they show is; this thread waits for them, and sends.
               One that fails by a fault of ours is reported, and answered with 500

Sending, TLS and clients that do not read cost that loop nothing.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from bgpctl.daemon.http.http_server import REQUEST_SECONDS, HttpServer, Page, Pages
from bgpctl.daemon.http.metrics_address import MetricsAddress
from bgpctl.daemon.http.tls import ServerTls
from bgpctl.daemon.internal_errors import Report, describe
from bgpctl.daemon.logs import get_logger

# Seconds between two marks of the loop, and without one after which it counts as standing still. The longest
# turn that is known, a plan of ten thousand sessions, takes a second.
MARK, STILL = 1.0, 30.0
LIVENESS = "/livez"

log = get_logger("http")


class ServerThread:
    """Made by `open`, in the loop of the process; `address` has the port that was really taken."""

    def __init__(self, process_loop: asyncio.AbstractEventLoop, report: Report, still: float) -> None:
        self.address = MetricsAddress("", 0)
        self._process_loop = process_loop
        self._report = report
        self._still = still
        self._turned_at = time.monotonic()
        self._marks = process_loop.create_task(self._mark())
        self._loop = asyncio.new_event_loop()
        self._server: HttpServer | None = None
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @classmethod
    async def open(
        cls,
        address: MetricsAddress,
        pages: Pages,
        report: Report,
        tls: ServerTls | None = None,
        request_seconds: float = REQUEST_SECONDS,
        still: float = STILL,
    ) -> ServerThread:
        """`report` takes exceptions of connections; `request_seconds` bound a request with its answer; the
        process is not alive when its loop has not turned for `still` seconds. Raises NotReadyError when the address
        cannot be taken."""
        opened = cls(asyncio.get_running_loop(), report, still)
        opened._thread.start()
        served = {path: opened._in_process(page) for path, page in pages.items()} | {LIVENESS: opened._livez}
        opening = asyncio.run_coroutine_threadsafe(HttpServer.open(address, served, tls, request_seconds), opened._loop)
        try:
            opened._server = await asyncio.wrap_future(opening)
        except BaseException:
            opened.close()
            raise
        opened.address = opened._server.address
        return opened

    def close(self) -> None:
        """Returns when the thread has ended."""
        self._marks.cancel()
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._handle)
        try:
            self._loop.run_forever()
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _handle(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        exception = context.get("exception")
        if isinstance(exception, OSError):
            log.warning("no connection can be accepted for a second", reason=exception.strerror)
        elif isinstance(exception, Exception):
            self._report("serving a page", exception)

    def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._loop.stop()

    async def _mark(self) -> None:
        while True:
            self._turned_at = time.monotonic()
            await asyncio.sleep(MARK)

    async def _livez(self) -> Page:
        still = time.monotonic() - self._turned_at
        if still > self._still:
            return Page.text(HTTPStatus.SERVICE_UNAVAILABLE, f"the process stands still for {still:.0f} s")
        return Page.text(HTTPStatus.OK)

    def _in_process(self, page: Callable[[], Awaitable[Page]]) -> Callable[[], Awaitable[Page]]:
        async def made() -> Page:
            try:
                return await page()
            except Exception as error:
                self._report("a page", error)
                return Page.text(HTTPStatus.INTERNAL_SERVER_ERROR, describe("this page", error))

        async def asked() -> Page:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(made(), self._process_loop))

        return asked
