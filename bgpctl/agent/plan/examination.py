"""The guardrails on a live agent: what is wrong with the whole cluster's resources, though each of them is valid.

Rule: nothing waits for an examination. It begins when the resources have been at rest for a while, the longer the more
nodes there are, and not at the same time on each; it asks one question at a time in a thread (5,000 nodes: 3 s of CPU
in all, the longest question 1 s), waits between two questions while a plan is made, and starts again when there are
newer resources. Findings change no plan.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from bgpctl.agent.node_resources import NodeResources
from bgpctl.agent.plan.problem_statuses import error_status, problem_statuses
from bgpctl.compiler import CompileOptions
from bgpctl.daemon.internal_errors import InternalErrors, describe
from bgpctl.daemon.logs import get_logger
from bgpctl.guardrails import examine
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.yaml_source.problem import Problem
from reflector.messages import ProblemStatus

# Seconds without a change of the resources before they are examined: for any cluster, more for each of its nodes, and
# the most that these add. All agents see a change at once; they take once to twice as much more, each its own time.
REST, REST_PER_NODE, MOST_MORE = 2.0, 0.25, 300.0

log = get_logger("guardrails")


class Examination:
    """Of the newest resources that it was given (`take`).

    findings      of the last examination that came to its end, errors first
    examined_at   when that was, in seconds since the epoch; 0: never
    """

    def __init__(self, node: str, options: CompileOptions, internal_errors: InternalErrors) -> None:
        self.findings: tuple[ProblemStatus, ...] = ()
        self.examined_at = 0.0
        self._options = options
        self._internal_errors = internal_errors
        # From 1 to 2, by the node.
        self._share = 1.0 + zlib.crc32(node.encode()) / 2**32
        self._newest: ResourceSet | None = None
        self._is_new = asyncio.Event()
        self._may_go_on = asyncio.Event()
        self._may_go_on.set()

    def take(self, resources: NodeResources) -> None:
        """What is missing because it is invalid is no finding of the guardrails."""
        self._newest = resources.loaded.resources
        self._is_new.set()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Inside, no question is begun."""
        self._may_go_on.clear()
        try:
            yield
        finally:
            self._may_go_on.set()

    async def run(self) -> None:
        """Examines what is new, for ever."""
        while True:
            await self._is_new.wait()
            self._is_new.clear()
            if await self._is_changed_within(self._rest()):
                continue
            found = await self._examined()
            if found is not None:
                self._remember(found)

    def _rest(self) -> float:
        nodes = len(self._newest.nodes) if self._newest is not None else 0
        return REST + self._share * min(REST_PER_NODE * nodes, MOST_MORE)

    async def _is_changed_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._is_new.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _examined(self) -> tuple[ProblemStatus, ...] | None:
        """None when there are newer resources."""
        resources, found = self._newest, set[Problem]()
        if resources is None:
            return None
        questions = examine(resources, self._options)
        try:
            while (problems := await asyncio.to_thread(next, questions, None)) is not None:
                found.update(problems)
                await self._may_go_on.wait()
                if self._is_new.is_set():
                    return None
        except Exception as error:  # findings are advice: the agent goes on without them
            self._internal_errors.report("examining the cluster", error)
            return (error_status(describe("examining the cluster", error)),)
        return problem_statuses(tuple(sorted(found)))

    def _remember(self, findings: tuple[ProblemStatus, ...]) -> None:
        if findings and findings != self.findings:
            first = findings[0]
            log.warning(
                "guardrails have findings", file=first.file, line=first.line, field=first.path, message=first.message,
                findings=len(findings),
            )  # fmt: skip
        elif self.findings and not findings:
            log.info("guardrails have no findings any more")
        self.findings, self.examined_at = findings, time.time()
