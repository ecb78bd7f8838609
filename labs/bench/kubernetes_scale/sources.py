"""python -m labs.bench.kubernetes_scale.sources DIRECTORY NODE...: agents' way to the API server, of many in a process.

Each is the real source of an agent's plans (bgpctl/agent/sources) with a client, a token and a state directory of its
own: what an agent asks of the API server but for its status. There is neither speaker nor kernel behind it. A line is
printed when an agent has its plan.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.options import AgentOptions
from bgpctl.agent.sources.node_plan_source import NodePlanSource
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.daemon.log_format import LogFormat
from bgpctl.daemon.logs import configure


async def follow(directory: Path, node: str) -> None:
    own = directory / node
    options = AgentOptions(node=node, kubeconfig=directory / f"{node}.kubeconfig", state_dir=own, run_dir=own)
    access = options.access
    assert access is not None
    source = NodePlanSource(options, RunDirectory.claim(own), access, dict, InternalErrors())
    async for news in source.follow():
        if news.wanted is not None and news.wanted.plan is not None:
            print(node, flush=True)


async def follow_all(directory: Path, nodes: list[str]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for node in nodes:
            tasks.create_task(follow(directory, node))


if __name__ == "__main__":
    configure(LogFormat.CONSOLE)
    asyncio.run(follow_all(Path(sys.argv[1]), sys.argv[2:]))
