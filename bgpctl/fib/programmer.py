"""The route programmer: carries what the reconciler decides to the kernel, and what the kernel does back to it.

All work runs in the caller's asyncio loop, in slices of a few milliseconds, one at a time (`_settle`). A call that
changes what is wanted returns when the kernel has been told. Between calls the monitor socket wakes a task: a route
of ours that somebody deletes is put back at once, a next hop that appears is used at once. A route that the kernel
refuses is tried again when anything below changes, and else after a pause that doubles up to a minute.

State changes are logged once; a retry that ends as before is not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator

import msgspec
import structlog

from bgpctl.fib.desired import Paths
from bgpctl.fib.difference import Change
from bgpctl.fib.foreign_news import PAUSE
from bgpctl.fib.kernel.endpoints import local_endpoints
from bgpctl.fib.kernel.forwarding import NextHop, forwarding
from bgpctl.fib.kernel.kernel_view import KernelView
from bgpctl.fib.kernel.observer import read_kernel, take_notification
from bgpctl.fib.netlink import route_message
from bgpctl.fib.netlink.sockets import (
    NEIGHBOURS_TOO,
    RECEIVE_BUFFER,
    DumpInterrupted,
    Monitor,
    Overrun,
    Refusal,
    Requests,
)
from bgpctl.fib.reconciler import Reconciler
from bgpctl.fib.retained import RetainedRoute
from bgpctl.fib.route import Destination, prefix_text
from bgpctl.fib.stopwatch import Stopwatch
from bgpctl.fib.troubles import RouteTrouble
from bgpctl.fib.tunnels.tunnel import DeviceTrouble
from bgpctl.fib.tunnels.tunnel_setup import TunnelSetup
from reflector.messages import Histogram, LocRibRoutes, LocRibUpdate
from reflector.plan import Family, KernelPlan, RouteSource

BATCH = 256
_SLICE = 1000
# After repairs the worker rests for twice the processor time that they took: who deletes routes in a loop costs a third
# of a core, and each route is back well within a second.
_REST, _LONGEST_REST = 2.0, 0.2
_FLUSH_ROUNDS = 5  # routes appended to one key show one by one
_FIRST_RETRY, _LAST_RETRY = 1.0, 60.0

_log = structlog.get_logger("fib")


class FibStatus(msgspec.Struct, frozen=True):
    """`desired` and `installed` count routes. `failed`: the kernel refused; `foreign`: somebody else's route holds
    the key; `shadowed`: ours is there, but somebody else's of lower metric is used; `unresolved`: a next hop (or all)
    leads nowhere. `retained`: the speaker does not name them. `repairs` counts since start. `in_sync`: the Loc-RIB
    stream has said all that it can and nothing is outstanding. `batches`: from sending a batch to its last
    acknowledgement; `propagation`: from reading an UPDATE in the speaker to the kernel's acknowledgement of all that
    followed. `synced_at`: when the kernel last was as wanted after something had changed, in seconds since the epoch;
    0 = never."""

    desired: int
    installed: int
    repairs: int
    in_sync: bool
    failed: tuple[RouteTrouble, ...] = ()
    unresolved: tuple[RouteTrouble, ...] = ()
    foreign: tuple[RouteTrouble, ...] = ()
    shadowed: tuple[RouteTrouble, ...] = ()
    devices: tuple[DeviceTrouble, ...] = ()
    batches: Histogram = Histogram()
    propagation: Histogram = Histogram()
    synced_at: float = 0.0
    retained: int = 0


class RouteProgrammer:
    """Make one with `open`. Ends with `close`, which leaves the routes, or `flush` and `close`. If it `retains`, what a
    new Loc-RIB stream does not name stays until it is released."""

    def __init__(self, plan: KernelPlan, requests: Requests, monitor: Monitor) -> None:
        self._state = Reconciler(plan)
        self._plan = plan
        self._requests = requests
        self._monitor = monitor
        self._tunnels = TunnelSetup(requests)
        self._batches, self._propagation = Stopwatch(), Stopwatch()
        self._synced_at = 0.0
        self._busy = asyncio.Lock()
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._retry_after = _FIRST_RETRY
        self._retry: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._worker: asyncio.Task[None] | None = None
        self.retains = False

    @classmethod
    async def open(cls, plan: KernelPlan, *, receive_buffer: int = RECEIVE_BUFFER, former: int = 0) -> RouteProgrammer:
        """Adopts the routes with our protocol number that are there, in the network namespace of this thread, and those
        with the `former` number.

        Raises NotReadyError without the right to change routes."""
        requests = Requests()
        try:
            requests.require_permission()
            monitor = Monitor(requests.portid, receive_buffer, NEIGHBOURS_TOO)
        except BaseException:
            requests.close()
            raise
        programmer = cls(plan, requests, monitor)
        programmer._state.adopt(former or plan.protocol)
        try:
            await programmer._settle()
        except BaseException:
            await programmer.close()
            raise
        programmer._listen()
        programmer._worker = asyncio.create_task(programmer._work(), name="fib")
        return programmer

    async def apply_plan(self, plan: KernelPlan) -> None:
        """Makes this the plan; returns when the kernel has been told."""
        async with self._busy:
            self._plan = plan
            self._state.apply_plan(plan)
            self._tunnels.look_again()
        await self._settle()

    def begin_sync(self) -> None:
        """A new Loc-RIB stream starts. Its first in_sync update sweeps what did not come back."""
        self._state.begin_sync()

    async def apply_update(self, update: LocRibUpdate) -> None:
        """Takes up changes of the Loc-RIB; returns when the kernel has been told."""
        async with self._busy:
            for group in update.routes:
                await self._take_routes(group)
            for family, withdrawn in _withdrawals(update):
                for nlri in _slices(withdrawn):
                    self._state.withdraw((family, each) for each in nlri)
                    await asyncio.sleep(0)
            if update.in_sync:
                (self._state.retain if self.retains else self._state.end_sync)()
        await self._settle()
        if update.read_at:
            self._propagation.took(time.monotonic() - update.read_at)

    # ----------------------------------------------------------------------------------------- retained

    async def recall(self, routes: Iterable[tuple[Paths, Iterable[Destination]]]) -> None:
        """What an earlier agent knew of the routes that are still there."""
        async with self._busy:
            for paths, destinations in routes:
                self._state.recall(destinations, paths)
        await self._settle()

    async def retain(self) -> None:
        """Nobody is there to fill the stream: what is in the kernel is what is wanted, until it is released."""
        async with self._busy:
            self._state.retain()
        await self._settle()

    async def release(self, destinations: Iterable[Destination]) -> None:
        """What is retained of these goes; returns when the kernel has been told."""
        async with self._busy:
            self._state.release(destinations)
        await self._settle()

    def retained(self) -> Iterator[RetainedRoute]:
        return self._state.retained()

    def known(self) -> Iterator[tuple[Destination, Paths]]:
        return self._state.known()

    @property
    def retained_count(self) -> int:
        return self._state.retained_count

    @property
    def is_syncing(self) -> bool:
        return self._state.syncing

    async def resync(self) -> None:
        """Looks at the whole kernel again and repairs what differs."""
        async with self._busy:
            self._state.want_resync()
            self._tunnels.look_again()
        await self._settle()

    def status(self) -> FibStatus:
        """What is so now. Raises what ended the worker, if anything did: that is a bug of ours."""
        self._raise_if_broken()
        state = self._state
        return FibStatus(
            desired=state.desired_count,
            installed=state.installed_count,
            repairs=state.repairs,
            in_sync=self._is_in_sync(),
            failed=state.troubles.refused(),
            unresolved=state.troubles.unresolved(),
            foreign=state.troubles.held(),
            shadowed=state.troubles.shadowed(),
            retained=state.retained_count,
            devices=self._tunnels.troubles,
            batches=self._batches.histogram(),
            propagation=self._propagation.histogram(),
            synced_at=self._synced_at,
        )

    def local_endpoints(self, blocks: Iterable[str]) -> int:
        """Interfaces of local workloads; `blocks` are this node's (see `endpoints.py`)."""
        return len(local_endpoints(self._state.view.underlay, blocks))

    def forwarding(self) -> Iterator[tuple[str, tuple[NextHop, ...]]]:
        """Each prefix of ours in the kernel with its ways out; none for a blackhole."""
        return forwarding(self._state.view)

    async def flush(self) -> None:
        """Removes every route and device of ours. The plan is empty afterwards; the status tells what the kernel
        refused to remove."""
        empty = KernelPlan(protocol=self._plan.protocol, table=self._plan.table)
        self._state.begin_sync()
        self._state.end_sync()
        await self.apply_plan(empty)
        for _ in range(_FLUSH_ROUNDS):
            await self.resync()
            if not self._state.view.observed:
                return

    async def close(self) -> None:
        """Ends all work and leaves the routes where they are."""
        self._loop.remove_reader(self._monitor.fileno())
        for timer in filter(None, (self._retry, self._telling)):
            timer.cancel()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        self._monitor.close()
        self._requests.close()

    # ---------------------------------------------------------------------------------------------- work

    def _listen(self) -> None:
        """Once: a monitor that stays readable while we rest must not wake the loop over and over."""
        self._loop.add_reader(self._monitor.fileno(), self._woken)

    def _woken(self) -> None:
        self._loop.remove_reader(self._monitor.fileno())
        self._wake.set()

    async def _work(self) -> None:
        """Settles whenever something woke us. An exception in here is a bug and goes to whoever asks next."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            repairs, spent = self._state.repairs, time.thread_time()
            await self._settle()
            if self._state.repairs > repairs:
                await asyncio.sleep(min(_REST * (time.thread_time() - spent), _LONGEST_REST))
            self._listen()

    def _raise_if_broken(self) -> None:
        if self._worker is not None and self._worker.done() and not self._worker.cancelled():
            self._worker.result()

    async def _settle(self) -> None:
        """Works until nothing is outstanding: hear, look again if needed, decide, tell. After a repair it hears no
        more: who undoes repairs as fast as they are made would keep it here for ever."""
        self._raise_if_broken()
        async with self._busy:
            repairs, more = self._state.repairs, True
            while more:
                heard_all = self._state.repairs > repairs or not self._hear()
                self._state.refresh()
                await self._observe_and_set_up()
                self._state.refresh()
                self._tell(self._state.next_changes(BATCH))
                more = not heard_all or self._is_outstanding()
                await asyncio.sleep(0)
            if self._is_in_sync():
                self._synced_at = time.time()
        self._plan_retry()
        self._tell_foreign()

    def _is_in_sync(self) -> bool:
        state = self._state
        return not (state.has_work or state.resync_wanted or state.syncing)

    def _is_outstanding(self) -> bool:
        return self._state.has_work or self._state.resync_wanted or self._tunnels.wanted

    async def _observe_and_set_up(self) -> None:
        try:
            if self._state.resync_wanted and not (self._state.resync_can_wait and self._state.has_work):
                await self._look_again()
            if self._tunnels.wanted or self._state.links_changed:
                self._set_up_tunnels()
        except Overrun:
            _log.warning("answers of the kernel were lost, reading everything again")
            self._state.want_resync()

    def _set_up_tunnels(self) -> None:
        before = self._tunnels.troubles
        self._tunnels.settle(self._plan, self._state)
        self._state.links_changed = False
        for trouble in self._tunnels.troubles:
            if trouble not in before:
                _log.warning("a tunnel device is not as planned", device=trouble.name, reason=trouble.reason)

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

    def _tell(self, changes: list[Change]) -> None:
        if not changes:
            return
        requests = [route_message.encode(change) for change in changes]
        sent_at = time.monotonic()
        try:
            answers = self._requests.batch(requests)
        except Overrun:
            _log.warning("answers of the kernel were lost, reading all routes again")
            self._state.want_resync()
            return
        self._batches.took(time.monotonic() - sent_at)
        for change, refusal in zip(changes, answers, strict=True):
            if refusal is None:
                self._state.applied(change)
            else:
                self._refused(change, refusal)

    def _refused(self, change: Change, refusal: Refusal) -> None:
        if self._state.refused(change, refusal.errno, refusal.reason):
            route = change.route
            _log.warning(
                "the kernel refused a route",
                change=change.verb.value,
                prefix=prefix_text(route.destination),
                metric=route.metric,
                reason=refusal.reason,
            )

    def _tell_foreign(self) -> None:
        news = self._state.troubles.news
        told, others = news.take(time.monotonic())
        for prefix, metric, reason in told:
            if reason:
                _log.warning(
                    "somebody else's route stands in the way of ours", prefix=prefix, metric=metric, reason=reason
                )
            else:
                _log.info("nothing stands in the way of our route any more", prefix=prefix, metric=metric)
        if others:
            _log.warning("more routes of somebody else came or went beside ours", count=others)
        if news.count and self._telling is None:
            self._telling = self._loop.call_later(PAUSE, self._tell_foreign_later)

    def _tell_foreign_later(self) -> None:
        self._telling = None
        self._tell_foreign()

    def _plan_retry(self) -> None:
        """Refused routes and device troubles are tried again after a while."""
        if not self._state.troubles.refused_destinations() and not self._tunnels.troubles:
            self._retry_after = _FIRST_RETRY
        elif self._retry is None:
            self._retry = self._loop.call_later(self._retry_after, self._retry_now)
            self._retry_after = min(self._retry_after * 2, _LAST_RETRY)

    def _retry_now(self) -> None:
        self._retry = None
        self._state.retry_refused()
        if self._tunnels.troubles:
            self._tunnels.look_again()
        self._wake.set()

    # --------------------------------------------------------------------------------------------- hearing

    def _hear(self) -> bool:
        """Takes up a slice of notifications; returns whether there may be more."""
        try:
            notifications, all_heard = self._monitor.read(_SLICE)
        except Overrun:
            if not self._state.resync_wanted:
                _log.warning("notifications of the kernel were lost, reading everything again")
            self._state.want_resync()
            return True
        for notification in notifications:
            take_notification(notification, self._state)
            self._tunnels.hear(notification)
        return not all_heard

    async def _look_again(self) -> None:
        """Dumps everything. A dump that changed under the hands is repeated; the last one stands, because the
        monitor tells what happened meanwhile."""
        for last in (False, False, True):
            view = KernelView()
            try:
                for _ in read_kernel(self._requests, self._state, view):
                    await asyncio.sleep(0)
            except DumpInterrupted:
                if not last:
                    continue
                _log.info("the kernel's tables keep changing while they are read")
            break
        self._state.observe_all(view)
        self._tunnels.look_again()


def _withdrawals(update: LocRibUpdate) -> tuple[tuple[Family, tuple[bytes, ...]], ...]:
    return (4, update.withdrawn_v4), (6, update.withdrawn_v6)


def _slices(items: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    return (items[start : start + _SLICE] for start in range(0, len(items), _SLICE))
