"""The speaker's Loc-RIB on its way into this node's kernel: the programmer, and the stream that it follows. What the
kernel has of workloads goes the other way (workloads.py).

Rule: the kernel's routes outlive the stream. When the speaker goes away they stay, and the next stream names those
that are still desired; `retention` decides how long they may stay without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING

from bgpctl.agent.retention.retention import Retention
from bgpctl.agent.routes.workloads import WorkloadOriginations
from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from bgpctl.daemon.logs import get_logger
from bgpctl.fib.kernel.forwarding import NextHop
from bgpctl.fib.status import FibStatus
from reflector.messages import LocRibUpdate
from reflector.plan import KernelPlan, NodePlan, RouteSource, SessionKind

if TYPE_CHECKING:
    from bgpctl.fib.programmer import RouteProgrammer

_STREAM_PAUSE = 0.2

NOT_KNOWN: frozenset[str] = frozenset()

log = get_logger("agent")


class RouteProgramming:
    """`programmer` is None until `run` has opened it, and when that has failed: on a dedicated reflector for ever."""

    def __init__(self, link: SpeakerLink, retention: Retention, workloads: WorkloadOriginations) -> None:
        self.programmer: RouteProgrammer | None = None
        self._link = link
        self._retention = retention
        self._workloads = workloads
        self._programmed: tuple[KernelPlan, frozenset[str]] | None = None

    async def run(
        self, plan: NodePlan, former: NodePlan, answering: asyncio.Event, opened: Callable[[], Awaitable[None]]
    ) -> None:
        """For ever. `former` is the plan of the agent before: its routes are ours. `answering` is set while the speaker
        has a stream to follow; `opened` is awaited before the first, and applies the plan in place."""
        from bgpctl.fib.programmer import RouteProgrammer  # a dedicated reflector never needs it

        self.programmer = await RouteProgrammer.open(plan.kernel, peers_of(plan), former=former.kernel.protocol)
        try:
            await self._retention.adopt(self.programmer)
            await opened()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._workloads.run(self.programmer, answering))
                tasks.create_task(self._follow_streams(self.programmer, answering))
                tasks.create_task(self.programmer.until_broken())
        finally:
            programmer, self.programmer, self._programmed = self.programmer, None, None
            await programmer.close()

    async def apply_plan(self, plan: NodePlan) -> None:
        if self.programmer is None:
            return
        wanted = plan.kernel, peers_of(plan)
        if wanted != self._programmed:
            await self.programmer.apply_plan(*wanted)
            self._programmed = wanted

    def forwarding(self) -> Mapping[str, tuple[NextHop, ...]]:
        """How the kernel forwards what we program, by prefix; nothing where no kernel is programmed."""
        return dict(self.programmer.forwarding()) if self.programmer is not None else {}

    def installed(self) -> Collection[str] | None:
        """Prefixes of the routes that we program; None where no kernel is programmed."""
        return self.forwarding().keys() if self.programmer is not None else None

    def empty(self, blocks: Collection[str]) -> frozenset[str]:
        """Those of this node's blocks that no workload uses, by the kernel's routes; none where that is not known."""
        return frozenset(blocks) - self.programmer.blocks_in_use(blocks) if self.programmer is not None else NOT_KNOWN

    def unresolved(self) -> frozenset[str]:
        """Prefixes whose next hops the kernel has no way to."""
        status = self.status()
        return frozenset(each.prefix for each in status.unresolved) if status is not None else frozenset()

    def status(self) -> FibStatus | None:
        """How the kernel's routes stand; None until the programmer is open."""
        return self.programmer.status() if self.programmer is not None else None

    def local_endpoints(self, plan: NodePlan | None) -> int:
        """Workloads of this node, by the kernel's routes into its own blocks."""
        if self.programmer is None or plan is None:
            return 0
        blocks = [each.prefix for each in plan.originations if each.source is RouteSource.BLOCK]
        return self.programmer.local_endpoints(blocks)

    async def _follow_streams(self, programmer: RouteProgrammer, answering: asyncio.Event) -> None:
        while True:
            await answering.wait()
            await self._follow(programmer)
            await asyncio.sleep(_STREAM_PAUSE)

    async def _follow(self, programmer: RouteProgrammer) -> None:
        """Until the speaker goes away."""
        try:
            async with aclosing(self._link.loc_rib()) as updates:
                async for update in updates:
                    if isinstance(update, LocRibUpdate):
                        await programmer.apply_update(update)
                    elif not update.resumed:
                        programmer.begin_sync()
                    self._retention.follow(update)
        except SpeakerAwayError as error:
            log.warning("Loc-RIB stream ended, the kernel's routes stay", reason=str(error))


def peers_of(plan: NodePlan) -> frozenset[str]:
    """The addresses that no route may lead elsewhere: those of all sessions but with workloads, which are in pools."""
    return frozenset(each.peer_address for each in plan.sessions if each.kind is not SessionKind.WORKLOAD)
