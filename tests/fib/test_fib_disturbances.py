"""A program that does not stop: deletions in a loop, and more changes than the kernel can notify of."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from fib_makers import decoded, learned, until, update
from fib_namespaces import Namespace

from bgpctl.fib.core.failures import RouteFailure
from bgpctl.fib.programmer import RouteProgrammer
from reflector.kernel.netlink.route_message import NEWROUTE
from reflector.kernel.netlink.sockets import RECEIVE_BUFFER, Monitor
from reflector.kernel.route import Destination
from reflector.plan import KernelPlan

pytestmark = pytest.mark.netns

# Seconds: how long routes are deleted, and until each has to be back.
ATTACK, REPAIR = 3.0, 1.0
# Of one core. The worker rests twice as long as it works; starting a process and reading the answers come on top.
CPU = 0.5
SMALLEST_BUFFER = 2048
OURS = [f"20.{n >> 8}.{n & 255}.0/24" for n in range(500)]
FOREIGN = [f"30.{n >> 8}.{n & 255}.0/24" for n in range(5000)]


def programmed(
    node: Namespace, script: Callable[[RouteProgrammer], Awaitable[None]], receive_buffer: int = RECEIVE_BUFFER
) -> None:
    async def main() -> None:
        fib = await RouteProgrammer.open(KernelPlan(), receive_buffer=receive_buffer)
        try:
            await script(fib)
        finally:
            await fib.close()

    node.run(main)


@contextmanager
def deleted_in_a_loop(node: Namespace, batch: Path, prefixes: list[str]) -> Iterator[None]:
    """As fast as a process can, while the block runs."""
    batch.write_text("".join(f"route del {prefix} proto 179\n" for prefix in prefixes))
    loop = f"while :; do ip -force -batch {batch}; done"
    attacker = subprocess.Popen(
        ["ip", "netns", "exec", node.name, "sh", "-c", loop], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        attacker.kill()
        attacker.wait()


class Absences:
    """For how long each route was not there, by the kernel's own notifications."""

    def __init__(self) -> None:
        self.longest, self.count = 0.0, 0
        self._gone: dict[Destination, float] = {}
        self._monitor = Monitor()

    def listen(self) -> None:
        received, _ = self._monitor.read(100_000)
        now = time.monotonic()
        for kind, route in ((each.kind, decoded(each.body)) for each in received):
            if route is None:
                continue
            if kind != NEWROUTE:
                self._gone[route.destination] = now
            elif route.destination in self._gone:
                self.count += 1
                self.longest = max(self.longest, now - self._gone.pop(route.destination))
        self.longest = max([self.longest, *(now - since for since in self._gone.values())])

    def close(self) -> None:
        self._monitor.close()


@pytest.mark.parametrize("count", [1, 50, 500])
def test_routes_that_are_deleted_in_a_loop_are_back_within_a_second_at_a_bounded_cost(
    node: Namespace, tmp_path: Path, count: int, record_property: Callable[[str, object], None]
) -> None:
    """The absences are received in the same thread as the repairs are made; what that costs is taken off."""
    prefixes = OURS[:count]

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(*prefixes, via=("10.0.0.2",))))
        absences = Absences()
        with deleted_in_a_loop(node, tmp_path / "batch", prefixes):
            begun, spent, listening = time.monotonic(), time.thread_time(), 0.0
            while time.monotonic() < begun + ATTACK:
                before = time.thread_time()
                absences.listen()
                listening += time.thread_time() - before
                await asyncio.sleep(0.02)
            share = (time.thread_time() - spent - listening) / (time.monotonic() - begun)
        absences.close()
        record_property("repairs_per_second", absences.count / ATTACK)
        record_property("longest_absence", absences.longest)
        record_property("share_of_a_core", share)
        assert absences.count > count
        assert absences.longest < REPAIR
        assert share < CPU
        await until(lambda: len(node.routes()) == count, "all are back")
        assert fib.status().in_sync

    programmed(node, script)


def test_more_foreign_changes_than_the_kernel_can_tell_lead_to_a_resync_and_a_right_fib(node: Namespace) -> None:
    """netlink(7): ENOBUFS. Among five thousand changes that are lost are four that matter to us."""
    deleted, overridden, led, plain = OURS[:4]
    node.ip("route", "add", "10.9.0.0/16", "via", "10.0.0.254")

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(led, via=("10.9.0.7",)), learned(*OURS[:2], plain, via=("10.0.0.2",))))
        with structlog.testing.capture_logs() as logs:
            # The loop does not run meanwhile: this call blocks it.
            node.batch(
                *(f"route add {prefix} via 10.0.0.9 proto static" for prefix in FOREIGN[:2500]),
                f"route del {deleted}",
                f"route replace {overridden} via 10.0.0.9 metric 1024 proto static",
                "route replace 10.9.0.0/16 via 10.0.0.253",
                f"route add {plain} via 10.0.0.9 metric 100 proto static",
                *(f"route add {prefix} via 10.0.0.9 proto static" for prefix in FOREIGN[2500:]),
            )
            await until(lambda: fib.status().in_sync and len(fib.status().foreign) == 1, "the resync")
        assert "notifications of the kernel were lost, everything is read again" in {log["event"] for log in logs}
        assert sorted(node.routes()) == sorted(
            [
                f"{deleted} via 10.0.0.2 dev eth0 metric 1024",
                f"{led} via 10.0.0.253 dev eth0 metric 1024",
                f"{plain} via 10.0.0.2 dev eth0 metric 1024",
            ]
        )
        status = fib.status()
        assert (status.desired, status.installed, status.repairs) == (4, 3, 1)
        assert status.shadowed == (
            RouteFailure(plain, "another program's route wins: static (protocol 4, metric 100)", 1024),
        )
        assert len(node.routes("proto", "static")) == len(FOREIGN) + 2
        # It receives as before: nothing is left of the loss.
        await asyncio.to_thread(node.ip, "route", "del", overridden, "proto", "static")
        await until(lambda: fib.status().installed == 4, "the route that was overridden")

    programmed(node, script, SMALLEST_BUFFER)
