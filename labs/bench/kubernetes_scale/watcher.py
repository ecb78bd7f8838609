"""What one agent would cost that watches everything (everything.py), in the same run."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.relay import Relay
from labs.bench.kubernetes_scale.api import now, requests
from labs.bench.kubernetes_scale.cost import cpu, memory
from labs.bench.kubernetes_scale.processes import Printing, namespace_of_processes, until_at_rest
from labs.bench.kubernetes_scale.results import Watcher, WatcherAtHeartbeats

USER = "everything"


class RunningWatcher:
    """From here until `at_heartbeats`."""

    def __init__(self, cost: Watcher, process: Printing, relay: Relay) -> None:
        self.cost = cost
        self._process, self._relay = process, relay
        self._began, self._octets, self._cpu = time.monotonic(), relay.octets, cpu(process.pid)

    def at_heartbeats(self) -> WatcherAtHeartbeats:
        seconds = time.monotonic() - self._began
        sent, used = self._relay.octets - self._octets, cpu(self._process.pid) - self._cpu
        return WatcherAtHeartbeats(sent / seconds, used / seconds)


@asynccontextmanager
async def watcher(server: ApiServer, node: str, tag: str, directory: Path) -> AsyncIterator[RunningWatcher]:
    """Once it has its first plan, and is at rest."""
    kubeconfig = server.client_certificate_kubeconfig(USER, ["system:masters"])
    with namespace_of_processes(f"{tag}-everything") as namespace, Relay(server.port) as relay:
        relay.add(namespace)
        since, began = now(), time.monotonic()
        command = [sys.executable, "-m", "labs.bench.kubernetes_scale.everything", kubeconfig, node]
        process = Printing(namespace, command, directory / "everything.log")
        await process.until(bool, "it has a plan")
        seconds, octets, used = time.monotonic() - began, relay.octets, cpu(process.pid)
        await until_at_rest(process.pid)
        asked = await requests(server, USER, since)
        yield RunningWatcher(Watcher(seconds, octets, asked, used, memory([process.pid])), process, relay)
        process.end()
