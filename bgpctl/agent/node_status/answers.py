"""When the CalicoNodeStatus resources for this node are answered; where the answers go is another's to know.

every updatePeriodSeconds     looked at; 0: once, when the resource comes or asks for something else
not answered                  when the speaker does not answer, or the answer cannot be put down: the old one stays
                              with its time, and it is retried
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from bgpctl.agent.node_status.asked import Asked
from bgpctl.agent.node_status.report import NoReportError
from bgpctl.agent.node_status.status import NodeStatus
from bgpctl.daemon.logs import get_logger

# Seconds after which a report that could not be made is retried, if the period is not shorter.
RETRY = 5.0

log = get_logger("status")


class Destination(Protocol):
    async def put(self, asked: Asked, status: NodeStatus) -> None:
        """Raises OSError or NoReportError where it cannot be put down."""

    async def keep_only(self, names: tuple[str, ...]) -> None:
        """The answers to other resources are of no use any more."""


class StatusAnswers:
    """The answers of one node."""

    def __init__(
        self,
        destination: Destination,
        report: Callable[[Iterable[str]], Awaitable[NodeStatus]],
        retry: float = RETRY,
    ) -> None:
        """`report` makes the status of classes; it may raise NoReportError."""
        self._destination = destination
        self._report = report
        self._retry = retry
        self._asked: dict[str, Asked] = {}
        self._due: dict[str, float] = {}
        self._news = asyncio.Event()

    def take(self, requests: Iterable[Asked]) -> None:
        """These are the requests to this node now."""
        asked = {each.name: each for each in requests}
        if asked == self._asked:
            return
        now = asyncio.get_running_loop().time()
        changed = {name for name, one in asked.items() if self._asked.get(name) != one}
        kept = {name: due for name, due in self._due.items() if name in asked}
        self._asked, self._due = asked, kept | dict.fromkeys(changed, now)
        self._news.set()

    async def run(self) -> None:
        """Answers what is due, for ever."""
        while True:
            self._news.clear()
            await self._destination.keep_only(tuple(self._asked))
            now = asyncio.get_running_loop().time()
            for name in [name for name, due in self._due.items() if due <= now]:
                await self._answer(name, now)
            await self._until_due()

    async def _until_due(self) -> None:
        """Or until the requests change."""
        next_due = min(self._due.values(), default=None)
        try:
            async with asyncio.timeout_at(next_due):
                await self._news.wait()
        except TimeoutError:
            return

    async def _answer(self, name: str, now: float) -> None:
        """One report, and when the next is due."""
        asked, _ = self._asked.get(name), self._due.pop(name, None)
        if asked is None:
            return
        try:
            await self._destination.put(asked, await self._report(asked.classes))
            pause: float = asked.period
        except (NoReportError, OSError) as error:
            log.warning("no report for a CalicoNodeStatus", name=name, reason=str(error))
            pause = min(asked.period or self._retry, self._retry)
        # A request that has changed meanwhile is due already.
        if pause and self._asked.get(name) == asked:
            self._due[name] = now + pause
