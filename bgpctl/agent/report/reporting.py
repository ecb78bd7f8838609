"""Where the agent's status can be had: agent.sock, the pages, and the files that answer CalicoNodeStatus resources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.metrics.page import MetricsPage
from bgpctl.agent.metrics.snapshot import SnapshotSource
from bgpctl.agent.node_status.answers import Destination, StatusAnswers
from bgpctl.agent.node_status.asked import Asked
from bgpctl.agent.node_status.report import NodeReporter, NoReportError
from bgpctl.agent.options import AgentOptions
from bgpctl.agent.report.control_server import Answers, ControlServer
from bgpctl.agent.report.kernel_answer import kernel_answer
from bgpctl.agent.report.pages import agent_pages
from bgpctl.agent.report.session_summary import SessionSummary
from bgpctl.agent.report.status import AgentReport, Stages
from bgpctl.agent.speaker.links import SpeakerLinks
from bgpctl.daemon.http.server_thread import ServerThread
from bgpctl.daemon.http.tls import ServerTls
from reflector.messages import (
    AgentStatus,
    Confirm,
    Confirmed,
    Drain,
    KernelAnswer,
    NodeStatusReport,
    Refused,
    ShowAgent,
    ShowKernel,
    ShowNodeStatus,
)
from reflector.plan import ROUTE_PROTOCOL

Confirming = Callable[[Confirm], Awaitable[Confirmed | Refused]]


class Reporting:
    """Give it the requests for a CalicoNodeStatus (`take`); it answers inside `served`, and `run` writes the files."""

    def __init__(
        self,
        options: AgentOptions,
        run_directory: RunDirectory,
        links: SpeakerLinks,
        stages: Stages,
        confirm: Confirming,
        answers: Destination,
    ) -> None:
        """`answers` is where CalicoNodeStatus resources are answered."""
        self._options = options
        self._directory = run_directory
        self._drain = stages.drain
        self._deployment = stages.deployment
        self._report_error = stages.internal_errors.report
        self._confirm = confirm
        self._report = AgentReport(options.node, stages, run_directory, programs_kernel=options.program_fib)
        self._sessions = SessionSummary(links.status)
        self._metrics = MetricsPage(SnapshotSource(links.metrics, self._report.status), options.peer_metrics)
        self._node_reporter = NodeReporter(links.node_status, self._report.standing, stages.routes)
        self._answers = StatusAnswers(answers, self._node_reporter.report)

    def take(self, requests: tuple[Asked, ...] | None) -> None:
        """The CalicoNodeStatus resources that ask for this node; None: not known."""
        if requests is not None:
            self._answers.take(requests)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Pages and agent.sock are open inside. Raises NotReadyError when an address is taken or a certificate bad."""
        http = await self._open_http()
        answers: Answers = {
            ShowAgent: self._status,
            ShowKernel: self._kernel,
            ShowNodeStatus: self._node_status,
            Drain: self._drain.lead,
            Confirm: self._confirm,
        }
        control = await ControlServer.open(self._directory.agent_socket, answers, self._report_error)
        try:
            yield
        finally:
            control.close()
            if http is not None:
                http.close()

    async def run(self) -> None:
        """Answers CalicoNodeStatus resources, for ever."""
        await self._answers.run()

    async def _open_http(self) -> ServerThread | None:
        options = self._options
        if options.metrics_address is None:
            return None
        tls = ServerTls.of(options.page_tls.files)
        pages = agent_pages(self._report.status, self._metrics)
        server = await ServerThread.open(options.metrics_address, pages, self._report_error, tls)
        self._report.metrics_address = str(server.address)
        return server

    async def status(self) -> AgentStatus:
        """With how the speaker's sessions stand."""
        return await self._sessions.added_to(self._report.status())

    async def _status(self, _: ShowAgent) -> AgentStatus:
        return await self.status()

    async def _kernel(self, asked: ShowKernel) -> KernelAnswer | Refused:
        plan = self._deployment.plan
        own = plan.kernel.protocol if plan is not None else ROUTE_PROTOCOL
        try:
            return await asyncio.to_thread(kernel_answer, asked.prefix, own)
        except ValueError as error:
            return Refused(f"{asked.prefix!r} is not a prefix: {error}")
        except OSError as error:
            return Refused(f"the kernel does not answer: {error.strerror or error}")

    async def _node_status(self, asked: ShowNodeStatus) -> NodeStatusReport | Refused:
        try:
            status = await self._node_reporter.report(asked.classes)
        except NoReportError as error:
            return Refused(str(error))
        return NodeStatusReport(msgspec.json.encode(status))
