"""Plans that the agent compiles itself, of resources in a directory.

watch      datastore   files -> the cluster's resources
complete   complete    -> as this node sees them: last good versions, its detected addresses, its workloads
plan       plan        -> what this node must run, or the problems that forbid it; beside it, what the guardrails
                       find in the whole cluster
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.complete.completion import completed
from bgpctl.agent.complete.endpoint_status import EndpointStatus
from bgpctl.agent.complete.last_good import LastGood
from bgpctl.agent.host.run_directory import ADDRESSES_FILE, LAST_GOOD_FILE, RunDirectory
from bgpctl.agent.node_resources import NodeResources
from bgpctl.agent.node_status.asked import Asked
from bgpctl.agent.options import AgentOptions
from bgpctl.agent.plan.examination import Examination
from bgpctl.agent.plan.planning import Planning
from bgpctl.agent.plan.wanted import Wanted
from bgpctl.agent.sources.source import News, Stage, Standing
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.datastore import watch_directory


class ResourcesSource:
    """`has_plan`: a plan is in place, perhaps that of an earlier agent."""

    def __init__(
        self,
        options: AgentOptions,
        run_directory: RunDirectory,
        has_plan: Callable[[], bool],
        internal_errors: InternalErrors,
    ) -> None:
        if options.resources is None:
            raise AssertionError("this agent has no resources")
        compile_options, file = options.compile_options, run_directory.path / LAST_GOOD_FILE
        self._resources = options.resources
        self._options = compile_options
        self._last_good = LastGood(options.node, file, has_plan, compile_options.secret_namespace)
        self._addresses = Detector(options.detection, run_directory.path / ADDRESSES_FILE)
        self._endpoints = EndpointStatus(options.endpoint_status)
        self._planning = Planning(compile_options, internal_errors)
        self._examination = Examination(options.node, compile_options, internal_errors)
        self._internal_errors = internal_errors
        self._has_plan = has_plan
        self._has_followed = False

    @property
    def standing(self) -> Standing:
        planning, examination = self._planning, self._examination
        return Standing(
            problems=planning.problems,
            usable=planning.usable and not self._last_good.invalid,
            seconds=planning.seconds,
            succeeded_at=planning.succeeded_at,
            findings=examination.findings,
            examined_at=examination.examined_at,
            invalid=self._last_good.invalid,
            addresses=self._addresses.sentences,
        )

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (("examining the cluster", self._examination.run),)

    async def follow(self) -> AsyncGenerator[News, None]:
        is_patient = self._has_plan() or self._has_followed
        self._has_followed = True
        changes = watch_directory(self._resources, self._report_reading, patient=is_patient)
        own_protocol = self._options.route_protocol
        async with aclosing(
            completed(changes, self._last_good, self._addresses, self._endpoints, own_protocol)
        ) as stream:
            async for resources in stream:
                with self._examination.paused():
                    yield News(await self._planning.plan(resources), _requests(resources))
                self._examination.take(resources)

    def put_in_force(self, wanted: Wanted, *, is_whole: bool) -> None:
        """The plan in place is all that a later agent needs."""

    def _report_reading(self, error: Exception) -> None:
        self._internal_errors.report("reading", error)


def _requests(resources: NodeResources) -> tuple[Asked, ...] | None:
    if not resources.is_trustworthy:
        return None
    return tuple(map(Asked.by, resources.status_requests))
