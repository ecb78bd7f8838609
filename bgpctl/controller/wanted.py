"""What is wanted of all nodes, and the resources that want it: a plan that is replaced is looked at with these.

Computing has a thread of its own (`Computing`), one thing after the other, since what the compiler looks up is
remembered in its index; the topology proof, which may take seconds, has another one, and is asked once at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bgpctl.brake import proof_of
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.controller.cluster_plans import ClusterPlans
from bgpctl.controller.configuration import Configuration
from bgpctl.controller.transitions import Change, Former, change
from bgpctl.node_plan import NodePlanSpec

T = TypeVar("T")
# Takes what an exception of ours interrupted, and the exception.
Report = Callable[[str, Exception], None]


class Computing:
    """What is handed to it is done in the order in which it comes."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compute")

    async def do(self, what: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, what)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class Proof:
    """Whether nodes are complete. One that fails by a fault of ours finds nothing complete: more is held then."""

    def __init__(self, index: ClusterIndex, options: CompileOptions, report: Report) -> None:
        self._judge = proof_of(index.resources, options)
        self._report = report
        self._asked: asyncio.Task[bool] | None = None

    async def finds_complete(self, nodes: frozenset[str]) -> bool:
        if self._asked is None:
            self._asked = asyncio.create_task(asyncio.to_thread(self._ask))
        return await asyncio.shield(self._asked) and self._judge(nodes)

    def _ask(self) -> bool:
        """Whether it has come to an end. It is remembered then."""
        try:
            self._judge(frozenset())
        except Exception as error:  # whatever it is, plans are written
            self._report("proving the topology", error)
            return False
        return True


class WantedPlans:
    """`is_complete`: nodes that are missing were removed. `configuration`: what they were compiled of."""

    def __init__(
        self,
        plans: ClusterPlans,
        configuration: Configuration,
        *,
        is_complete: bool,
        computing: Computing,
        report: Report,
    ) -> None:
        self.is_complete = is_complete
        self.configuration = configuration
        self._plans = plans
        self._computing = computing
        self._proof = Proof(plans.index, plans.options, report)

    @property
    def number(self) -> int:
        return self._plans.number

    @property
    def specs(self) -> Mapping[str, NodePlanSpec | None]:
        return self._plans.specs

    async def over(self, spec: NodePlanSpec, former: Former | None) -> NodePlanSpec:
        """Raises PlanTooLargeError."""

        def compute() -> Change | NodePlanSpec:
            found = change(self._plans, spec, former)
            return found if found.concerned else found.spec(is_complete=False)

        found = await self._computing.do(compute)
        if isinstance(found, NodePlanSpec):
            return found
        is_complete = await self._proof.finds_complete(found.concerned)
        return await self._computing.do(lambda: found.spec(is_complete=is_complete))
