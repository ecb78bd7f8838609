"""One run: the cluster is made, a controller starts, things change, kubelets and agents do what they do.

Everything is in one network namespace with the API server, but for agents, which reach it through relays.
"""

from __future__ import annotations

import asyncio
import os
import platform
import tempfile
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bgpctl.errors import NotReadyError
from labs.bench.kubernetes import controller_process
from labs.bench.kubernetes.api_server import PROGRAMS, ApiServer
from labs.bench.kubernetes.controller_process import ControllerProcess
from labs.bench.kubernetes.network import inside, network_namespace
from labs.bench.kubernetes_scale import changes, heartbeats
from labs.bench.kubernetes_scale.agents import AgentBench
from labs.bench.kubernetes_scale.api import report_all, wrong_plans
from labs.bench.kubernetes_scale.cluster import Cluster, node_name
from labs.bench.kubernetes_scale.cost import cpu, memory
from labs.bench.kubernetes_scale.heartbeats import Observed
from labs.bench.kubernetes_scale.processes import until_at_rest
from labs.bench.kubernetes_scale.results import Change, Heartbeats, Machine, Results, Start
from labs.bench.kubernetes_scale.watcher import watcher
from labs.bench.kubernetes_scale.writing import Writer
from labs.bench.kubernetes_scale.written import WrittenPlans

STEPS = ("rest", "changes", "heartbeats", "agents")
# Seconds after which a controller that has not written all plans is given up.
LONGEST_START = 600.0


@dataclass(frozen=True)
class Sizes:
    """runs      of each change
    seconds   of heartbeats, and of rest
    sources   agents that restart at once, without speakers; `agents` those with speakers
    """

    nodes: int
    runs: int
    seconds: float
    sources: int
    agents: int


def run(sizes: Sizes, steps: frozenset[str]) -> Results:
    if not PROGRAMS.exists():
        raise NotReadyError(f"kube-apiserver, kubectl and etcd are not in {PROGRAMS}: make kube builds them.")
    tag = f"scale-{uuid.uuid4().hex[:6]}"
    with network_namespace(tag), inside(tag), tempfile.TemporaryDirectory(prefix=tag) as text:
        directory = Path(text)
        server = ApiServer(directory / "api-server")
        controller = None
        try:
            controller_process.install(server)
            controller = ControllerProcess(server, directory / "controller", "one")
            return asyncio.run(_Run(sizes, steps, server, controller, directory, tag).all())
        finally:
            if controller is not None:
                controller.close()
            server.stop()


class _Run:
    def __init__(
        self,
        sizes: Sizes,
        steps: frozenset[str],
        server: ApiServer,
        controller: ControllerProcess,
        directory: Path,
        tag: str,
    ) -> None:
        self._sizes, self._steps = sizes, steps
        self._server, self._controller = server, controller
        self._directory, self._tag = directory, tag
        self._cluster = Cluster(sizes.nodes)
        self._writer = Writer(server.admin_kubeconfig)
        self._written = WrittenPlans(self._writer.server)

    async def all(self) -> Results:
        machine, load = _machine(), os.getloadavg()[0]
        await self._writer.create(self._cluster.objects())
        following = asyncio.create_task(self._written.follow())
        results = Results(machine, len(self._cluster.names), self._cluster.blocks, await self._start())
        await report_all(self._writer, dict(self._written.digests))
        await until_at_rest(self._controller.pid)
        if "rest" in self._steps:
            observed = Observed(self._server, self._written, self._controller.pid)
            await asyncio.sleep(self._sizes.seconds)
            results.rest = await observed.rest()
        if "changes" in self._steps:
            results.changes = await self._changes()
        if "heartbeats" in self._steps:
            await self._heartbeats(results)
        if "agents" in self._steps:
            bench = AgentBench(self._server, self._writer, self._directory / "agents", self._tag, self._sizes.seconds)
            results.agents = await bench.measure(self._sizes.sources, self._sizes.agents)
        results.wrong = await wrong_plans(self._server, self._writer)
        if following.done():
            await following
        following.cancel()
        await self._writer.close()
        machine.load = (load, os.getloadavg()[0])
        return results

    async def _start(self) -> Start:
        expected = frozenset(self._cluster.names)
        began = time.monotonic()
        self._controller.start()
        wave = await self._written.wave(began, 0, expected, LONGEST_START)
        used = cpu(self._controller.pid)
        if wave.seconds is None or wave.writes.keys() != expected:
            raise NotReadyError(f"{len(wave.writes)} of {len(expected)} plans were written; {self._log()}")
        return Start(wave.seconds, len(wave.writes), used, memory([self._controller.pid]))

    def _log(self) -> str:
        return f"the end of the controller's log: {self._controller.log.read_text()[-2000:]}"

    async def _changes(self) -> dict[str, list[Change]]:
        found: dict[str, list[Change]] = {}
        for case in changes.cases(self._cluster, self._writer, self._sizes.runs):
            one = await changes.measure(case, self._writer, self._written, self._controller.pid)
            found.setdefault(case.name, []).append(one)
        return found

    async def _heartbeats(self, results: Results) -> None:
        await until_at_rest(self._controller.pid)
        async with watcher(self._server, node_name(0), self._tag, self._directory) as running:
            observed = Observed(self._server, self._written, self._controller.pid)
            sent = await heartbeats.send(self._writer, self._cluster, self._sizes.seconds)
            at_heartbeats = running.at_heartbeats()
            results.watcher = running.cost
            results.heartbeats = Heartbeats(sent, await observed.rest(), at_heartbeats)


def _machine() -> Machine:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), platform.machine())
    octets = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%MZ"),
        cores=len(os.sched_getaffinity(0)),
        model=model,
        memory=octets >> 20,
        python=platform.python_version(),
    )
