"""/metrics: one page a snapshot, however many ask for it.

Rendering a thousand sessions takes a tenth of a second, and the first import as long: that is done in a thread, by one
at a time, for the sums over sessions remember the page before.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from bgpctl.agent.metrics.monotonic_sums import MonotonicSums
from bgpctl.agent.metrics.peer_metrics import PeerMetrics
from bgpctl.agent.metrics.snapshot import Snapshot, SnapshotSource
from bgpctl.daemon.http.http_server import Page


class MetricsPage:
    """Made of snapshots of `source`; `peer_metrics`: how many series sessions have."""

    def __init__(self, source: SnapshotSource, peer_metrics: PeerMetrics) -> None:
        self._source = source
        self._peer_metrics = peer_metrics
        self._turn = asyncio.Lock()
        self._shown: Snapshot | None = None
        self._page: asyncio.Task[Page] | None = None
        self._sums = MonotonicSums()

    async def __call__(self) -> Page:
        async with self._turn:
            snapshot = await self._source.take()
            if self._page is None or snapshot is not self._shown:
                if self._page is not None:
                    await asyncio.wait({self._page})  # of a request that did not wait for it
                self._shown = snapshot
                self._page = asyncio.create_task(asyncio.to_thread(self._render, snapshot))
            page = self._page
        return await asyncio.shield(page)

    def _render(self, snapshot: Snapshot) -> Page:
        from bgpctl.agent.metrics.exposition import exposition
        from bgpctl.daemon.metrics.families import CONTENT_TYPE

        return Page(HTTPStatus.OK, exposition(snapshot, self._peer_metrics, self._sums), CONTENT_TYPE)
