"""The agent on one page: its stages, and what passes from one to the next.

    follow     sources          resources that are compiled here (resources_source.py), or the NodePlan of this node
                                -> what it must run, or the problems that forbid it
    brake      brake            -> the plan to put in force: what would isolate the node is held
    deploy     deploy, speaker  -> the plan in place, and a speaker that runs it
    program    routes           the speaker's Loc-RIB -> the kernel; `retention` keeps routes of nodes that are away;
                                the kernel's routes to workloads -> the speaker
    report     report           how each stage stands, on agent.sock, pages and files

Each stage is guarded (daemon/guard.py): what it raises ends nothing else, and it begins anew. A burst of changes is
one: while a plan is made and deployed nothing is read, and then everything at once. The FIB is opened after the
speaker: when the speaker finds that the world is not ready, the kernel is as it was.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from bgpctl.agent.brake.best_state_file import BestStateFile
from bgpctl.agent.brake.braking import Braking
from bgpctl.agent.brake.learned import LearnedBlocks
from bgpctl.agent.brake.live_observer import LiveObserver
from bgpctl.agent.deploy.deployment import Deployment
from bgpctl.agent.deploy.draining import DrainKeeper
from bgpctl.agent.host.run_directory import BEST_STATE_FILE, RETAINED_FILE, STATUS_DIRECTORY, RunDirectory
from bgpctl.agent.node_status.answers import Destination
from bgpctl.agent.node_status.objects import StatusObjects
from bgpctl.agent.options import AgentOptions
from bgpctl.agent.plan.wanted import Wanted
from bgpctl.agent.report.cluster_report import ClusterReport, open_recorder
from bgpctl.agent.report.reporting import Reporting
from bgpctl.agent.report.status import Stages
from bgpctl.agent.retention.retention import Retention
from bgpctl.agent.routes.programming import RouteProgramming
from bgpctl.agent.routes.workloads import WorkloadOriginations
from bgpctl.agent.sources.node_plan_source import NodePlanSource
from bgpctl.agent.sources.source import Source
from bgpctl.agent.speaker.links import SpeakerLinks
from bgpctl.agent.speaker.process import speaker_command
from bgpctl.agent.speaker.supervisor import SpeakerSupervisor
from bgpctl.daemon.guard import Guard
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.daemon.logs import configure, get_logger
from reflector.messages import Confirm, Confirmed, Refused
from reflector.originations_file import ORIGINATIONS_FILE
from reflector.plan import NodePlan
from reflector.process.account import Account

# Seconds between two attempts to write a plan that the disk had no room for.
ROOM_PAUSE = 1.0

log = get_logger("agent")


class Agent:
    """One agent: `work` runs it, and leaves its `speaker` running."""

    def __init__(self, options: AgentOptions, run_directory: RunDirectory, speaker_account: Account) -> None:
        links = SpeakerLinks.to(run_directory.speaker_socket)
        command = speaker_command(speaker_account)
        self._options = options
        self.internal_errors = InternalErrors()
        self._deployment = Deployment(run_directory, links.commands)
        self._drain = DrainKeeper(run_directory, links.commands)
        self.speaker = SpeakerSupervisor(run_directory, links.commands, self._bring_up_to_date, command)
        self._retention = Retention(links.retention, run_directory.path / RETAINED_FILE, has_fib=options.program_fib)
        self._workloads = WorkloadOriginations(links.workloads, run_directory.path / ORIGINATIONS_FILE)
        self._routes = RouteProgramming(links.loc_rib, self._retention, self._workloads)
        learned = LearnedBlocks()
        cluster = self._open_cluster(run_directory, learned)
        self._source: Source = cluster or self._open_resources(run_directory)
        observer = LiveObserver(
            links.live_state,
            self._routes,
            lambda: self._drain.state.is_draining,
            learned if options.access is not None else None,
        )
        best_state = BestStateFile(run_directory.path / BEST_STATE_FILE)
        self._braking = Braking(best_state, observer, lambda: self._deployment.plan, self.internal_errors)
        recorder = open_recorder(cluster) if cluster is not None else None
        stages = Stages(
            self._source,
            self._braking,
            self._deployment,
            self._drain,
            self.speaker,
            self._routes,
            self._retention,
            self.internal_errors,
            recorder,
        )
        answers = StatusObjects(cluster.server) if cluster is not None else _status_files(run_directory)
        self._reporting = Reporting(options, run_directory, links, stages, self._confirm, answers)
        self._to_cluster = (
            ClusterReport(cluster, recorder, self._reporting.status, lambda: self._deployment.plan)
            if cluster is not None and recorder is not None
            else None
        )
        self._has_plan = asyncio.Event()
        self._turn = asyncio.Lock()
        self._guard = Guard(self.internal_errors)
        self._former: NodePlan | None = None

    def _open_cluster(self, run_directory: RunDirectory, learned: LearnedBlocks) -> NodePlanSource | None:
        """None for an agent of resources. Raises NotReadyError."""
        access = self._options.access
        if access is None:
            return None
        return NodePlanSource(self._options, run_directory, access, lambda: learned.by_node, self.internal_errors)

    def _open_resources(self, run_directory: RunDirectory) -> Source:
        """It brings the compiler along, and all that checks resources: an agent in a cluster has no use for them."""
        from bgpctl.agent.sources.resources_source import ResourcesSource

        return ResourcesSource(
            self._options, run_directory, lambda: self._deployment.plan is not None, self.internal_errors
        )

    async def work(self) -> None:
        """Everything, for ever. Raises NotReadyError, possibly in an exception group, before the agent is up."""
        log.info(
            "agent starts",
            node=self._options.node,
            source=str(self._options.access or self._options.resources),
            pid=os.getpid(),
        )
        async with self._reporting.served(), asyncio.TaskGroup() as tasks:
            self._former = self._resume()
            self._begin(tasks, "following what is asked of the node", self._follow)
            for doing, stage in self._source.stages:
                self._begin(tasks, doing, stage)
            self._begin(tasks, "looking at what is held", self._look_at_what_is_held)
            self._begin(tasks, "putting a plan in place", self._wait_for_room)
            for doing, stage in self._to_cluster.stages if self._to_cluster is not None else ():
                self._begin(tasks, doing, stage)
            await self._has_plan.wait()
            self._begin(tasks, "supervising the speaker", self.speaker.run)
            self._begin(tasks, "retaining routes", self._retention.run)
            await self.speaker.tried.wait()
            self._begin(tasks, "reporting", self._reporting.run)
            if self._options.program_fib:
                self._begin(tasks, "programming routes", self._program_routes)

    def _begin(self, tasks: asyncio.TaskGroup, doing: str, stage: Callable[[], Awaitable[None]]) -> None:
        tasks.create_task(self._guard.keep(doing, stage))

    def _resume(self) -> NodePlan | None:
        """The plan of the agent before this one, which stays until there is a better one."""
        plan = self._deployment.resume()
        if plan is not None:
            self._retention.apply_plan(plan)
        return plan

    async def _follow(self) -> None:
        async with aclosing(self._source.follow()) as stream:
            async for news in stream:
                self._reporting.take(news.requests)
                if news.wanted is not None:
                    await self._put_in_force(news.wanted)
                if self._deployment.plan is not None:
                    self._has_plan.set()
        raise AssertionError("a source of plans has no end")

    async def _put_in_force(self, wanted: Wanted) -> None:
        """What of it is not held. While missing Nodes are held, nothing is concluded from what is missing."""
        async with self._turn:
            plan = await self._braking.consider(wanted)
            if plan is not None and await self._deployment.deploy(plan):
                await self._put_to_work()
            if self._braking.settle():
                self._source.put_in_force(wanted, is_whole=not self._braking.held)
            if not self._braking.holds_nodes:
                self._retention.take(wanted)

    async def _look_at_what_is_held(self) -> None:
        while True:
            await self._braking.pause()
            if self._braking.held and self._braking.wanted is not None:
                await self._put_in_force(self._braking.wanted)
            else:
                await self._braking.observe()

    async def _confirm(self, asked: Confirm) -> Confirmed | Refused:
        """The held change with this digest is put in force, if it is still what is held."""
        losses = self._braking.confirm(asked)
        if isinstance(losses, Refused) or self._braking.wanted is None:
            return losses if isinstance(losses, Refused) else Refused("there are no resources yet")
        await self._put_in_force(self._braking.wanted)
        if self._deployment.refusal:
            return Refused(self._deployment.refusal)
        return Confirmed(losses)

    async def _wait_for_room(self) -> None:
        while True:
            await self._deployment.is_waiting.wait()
            await asyncio.sleep(ROOM_PAUSE)
            if await self._deployment.deploy_waiting():
                await self._put_to_work()
                self._has_plan.set()

    async def _bring_up_to_date(self) -> None:
        """A speaker has become ready: the drain first, so that none of its UPDATEs leaves without its mark."""
        await self._drain.confirm()
        await self._workloads.confirm()
        await self._deployment.confirm()
        await self._put_to_work()

    async def _put_to_work(self) -> None:
        """What else follows from the plan in place: log level, the speaker's sockets, the kernel, what is retained."""
        plan = self._deployment.plan
        if plan is None:
            return
        configure(self._options.log_format, plan.log_level)
        if self._deployment.takes_new_speaker():
            await self.speaker.replace("the plan listens elsewhere")
        await self._routes.apply_plan(plan)
        self._retention.apply_plan(plan)

    async def _program_routes(self) -> None:
        """The routes of the plan before are this node's as well. The plan may change while the FIB is opened."""
        plan = self._deployment.plan
        if plan is None:
            raise AssertionError("routes are programmed for a plan, and there is none")
        await self._routes.run(plan, self._former or plan, self.speaker.answering, self._put_to_work)


def _status_files(run_directory: RunDirectory) -> Destination:
    """They are YAML, which an agent in a cluster neither reads nor writes."""
    from bgpctl.agent.node_status.files import StatusFiles

    return StatusFiles(run_directory.path / STATUS_DIRECTORY)
