"""The loop between desired and observed: take up notifications, read again if needed, compare, write.

All work runs in the caller's asyncio loop, in slices of a few milliseconds, one at a time. Between calls the monitor
socket wakes a task: a route of ours that is deleted is repaired at once, a next hop that appears is used at once.
A program that undoes repairs as fast as they are made does not keep the loop here for ever: after a repair it takes up
no more notifications, and rests.
"""

from __future__ import annotations

import asyncio
import time

from bgpctl.fib.core.reconciler import Reconciler
from bgpctl.fib.edge.failure_log import FailureLog
from bgpctl.fib.edge.observer import read_kernel, take_notification
from bgpctl.fib.edge.retry import Retry
from bgpctl.fib.edge.tunnel_setup import TunnelSetup
from bgpctl.fib.kernel.kernel_view import KernelView
from bgpctl.fib.latency import LatencyCounter
from reflector.kernel.change import Change
from reflector.kernel.netlink import route_message
from reflector.kernel.netlink.sockets import DumpInterrupted, Monitor, Overrun, Requests

BATCH = 256
_SLICE = 1000
# After repairs the worker rests for twice the processor time that they took: a program that deletes routes in a loop
# costs a third of a core, and each route is repaired well within a second.
_REST, _LONGEST_REST = 2.0, 0.2
_DUMPS = 3


class Settling:
    """`busy` is held while the state changes. `synced_at`: see FibStatus."""

    def __init__(self, state: Reconciler, requests: Requests, monitor: Monitor) -> None:
        self.busy = asyncio.Lock()
        self.batches = LatencyCounter()
        self.tunnels = TunnelSetup(requests)
        self.synced_at = 0.0
        self._state = state
        self._requests = requests
        self._monitor = monitor
        self._loop = asyncio.get_running_loop()
        self._log = FailureLog(self._loop, state.failures.log)
        self._retry = Retry(self._loop, self._retry_now)
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------------------------------------- the worker

    def start(self) -> None:
        self._listen()
        self._worker = asyncio.create_task(self._work(), name="fib")

    async def stop(self) -> None:
        self._loop.remove_reader(self._monitor.fileno())
        self._retry.cancel()
        self._log.cancel()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def until_broken(self) -> None:
        """Raises what ends the worker."""
        if self._worker is None:
            raise AssertionError("the worker has not been started")
        await asyncio.shield(self._worker)

    def raise_if_broken(self) -> None:
        """What ended the worker, if anything did: that is a bug of ours."""
        if self._worker is not None and self._worker.done() and not self._worker.cancelled():
            self._worker.result()

    def _listen(self) -> None:
        """Once: a monitor that stays readable while we rest must not wake the loop over and over."""
        self._loop.add_reader(self._monitor.fileno(), self._woken)

    def _woken(self) -> None:
        self._loop.remove_reader(self._monitor.fileno())
        self._wake.set()

    async def _work(self) -> None:
        """Settles whenever something woke us. An exception in here is a bug and goes to whoever asks next."""
        work = self._state.work
        while True:
            await self._wake.wait()
            self._wake.clear()
            repairs, spent = work.repairs, time.thread_time()
            await self.settle()
            if work.repairs > repairs:
                await asyncio.sleep(min(_REST * (time.thread_time() - spent), _LONGEST_REST))
            self._listen()

    def _retry_now(self) -> None:
        self._state.comparison.retry_refused()
        if self.tunnels.failures:
            self.tunnels.mark_unknown()
        self._wake.set()

    # ---------------------------------------------------------------------------------------------- settling

    async def settle(self) -> None:
        """Works until nothing is outstanding."""
        self.raise_if_broken()
        state = self._state
        async with self.busy:
            repairs, more = state.work.repairs, True
            while more:
                all_received = state.work.repairs > repairs or self._receive()
                state.refresh()
                await self._observe_and_set_up()
                state.refresh()
                self._write(state.comparison.next_changes(BATCH))
                more = not all_received or self._is_outstanding()
                await asyncio.sleep(0)
            if state.is_in_sync:
                self.synced_at = time.time()
        self._retry.plan(is_needed=bool(state.failures.refused_destinations() or self.tunnels.failures))
        self._log.foreign()

    def _is_outstanding(self) -> bool:
        return bool(self._state.work) or self._state.view.outdated or self.tunnels.wanted

    async def _observe_and_set_up(self) -> None:
        view = self._state.view
        try:
            if view.outdated and not (view.is_known and self._state.work):
                await self._read_all()
            if self.tunnels.wanted or self._state.observation.links_changed:
                await self._set_up_tunnels()
        except Overrun:
            self._log.answers_lost()
            view.mark_unknown()

    async def _set_up_tunnels(self) -> None:
        before = self.tunnels.failures
        for _ in self.tunnels.settle(self._state):
            await asyncio.sleep(0)
        self._state.observation.links_changed = False
        self._log.devices(before, self.tunnels.failures)

    def _write(self, changes: list[Change]) -> None:
        if not changes:
            return
        requests = [route_message.encode(change) for change in changes]
        sent_at = time.monotonic()
        try:
            answers = self._requests.batch(requests)
        except Overrun:
            self._log.answers_lost()
            self._state.view.mark_unknown()
            return
        self.batches.took(time.monotonic() - sent_at)
        comparison = self._state.comparison
        for change, refusal in zip(changes, answers, strict=True):
            if refusal is None:
                comparison.applied(change)
            elif comparison.refused(change, refusal.errno, refusal.reason):
                self._log.refused(change, refusal)

    # ---------------------------------------------------------------------------------------------- observing

    def _receive(self) -> bool:
        """Takes up a slice of notifications; returns whether those were all."""
        try:
            notifications, all_received = self._monitor.read(_SLICE)
        except Overrun:
            if not self._state.view.outdated:
                self._log.notifications_lost()
            self._state.view.mark_unknown()
            return False
        for notification in notifications:
            take_notification(notification, self._state.observation)
            self.tunnels.take_notification(notification)
        return all_received

    async def _read_all(self) -> None:
        """Dumps everything. A dump during which the tables changed is repeated; the last one stands, because the
        monitor reports what happened meanwhile."""
        for dump in range(1, _DUMPS + 1):
            view = KernelView()
            try:
                for _ in read_kernel(self._requests, self._state.observation, view):
                    await asyncio.sleep(0)
            except DumpInterrupted:
                if dump < _DUMPS:
                    continue
                self._log.dump_changes()
            break
        self._state.observation.observe_all(view)
        self.tunnels.mark_unknown()
