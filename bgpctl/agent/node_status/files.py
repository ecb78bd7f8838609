"""Answers the CalicoNodeStatus resources for this node with files: RUN_DIRECTORY/status/<name>.yaml.

The agent does not write to the operator's directory of resources, so the answer stands in its run directory.

    every updatePeriodSeconds     looked at; 0: once, when the resource comes or asks for something else
    written                       in one step, and only if its content is not that of the file
    not written                   when the speaker does not answer, or the disk is full: the old answer stays with its
                                  time, and it is retried
    removed                       with the resource
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from bgpctl.agent.node_status.report import NoReportError
from bgpctl.agent.node_status.status import NodeStatus, moment
from bgpctl.agent.node_status.text import Asked, renewed
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.private_file import write_private
from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus

# Seconds after which a report that could not be made is retried, if the period is not shorter.
RETRY = 5.0
SUFFIX = ".yaml"

log = get_logger("status")


class StatusFiles:
    """The answers of one node in one directory, which is made when it is needed."""

    def __init__(
        self, directory: Path, report: Callable[[Iterable[str]], Awaitable[NodeStatus]], retry: float = RETRY
    ) -> None:
        """`report` makes the status of classes; it may raise NoReportError."""
        self._directory = directory
        self._report = report
        self._retry = retry
        self._asked: dict[str, Asked] = {}
        self._due: dict[str, float] = {}
        self._written: dict[str, tuple[Asked, NodeStatus]] = {}
        self._news = asyncio.Event()

    def take(self, requests: Iterable[CalicoNodeStatus]) -> None:
        """These are the requests to this node now."""
        asked = {each.name: _asked(each) for each in requests}
        if asked == self._asked:
            return
        now = asyncio.get_running_loop().time()
        changed = {name for name, one in asked.items() if self._asked.get(name) != one}
        kept = {name: due for name, due in self._due.items() if name in asked}
        self._asked, self._due = asked, kept | dict.fromkeys(changed, now)
        self._news.set()

    async def run(self) -> None:
        """Writes what is due, for ever."""
        while True:
            self._news.clear()
            await asyncio.to_thread(_remove_others, self._directory, tuple(self._asked))
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
            await self._put(asked, await self._report(asked.classes))
            pause: float = asked.period
        except (NoReportError, OSError) as error:
            log.warning("no report for a CalicoNodeStatus", name=name, reason=str(error))
            pause = min(asked.period or self._retry, self._retry)
        # A request that has changed meanwhile is due already.
        if pause and self._asked.get(name) == asked:
            self._due[name] = now + pause

    async def _put(self, asked: Asked, status: NodeStatus) -> None:
        """In a thread: ten thousand routes are two seconds' work. What this agent has written itself is not read."""
        file = self._directory / f"{asked.name}{SUFFIX}"
        if self._written.get(asked.name) == (asked, status) and file.exists():
            return
        await asyncio.to_thread(_write, file, asked, status)
        self._written[asked.name] = (asked, status)


def _asked(status: CalicoNodeStatus) -> Asked:
    spec = status.spec
    return Asked(status.name, spec.node, spec.classes, spec.update_period_seconds)


def _write(file: Path, asked: Asked, status: NodeStatus) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    before = file.read_text() if file.exists() else ""
    text = renewed(before, asked, status, moment(time.time()))
    if text is not None:
        write_private(file, text.encode())


def _remove_others(directory: Path, names: Iterable[str]) -> None:
    """Answers to resources that are gone, also those of an earlier agent."""
    kept = {f"{name}{SUFFIX}" for name in names}
    for file in directory.glob(f"*{SUFFIX}"):
        if file.name not in kept:
            file.unlink()
