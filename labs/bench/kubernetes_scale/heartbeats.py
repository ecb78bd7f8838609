"""Kubelets' heartbeats at a rate: of each a status of a Node, chosen at random, in which nothing else is different."""

from __future__ import annotations

import asyncio
import random
import time

from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes_scale.api import CONTROLLER, now, requests
from labs.bench.kubernetes_scale.cluster import Cluster, heartbeat, node_name
from labs.bench.kubernetes_scale.cost import cpu, memory
from labs.bench.kubernetes_scale.results import Rest
from labs.bench.kubernetes_scale.writing import STRATEGIC, Writer
from labs.bench.kubernetes_scale.written import WrittenPlans

# A kubelet writes the status of its Node every 300 s where nothing is different: 16.7 a second of 5,000.
RATE = 17
SEED = 4271


async def send(writer: Writer, cluster: Cluster, seconds: float) -> int:
    """So many seconds long; how many there were."""
    chance = random.Random(SEED)  # noqa: S311  a fixed seed, not a secret
    began, count = time.monotonic(), int(seconds * RATE)
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            path = f"/api/v1/nodes/{node_name(chance.randrange(cluster.nodes))}"
            at = now().partition(".")[0] + "Z"
            tasks.create_task(writer.patch_status(path, heartbeat(at), STRATEGIC))
    return count


class Observed:
    """The controller from here until `rest`."""

    def __init__(self, server: ApiServer, written: WrittenPlans, controller: int) -> None:
        self._server, self._written, self._controller = server, written, controller
        self._since, self._began = now(), time.monotonic()
        self._cpu, self._writes = cpu(controller), written.count

    async def rest(self) -> Rest:
        seconds = time.monotonic() - self._began
        used = cpu(self._controller) - self._cpu
        writes = self._written.count - self._writes
        asked = await requests(self._server, CONTROLLER, self._since)
        return Rest(seconds, used / seconds, writes, asked, memory([self._controller]))
