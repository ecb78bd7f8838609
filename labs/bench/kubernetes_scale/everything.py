"""python -m labs.bench.kubernetes_scale.everything KUBECONFIG NODE: an agent that watches everything.

It follows all that plans are made of, and compiles the plan of its node after each change, with the product's own
datastore and compiler. For each plan it prints a line: how many sessions it has.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bgpctl.compiler import ClusterIndex, CompileOptions, compile_node
from bgpctl.datastore.kubernetes import ClusterOptions, watch_cluster
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.notices import Notice


async def follow(kubeconfig: Path, node: str) -> None:
    options = CompileOptions()
    index: ClusterIndex | None = None
    async for loaded in watch_cluster(Access(kubeconfig=kubeconfig), ClusterOptions.of(options), _report):
        index = ClusterIndex(loaded.resources, index)
        compiled = await asyncio.to_thread(compile_node, loaded.resources, node, options, index)
        print(len(compiled.plan.sessions), flush=True)


def _report(notice: Notice) -> None:
    print(f"{notice.about}: {notice.message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(follow(Path(sys.argv[1]), sys.argv[2]))
