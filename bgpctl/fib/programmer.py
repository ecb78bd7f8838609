"""The route programmer: what the agent asks of the FIB.

Rule: a call that changes what is desired returns when the kernel has been given it. How that comes about, and what
happens between calls, is in `settling`; what is desired and observed is in `reconciler`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Iterator

from bgpctl.fib.core.desired import Paths
from bgpctl.fib.core.reconciler import Reconciler
from bgpctl.fib.core.retained import RetainedRoute
from bgpctl.fib.core.workload_routes import WorkloadRoute
from bgpctl.fib.edge.permission import require_permission
from bgpctl.fib.edge.settling import Settling
from bgpctl.fib.kernel.endpoints import blocks_in_use, local_endpoints
from bgpctl.fib.kernel.forwarding import NextHop, forwarding
from bgpctl.fib.latency import LatencyCounter
from bgpctl.fib.status import FibStatus
from reflector.kernel.netlink.sockets import NEIGHBOURS_TOO, RECEIVE_BUFFER, Monitor, Requests
from reflector.kernel.route import Destination
from reflector.messages import LocRibRoutes, LocRibUpdate
from reflector.plan import Family, KernelPlan, RouteSource

_SLICE = 1000
_FLUSH_ROUNDS = 5  # routes appended to one key show one by one


class RouteProgrammer:
    """Make one with `open`. Ends with `close`, which leaves the routes, or `flush` and `close`. If it `retains`, what a
    new Loc-RIB stream does not name stays until it is released. `workloads_changed` is set when `workload_routes` are
    others than before; who takes them clears it."""

    def __init__(self, plan: KernelPlan, peers: Collection[str], requests: Requests, monitor: Monitor) -> None:
        self._state = Reconciler(plan, peers)
        self._requests = requests
        self._monitor = monitor
        self._settling = Settling(self._state, requests, monitor)
        self._propagation = LatencyCounter()
        self.retains = False
        self.workloads_changed = asyncio.Event()
        self.workloads_changed.set()
        self._state.workloads.changed = self.workloads_changed.set

    @classmethod
    async def open(
        cls,
        plan: KernelPlan,
        peers: Collection[str] = (),
        *,
        receive_buffer: int = RECEIVE_BUFFER,
        former: int = 0,
    ) -> RouteProgrammer:
        """Adopts the routes with our protocol number that are there, in the network namespace of this thread, and those
        with the `former` number. `peers` are the addresses of the node's sessions: what would take the way to them is
        not programmed.

        Raises NotReadyError without the right to change routes."""
        requests = Requests()
        try:
            require_permission(requests)
            monitor = Monitor(requests.portid, receive_buffer, NEIGHBOURS_TOO)
        except BaseException:
            requests.close()
            raise
        programmer = cls(plan, peers, requests, monitor)
        programmer._state.observation.adopt(former or plan.protocol)
        try:
            await programmer._settling.settle()
        except BaseException:
            await programmer.close()
            raise
        programmer._settling.start()
        return programmer

    async def apply_plan(self, plan: KernelPlan, peers: Collection[str] = ()) -> None:
        """`peers`: see `open`."""
        async with self._settling.busy:
            self._state.apply_plan(plan, peers)
            self._settling.tunnels.mark_unknown()
        await self._settling.settle()

    # ----------------------------------------------------------------------------------------- the Loc-RIB

    def begin_sync(self) -> None:
        """A new Loc-RIB stream starts. Its first in_sync update sweeps what it did not name."""
        self._state.begin_sync()

    async def apply_update(self, update: LocRibUpdate) -> None:
        async with self._settling.busy:
            for group in update.routes:
                await self._take_routes(group)
            for family, withdrawn in _withdrawals(update):
                for nlri in _slices(withdrawn):
                    self._state.withdraw([(family, each) for each in nlri])
                    await asyncio.sleep(0)
            if update.in_sync:
                (self._state.retain if self.retains else self._state.end_sync)()
        await self._settling.settle()
        if update.read_at:
            self._propagation.took(time.monotonic() - update.read_at)

    async def _take_routes(self, group: LocRibRoutes) -> None:
        """Routes that came by BGP are for the kernel; what this node originates is there or comes from the plan."""
        paths = Paths(group.next_hops, group.local_pref)
        for nlri in _slices(group.nlri):
            destinations: list[Destination] = [(group.family, each) for each in nlri]
            if group.source is RouteSource.BGP:
                self._state.announce(destinations, paths)
            else:
                self._state.withdraw(destinations)
            await asyncio.sleep(0)

    @property
    def is_syncing(self) -> bool:
        return self._state.learned.is_syncing

    def known(self) -> Iterator[tuple[Destination, Paths]]:
        """All routes of the Loc-RIB, retained ones as well."""
        return self._state.learned.items()

    # ----------------------------------------------------------------------------------------- retained

    async def recall(self, routes: Iterable[tuple[Paths, Iterable[Destination]]]) -> None:
        """What an earlier agent knew of the routes that are still there."""
        async with self._settling.busy:
            for paths, destinations in routes:
                self._state.recall(destinations, paths)
        await self._settling.settle()

    async def retain(self) -> None:
        """No speaker is there to fill the stream: what is in the kernel is desired until it is released."""
        async with self._settling.busy:
            self._state.retain()
        await self._settling.settle()

    async def release(self, destinations: Iterable[Destination]) -> None:
        """What is retained of these goes."""
        async with self._settling.busy:
            self._state.release(destinations)
        await self._settling.settle()

    def retained(self) -> Iterator[RetainedRoute]:
        return self._state.retained()

    @property
    def retained_count(self) -> int:
        return self._state.learned.retained_count

    # ----------------------------------------------------------------------------------------- the kernel

    async def resync(self) -> None:
        """Reads the whole kernel again and repairs what differs."""
        async with self._settling.busy:
            self._state.view.mark_unknown()
            self._settling.tunnels.mark_unknown()
        await self._settling.settle()

    def status(self) -> FibStatus:
        """What is so now. Raises what ended the worker, if anything did: that is a bug of ours."""
        self._settling.raise_if_broken()
        state, failures = self._state, self._state.failures
        return FibStatus(
            desired=state.desired.count,
            installed=state.comparison.installed_count,
            repairs=state.work.repairs,
            in_sync=state.is_in_sync,
            failed=failures.refused(),
            unresolved=failures.unresolved(),
            foreign=failures.occupied(),
            shadowed=failures.shadowed(),
            unsafe=failures.unsafe_routes(),
            unsafe_own=failures.unsafe_own(),
            retained=state.learned.retained_count,
            devices=self._settling.tunnels.failures,
            batches=self._settling.batches.histogram(),
            propagation=self._propagation.histogram(),
            synced_at=self._settling.synced_at,
            workload_routes=len(state.workloads),
        )

    def local_endpoints(self, blocks: Iterable[str]) -> int:
        """Interfaces of local workloads; `blocks` are this node's (see `endpoints.py`)."""
        return len(local_endpoints(self._state.view.underlay, blocks))

    def blocks_in_use(self, blocks: Iterable[str]) -> frozenset[str]:
        """Those of this node's blocks that workloads use (see `endpoints.py`)."""
        return blocks_in_use(self._state.view.underlay, blocks)

    def workload_routes(self) -> tuple[WorkloadRoute, ...]:
        """The kernel's routes to workloads that are to be announced (see core/workload_routes.py)."""
        return self._state.workloads.announced()

    def forwarding(self) -> Iterator[tuple[str, tuple[NextHop, ...]]]:
        """Each prefix of ours in the kernel with its ways out; none for a blackhole."""
        return forwarding(self._state.view)

    async def flush(self) -> None:
        """Removes every route and device of ours. The plan is empty afterwards; the status names what the kernel
        refused to remove."""
        plan = self._state.desired.plan
        self._state.begin_sync()
        self._state.end_sync()
        await self.apply_plan(KernelPlan(protocol=plan.protocol, table=plan.table))
        for _ in range(_FLUSH_ROUNDS):
            await self.resync()
            if not self._state.view.observed:
                return

    async def until_broken(self) -> None:
        """Raises what ends the work between calls: a bug of ours."""
        await self._settling.until_broken()

    async def close(self) -> None:
        """Ends all work and leaves the routes where they are."""
        await self._settling.stop()
        self._monitor.close()
        self._requests.close()


def _withdrawals(update: LocRibUpdate) -> tuple[tuple[Family, tuple[bytes, ...]], ...]:
    return (4, update.withdrawn_v4), (6, update.withdrawn_v6)


def _slices(items: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    return (items[start : start + _SLICE] for start in range(0, len(items), _SLICE))
