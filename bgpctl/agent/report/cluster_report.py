"""What the agent reports to the cluster: the status of the NodePlan is kept up to date, and events follow from it.

    at once        what is in force or held, what the machine has, a condition; PAUSE apart
    after a while  counts of sessions and routes; LONG_PAUSE apart
    at rest        nothing
    events         at each look, what is news (node_plan_events.py)

Rule: nothing waits for it. What the API server does not take is tried again, and the newest status is what it gets.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from bgpctl.agent.report.node_plan_events import NodeFacts, NodePlanEvents
from bgpctl.agent.report.node_plan_status import node_plan_status
from bgpctl.agent.sources.node_plan_source import NodePlanSource
from bgpctl.agent.sources.source import Stage
from bgpctl.daemon.logs import get_logger
from bgpctl.kubernetes.events import EventRecorder, Reporter
from bgpctl.kubernetes.failure import Cause, FailedError
from bgpctl.kubernetes.kinds import NODE_PLAN
from bgpctl.kubernetes.pauses import Pauses
from bgpctl.node_plan.status import NodePlanStatus, Routes, Sessions
from reflector.messages import AgentStatus
from reflector.plan import NodePlan

PAUSE, LONG_PAUSE = 1.0, 10.0
# Between two looks.
LOOK = 5.0
JSON_PATCH = "application/json-patch+json"
# Who reports, in an Event.
AGENT = "bgpctl.io/agent"

log = get_logger("status")


class ClusterReport:
    """`status` asks for the agent's own, `plan` for what is in force."""

    def __init__(
        self,
        source: NodePlanSource,
        recorder: EventRecorder,
        status: Callable[[], Awaitable[AgentStatus]],
        plan: Callable[[], NodePlan | None],
    ) -> None:
        self._path = f"{NODE_PLAN.path_of('', source.node)}/status"
        self._source = source
        self._status = status
        self._plan = plan
        self._recorder = recorder
        self._events = NodePlanEvents(source.node, recorder.record)
        self._written = NodePlanStatus()
        self._written_at = 0.0
        self._pauses = Pauses(random.random)
        self._reason = ""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Each for ever, with a few words on what it does."""
        return (("reporting to the cluster", self.run), ("writing events", self._recorder.run))

    async def run(self) -> None:
        """Looks, and writes the status."""
        while True:
            with suppress(TimeoutError):  # the usual end of a pause
                await asyncio.wait_for(self._source.news.wait(), LOOK)
            self._source.news.clear()
            newest = await self._newest()
            if not self._is_due(newest):
                continue
            await asyncio.sleep(PAUSE if await self._write(newest) else self._pauses.next())

    async def _newest(self) -> NodePlanStatus:
        source = self._source
        status = await self._status()
        found, now = source.machine.found, time.time()
        newest = node_plan_status(status, found, source.in_force, source.running, self._written, now)
        plan = self._plan()
        planned = frozenset(each.name for each in plan.sessions) if plan is not None else frozenset[str]()
        self._events.look(NodeFacts(status, newest, planned, source.without_key), time.monotonic())
        return newest

    def _is_due(self, newest: NodePlanStatus) -> bool:
        if newest == self._written:
            return False
        is_urgent = _without_counts(newest) != _without_counts(self._written)
        return is_urgent or time.monotonic() >= self._written_at + LONG_PAUSE

    async def _write(self, status: NodePlanStatus) -> bool:
        patch = [{"op": "add", "path": "/status", "value": status}]
        try:
            await self._source.server.send("PATCH", self._path, msgspec.json.encode(patch), JSON_PATCH)
        except FailedError as error:
            # Without a NodePlan there is nowhere to report to, which the source has as a problem.
            if str(error) != self._reason and error.failure.cause is not Cause.ABSENT:
                log.warning("the status of the NodePlan cannot be written", reason=str(error))
            self._reason = str(error)
            return False
        self._written, self._written_at, self._reason = status, time.monotonic(), ""
        self._pauses.succeeded()
        return True


def open_recorder(source: NodePlanSource) -> EventRecorder:
    """It writes when its stage runs."""
    return EventRecorder(source.server, Reporter(AGENT, source.node), _warn)


def _warn(sentence: str) -> None:
    log.warning("writing events", reason=sentence)


def _without_counts(status: NodePlanStatus) -> NodePlanStatus:
    return replace(status, sessions=Sessions(), routes=Routes(), applied_at="", retention="")
