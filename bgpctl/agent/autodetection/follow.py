"""The stream of resources that the agent compiles: each as it is, completed with the addresses that the host has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.autodetection.host import Host
from bgpctl.agent.autodetection.observer import HostObserver
from bgpctl.resources import Loaded
from reflector.plan import ROUTE_PROTOCOL


async def with_detected_addresses(
    changes: AsyncIterator[Loaded], detector: Detector, own_protocol: int = ROUTE_PROTOCOL
) -> AsyncGenerator[Loaded, None]:
    """The resources as `detector` completes them: again whenever they change, and whenever the host changes in a way
    that makes a difference. While the reader is busy nothing new is asked of `changes`: a burst stays one change."""
    upcoming: asyncio.Future[Loaded | None] | None = None
    loaded, is_news = await anext(changes, None), True
    async with HostObserver(own_protocol) as observer:
        try:
            while loaded is not None:
                host = await observer.host(detector.destinations(loaded)) if detector.needed(loaded) else Host()
                before, completed = detector.outcomes, detector.apply(loaded, host)
                if is_news or detector.outcomes != before:
                    yield completed
                upcoming = upcoming or asyncio.ensure_future(_next(changes))
                await observer.until_changed(upcoming)
                is_news = upcoming.done()
                if is_news:
                    loaded, upcoming = upcoming.result(), None
        finally:
            if upcoming is not None:
                upcoming.cancel()
                await asyncio.wait({upcoming})


async def _next(changes: AsyncIterator[Loaded]) -> Loaded | None:
    return await anext(changes, None)
