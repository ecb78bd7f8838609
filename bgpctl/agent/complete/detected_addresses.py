"""Completes the stream of resources with the addresses that the host has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.autodetection.host import Host
from bgpctl.agent.autodetection.observer import HostObserver
from bgpctl.agent.autodetection.subject import Subject
from bgpctl.agent.node_resources import NodeResources, next_resources


async def with_detected_addresses(
    changes: AsyncIterator[NodeResources], detector: Detector, observer: HostObserver
) -> AsyncGenerator[NodeResources, None]:
    """The resources as `detector` completes them, whenever they change, and whenever the host changes in a way that
    makes a difference. While the reader is busy nothing is read from `changes`: a burst stays one change."""
    upcoming: asyncio.Future[NodeResources | None] | None = None
    resources, is_news = await next_resources(changes), True
    async with observer:
        try:
            while resources is not None:
                subject = Subject.of(resources.own) if resources.own is not None else None
                host = await observer.host(detector.destinations(subject)) if detector.needed(subject) else Host()
                before, completed = detector.outcomes, detector.apply(resources, host)
                if is_news or detector.outcomes != before:
                    yield completed
                upcoming = upcoming or asyncio.ensure_future(next_resources(changes))
                await observer.until_changed(upcoming)
                is_news = upcoming.done()
                if is_news:
                    resources, upcoming = upcoming.result(), None
        finally:
            if upcoming is not None:
                upcoming.cancel()
                await asyncio.wait({upcoming})
