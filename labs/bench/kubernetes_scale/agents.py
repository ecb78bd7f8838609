"""Agents that restart at the same time, and agents at rest: what each asks of the API server.

    sources   the real way of an agent to the API server, many in one process (sources.py)
    whole     real agents with their speakers, each in a network namespace of its own

Of a whole agent the status is written as well, and its memory is measured. None of them has a peer here.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from labs.bench.kubernetes import controller_process
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.relay import Relay
from labs.bench.kubernetes_scale.api import AGENT, now, reported_by_agents, requests
from labs.bench.kubernetes_scale.cluster import address, node_name
from labs.bench.kubernetes_scale.cost import Memory, memory, of_a_pod
from labs.bench.kubernetes_scale.pods import in_pod, write_service_account
from labs.bench.kubernetes_scale.processes import PATIENCE, Printing, namespace_of_processes
from labs.bench.kubernetes_scale.results import Agents, AtRest, Restart, WholeAgents
from labs.bench.kubernetes_scale.writing import Writer, at_once

ACCOUNT = "bgpctl-agent"
LOOK = 0.5
# Of processor time an agent and its speaker need two seconds until they run, and hundreds of them share the cores.
SECONDS_AN_AGENT = 5.0


class AgentBench:
    """`seconds` are those for which agents are looked at when they are at rest, and which they have to come to it."""

    def __init__(self, server: ApiServer, writer: Writer, directory: Path, tag: str, seconds: float) -> None:
        self._server, self._writer, self._tag, self._seconds = server, writer, tag, seconds
        self._directory = directory
        directory.mkdir()

    async def measure(self, many: int, whole: int) -> Agents:
        nodes = [node_name(number) for number in range(max(many, whole))]
        await at_once(nodes, self._give_token)
        sources, sources_at_rest = await self._sources(nodes[:many])
        return Agents(sources, sources_at_rest, await self._whole(range(whole)))

    async def _give_token(self, node: str) -> None:
        token = await self._writer.token(ACCOUNT, controller_process.SYSTEM, node)
        self._server.token_kubeconfig(token).rename(self._directory / f"{node}.kubeconfig")
        write_service_account(self._account(node), self._server, controller_process.SYSTEM, token)

    def _account(self, node: str) -> Path:
        return self._directory / f"{node}.account"

    async def _sources(self, nodes: list[str]) -> tuple[Restart, AtRest]:
        with namespace_of_processes(f"{self._tag}-sources") as namespace, Relay(self._server.port) as relay:
            relay.add(namespace)
            since, began = now(), time.monotonic()
            command = [sys.executable, "-m", "labs.bench.kubernetes_scale.sources", self._directory, *nodes]
            process = Printing(namespace, command, self._directory / "sources.log")
            await process.until(lambda lines: set(lines) == set(nodes), "all have their plans")
            seconds = time.monotonic() - began
            restart = await self._restart(len(nodes), seconds, since, relay)
            rest = await self._at_rest(len(nodes), relay)
            process.end()
        return restart, rest

    async def _restart(self, agents: int, seconds: float, since: str, relay: Relay) -> Restart:
        octets = relay.octets
        asked = await requests(self._server, AGENT, since)
        return Restart(agents, seconds, asked / agents, octets / agents)

    async def _at_rest(self, agents: int, relay: Relay) -> AtRest:
        await asyncio.sleep(self._seconds)
        since, octets = now(), relay.octets
        await asyncio.sleep(self._seconds)
        sent = relay.octets - octets
        asked = await requests(self._server, AGENT, since)
        minutes = self._seconds / 60
        return AtRest(self._seconds, asked / agents / minutes, sent / agents / minutes)

    async def _whole(self, numbers: range) -> WholeAgents:
        with ExitStack() as stack:
            relay = stack.enter_context(Relay(self._server.port))
            namespaces = [
                stack.enter_context(namespace_of_processes(f"{self._tag}-agent-{number}")) for number in numbers
            ]
            for number, namespace in zip(numbers, namespaces, strict=True):
                _give_address(namespace, address(number))
                relay.add(namespace)
            since, began = now(), time.monotonic()
            processes = [self._agent(*each) for each in zip(numbers, namespaces, strict=True)]
            patience = PATIENCE + len(numbers) * SECONDS_AN_AGENT
            await self._until_reported({node_name(number) for number in numbers}, patience)
            restart = await self._restart(len(numbers), time.monotonic() - began, since, relay)
            rest = await self._at_rest(len(numbers), relay)
            agents = [process.pid for process in processes]
            speakers = [int((self._run_directory(number) / "speaker.pid").read_text()) for number in numbers]
            found = memory([*agents, *speakers]), memory(agents)
            pods = statistics.mean(of_a_pod(pair) for pair in zip(agents, speakers, strict=True))
            for process in processes:
                process.end()
        return WholeAgents(restart, rest, *(_divided(each, len(numbers)) for each in found), pods)

    def _run_directory(self, number: int) -> Path:
        return self._directory / f"run-{number}"

    def _agent(self, number: int, namespace: str) -> Printing:
        node, run = node_name(number), self._run_directory(number)
        options = {
            "node": node,
            "run-dir": run,
            "state-dir": self._directory / f"state-{number}",
            "endpoint-status": self._directory / "calico",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        log = self._directory / f"{node}.log"
        command = [controller_process.BGPCTL, "agent", "--in-cluster", *words]
        return Printing(namespace, in_pod(self._account(node), self._server.port, command), log)

    async def _until_reported(self, nodes: set[str], patience: float) -> None:
        """Until their agents have, in place of who reported for them. One question for all: hundreds would be a load of
        their own."""
        async with asyncio.timeout(patience):
            while nodes - await reported_by_agents(self._writer):  # noqa: ASYNC110  another process sets it
                await asyncio.sleep(LOOK)


def _give_address(namespace: str, own: str) -> None:
    """The node's, so that its speaker can listen there."""
    subprocess.run(["ip", "-n", namespace, "addr", "add", f"{own}/8", "dev", "lo"], check=True)


def _divided(found: Memory, by: int) -> Memory:
    return Memory(*(getattr(found, name) / by for name in Memory.__struct_fields__))
