"""The agent's parts and how they are joined.

start    open the sockets, wait for a plan, adopt or start the speaker, then open the FIB
run      resources -> plan -> speaker and FIB;  the speaker's Loc-RIB -> FIB;  questions -> answers

The FIB comes after the speaker: when the speaker says that the world is not ready, the kernel is as it was.
"""

from __future__ import annotations

import asyncio
import functools
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus

import msgspec

from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.autodetection.follow import with_detected_addresses
from bgpctl.agent.control_server import Answers, ControlServer
from bgpctl.agent.draining import DrainKeeper
from bgpctl.agent.host.logs import configure, get_logger
from bgpctl.agent.host.run_directory import ADDRESSES_FILE, RETAINED_FILE, STATUS_DIRECTORY, RunDirectory
from bgpctl.agent.http.http_server import HttpServer, Page
from bgpctl.agent.http.readiness import waiting_for
from bgpctl.agent.http.tls import ServerTls
from bgpctl.agent.metrics.page import MetricsPage
from bgpctl.agent.metrics.snapshot import SnapshotSource
from bgpctl.agent.node_status.files import StatusFiles
from bgpctl.agent.node_status.report import NodeReporter, NoReportError, Standing
from bgpctl.agent.options import AgentOptions
from bgpctl.agent.plan.deployment import Deployment
from bgpctl.agent.plan.endpoint_status import EndpointStatus
from bgpctl.agent.plan.planning import Planning
from bgpctl.agent.plan.proposal import Proposer, error_status
from bgpctl.agent.retention.retention import Retention
from bgpctl.agent.routes.programming import RouteProgramming
from bgpctl.agent.routes.report import with_fib
from bgpctl.agent.speaker.link import SpeakerLink
from bgpctl.agent.speaker.process import speaker_command
from bgpctl.agent.speaker.supervisor import Speaker, SpeakerState
from bgpctl.compiler import CompileOptions
from bgpctl.datastore import watch_directory
from bgpctl.resources import Loaded
from reflector.messages import (
    AgentStatus,
    Drain,
    NodeStatusReport,
    ProblemStatus,
    Refused,
    ShowNodeStatus,
)
from reflector.plan import NodePlan
from reflector.process.account import Account

# Seconds between looks whether there is room for a plan again.
ROOM_PAUSE = 1.0

log = get_logger("agent")


class Agent:
    """One agent: `work` runs it."""

    def __init__(self, options: AgentOptions, run_directory: RunDirectory, speaker_account: Account) -> None:
        self._options = options
        self._started = time.monotonic()
        self._directory = run_directory
        self._link = SpeakerLink(run_directory.speaker_socket)
        self._deployment = Deployment(run_directory, self._link)
        self._drain = DrainKeeper(run_directory, self._link)
        self.speaker = Speaker(run_directory, self._link, self._confirm_plan, speaker_command(speaker_account))
        self._endpoints = EndpointStatus(options.endpoint_status)
        proposer = Proposer(options.node, _compile_options(options), lambda: self._endpoints.workloads)
        self._planning = Planning(self._deployment, proposer.propose)
        self._addresses = Detector(options.node, options.detection, run_directory.path / ADDRESSES_FILE)
        snapshots = SnapshotSource(SpeakerLink(run_directory.speaker_socket), self._status)
        self._metrics = MetricsPage(snapshots, options.peer_metrics)
        self._reporter = NodeReporter(
            SpeakerLink(run_directory.speaker_socket), self._standing, lambda: self._routes.programmer
        )
        link = SpeakerLink(run_directory.speaker_socket)
        retained, has_fib = run_directory.path / RETAINED_FILE, options.program_fib
        self._retention = Retention(options.node, link, lambda: self._deployment.plan, retained, has_fib=has_fib)
        self._routes = RouteProgramming(self._link, self._retention)
        self._status_files = StatusFiles(run_directory.path / STATUS_DIRECTORY, options.node, self._reporter.report)
        self._former: NodePlan | None = None
        self._metrics_address = ""

    async def work(self) -> None:
        """Everything, for ever. Raises NotReadyError, possibly in an exception group, before the agent is up."""
        log.info("agent starts", node=self._options.node, resources=str(self._options.resources), pid=os.getpid())
        http = await self._open_http()
        others: Answers = {ShowNodeStatus: self._node_status, Drain: self._drain.lead}
        control = await ControlServer.open(self._directory.agent_socket, self._status, others)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._former = self._deployment.resume()
                tasks.create_task(self._follow_resources())
                tasks.create_task(self._wait_for_room())
                await self._planning.has_plan.wait()
                tasks.create_task(self.speaker.run())
                tasks.create_task(self._answer_in_files())
                tasks.create_task(self._retention.run())
                if self._options.program_fib:
                    await self.speaker.tried.wait()
                    tasks.create_task(self._program_routes())
        finally:
            control.close()
            if http is not None:
                http.close()

    async def _follow_resources(self) -> None:
        async with (
            aclosing(watch_directory(self._options.resources, patient=self._deployment.plan is not None)) as changes,
            aclosing(with_detected_addresses(changes, self._addresses, self._options.routes.protocol)) as completed,
            aclosing(self._endpoints.follow(completed)) as located,
            aclosing(self._with_status_files(located)) as seen,
        ):
            await self._planning.follow(seen, self._put_to_work)
        raise AssertionError("the watch of the resources has no end")

    async def _with_status_files(self, changes: AsyncIterator[Loaded]) -> AsyncGenerator[Loaded, None]:
        async for loaded in changes:
            if _can_be_read(loaded, self._options.node):
                self._status_files.take(loaded.resources.node_statuses.values())
            self._retention.take(loaded)
            yield loaded

    async def _wait_for_room(self) -> None:
        while True:
            await self._deployment.is_waiting.wait()
            await asyncio.sleep(ROOM_PAUSE)
            if await self._deployment.deploy_waiting():
                await self._put_to_work()
                self._planning.has_plan.set()

    async def _answer_in_files(self) -> None:
        """Not before a first speaker runs: who asks once does not mean the moment of our start."""
        await self.speaker.tried.wait()
        await self._status_files.run()

    async def _confirm_plan(self) -> None:
        await self._drain.confirm()
        await self._deployment.confirm()
        await self._put_to_work()

    async def _put_to_work(self) -> None:
        """What else follows from the plan in place: where the speaker listens, the kernel's rules, the log level."""
        plan = self._deployment.plan
        if plan is None:
            return
        configure(self._options.log_format, plan.log_level)
        if self._deployment.needs_restart:
            self._deployment.needs_restart = False
            await self.speaker.replace("the plan listens elsewhere")
        await self._routes.apply_plan(plan.kernel)

    async def _program_routes(self) -> None:
        plan = self._deployment.plan
        if plan is None:
            raise AssertionError("routes are programmed for a plan, and there is none")
        former = self._former or plan
        # The plan may change while the FIB is opened.
        await self._routes.run(plan.kernel, former.kernel, self.speaker.answering, self._put_to_work)

    # --------------------------------------------------------------------------------------- what we tell

    async def _open_http(self) -> HttpServer | None:
        if self._options.metrics_address is None:
            return None
        pages: dict[str, Callable[[], Awaitable[Page]]] = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }
        tls = ServerTls(self._options.metrics_tls) if self._options.metrics_tls else None
        server = await HttpServer.open(self._options.metrics_address, pages, tls)
        self._metrics_address = str(server.address)
        return server

    async def _livez(self) -> Page:
        return Page.text(HTTPStatus.OK)

    async def _readyz(self) -> Page:
        """A node that lives on retained routes forwards as before, so it is ready, and says on what."""
        status = self._status()
        missing = waiting_for(status)
        if missing:
            return Page.text(HTTPStatus.SERVICE_UNAVAILABLE, missing)
        return Page.text(HTTPStatus.OK, "\n".join(filter(None, (HTTPStatus.OK.phrase, status.retention))))

    async def _node_status(self, asked: ShowNodeStatus) -> NodeStatusReport | Refused:
        try:
            status = await self._reporter.report(asked.classes)
        except NoReportError as error:
            return Refused(str(error))
        return NodeStatusReport(msgspec.json.encode(status))

    def _standing(self) -> Standing:
        plan, is_running = self._deployment.plan, self.speaker.state is SpeakerState.RUNNING
        router_id = plan.router_id if plan else ""
        return Standing(f"bgpctl {_version()}", is_running, router_id, self._directory.installed_at())

    def _status(self) -> AgentStatus:
        plan, planning, retention = self._deployment.plan, self._planning, self._retention.report
        status = AgentStatus(
            node=self._options.node,
            version=_version(),
            pid=os.getpid(),
            uptime=time.monotonic() - self._started,
            plan_generation=self._deployment.generation,
            plan_is_current=planning.usable and not self._deployment.refusal,
            last_compile_seconds=planning.seconds,
            compiled_at=planning.succeeded_at,
            applied_at=self._deployment.applied_at,
            problems=planning.problems + _refusal(self._deployment.refusal),
            suppressed=tuple(f"{each.name}: {each.reason}" for each in plan.suppressed) if plan else (),
            speaker_pid=self.speaker.pid,
            speaker_state=self.speaker.state.value,
            speaker_restarts=self.speaker.restarts,
            speaker_failures=self.speaker.failures.in_a_row,
            speaker_crash_loop=self.speaker.failures.is_crash_loop,
            speaker_pause=self.speaker.pause,
            speaker_last_line=self.speaker.failures.said,
            fib_enabled=self._options.program_fib,
            local_endpoints=self._routes.local_endpoints(plan),
            metrics_address=self._metrics_address,
            detected_addresses=self._addresses.sentences,
            drain=self._drain.status,
            retained_routes=retention.routes,
            retained_left=retention.left(time.time()),
            reflectors_down=retention.reflectors_down,
            retention=retention.sentence,
        )
        return with_fib(status, self._routes.programmer.status() if self._routes.programmer else None)


def _compile_options(options: AgentOptions) -> CompileOptions:
    return CompileOptions(
        without_felix=options.without_felix,
        route_protocol=options.routes.protocol,
        route_table=options.routes.table,
    )


def _can_be_read(loaded: Loaded, node: str) -> bool:
    """Whether what is missing is meant to be: resources without this node are those of a directory not mounted."""
    return node in loaded.resources.nodes and all(each.code != "unreadable-file" for each in loaded.problems)


def _refusal(sentence: str) -> tuple[ProblemStatus, ...]:
    return (error_status(sentence),) if sentence else ()


@functools.cache
def _version() -> str:
    from importlib.metadata import version  # 25 ms, and only status and metrics need it

    return version("bgpctl")
