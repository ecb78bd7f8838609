"""The speaker's netlink socket against the real kernel, without the speaker around it."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from segment import Segment, eventually

from reflector.addresses import pack_address
from reflector.event_loop import EventLoop
from reflector.kernel.lookup import Lookup
from reflector.kernel.resolve import NO_ROUTE, UNREACHABLE, Resolution
from reflector.kernel.routing_table import RoutingTable
from reflector.kernel.watch import RECEIVE_BUFFER, RESCAN, KernelRoutes
from reflector.plan import KernelPlan, NodePlan

pytestmark = pytest.mark.netns

OWN = KernelPlan().protocol
PLAN = NodePlan(node="n", router_id="10.0.0.1")


class CountedRoutes(KernelRoutes):
    """`reads` counts how often something came."""

    reads = 0

    def read(self) -> None:
        self.reads += 1
        super().read()


class Watcher:
    """KernelRoutes in a namespace with eth0 (10.9.0.1/24, fd09::1/64), and how often it called."""

    def __init__(self, segment: Segment, directory: Path) -> None:
        segment.host("n", "10.9.0.1/24", "fd09::1/64")
        self._segment = segment
        self._directory = directory
        self.loop = EventLoop()
        self.table: RoutingTable | None = None
        self.calls = 0

    def watch(self, plan: NodePlan = PLAN, receive_buffer: int = RECEIVE_BUFFER) -> CountedRoutes:
        self.routes = CountedRoutes(self.loop, self.changed, receive_buffer)
        self.follow(plan)
        return self.routes

    def follow(self, plan: NodePlan) -> None:
        with self._segment.inside("n"):
            self.routes.follow(plan)
        self.routes.wait(1.0)

    def changed(self, table: RoutingTable | None) -> None:
        self.calls += 1
        self.table = table
        if table is not None:
            table.take_changes()

    def ip(self, words: str) -> None:
        subprocess.run(["ip", "-n", self._segment.namespace("n"), *words.split()], check=True)

    def sysctl(self, name: str, value: int) -> None:
        command = ("sh", "-c", f"echo {value} > /proc/sys/{name}")
        subprocess.run(["ip", "netns", "exec", self._segment.namespace("n"), *command], check=True)

    def batch(self, *lines: str) -> None:
        path = self._directory / "batch"
        path.write_text("".join(f"{line}\n" for line in lines))
        self.ip(f"-batch {path}")

    def leads_to(self, address: str) -> bool:
        """By the kernel's own word: `ip route get` fails where nothing leads."""
        command = ["ip", "-n", self._segment.namespace("n"), "route", "get", address]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def resolve(self, address: str) -> Resolution:
        assert self.table is not None
        return self.table.resolve(Lookup(pack_address(address)))

    def settle(self) -> None:
        """Until the kernel has nothing more to say."""
        before = -1
        while self.routes.reads != before:
            before = self.routes.reads
            self.loop.turn(0.1)

    def cost(self, address: str) -> int | None:
        self.settle()
        resolution = self.resolve(address)
        return resolution.cost if resolution.is_resolvable else None


@pytest.fixture
def watcher(segment: Segment, tmp_path: Path) -> Iterator[Watcher]:
    watcher = Watcher(segment, tmp_path)
    yield watcher
    watcher.routes.close("the test is over")


VARIETY = (
    "route add 10.20.0.0/16 via 10.9.0.2 metric 7",
    "route add blackhole 10.20.1.0/24",
    "route add unreachable 10.20.2.0/24",
    "route add prohibit 10.20.3.0/24",
    "route add throw 10.20.4.0/24",
    "route add 10.21.0.0/16 metric 30 nexthop via 10.9.0.2 nexthop via 10.9.0.3",
    "route add 10.22.0.0/16 dev eth0 metric 40",
    "route add 10.23.0.0/16 via inet6 fd09::2 metric 50",
    "route add 10.24.0.0/16 via 10.24.0.1 dev eth0 onlink metric 60",
    "route add 10.25.0.0/16 via 10.9.0.2 table 100",
    "route add 10.26.0.0/16 via 10.9.0.2 table 1000",
    "route add 10.27.0.0/16 via 10.9.0.2 tos 8",
    f"route add 10.28.0.0/16 via 10.9.0.2 proto {OWN}",
    "route add fd20::/64 via fd09::2 metric 7",
    "route add unreachable fd20:0:0:1::/64",
    "route add fd21::/64 metric 30 nexthop via fd09::2 nexthop via fd09::3",
)
COSTS = {
    "10.9.0.77": 0, "10.20.0.1": 7, "10.20.1.1": None, "10.20.2.1": None, "10.20.3.1": None, "10.20.4.1": None,
    "10.21.0.1": 30, "10.22.0.1": 40, "10.23.0.1": 50, "10.24.0.1": 60, "10.25.0.1": None, "10.26.0.1": None,
    "10.27.0.1": None, "10.30.0.1": None,
    "fd09::77": 0, "fd20::1": 7, "fd20:0:0:1::1": None, "fd21::1": 30, "fd30::1": None,
}  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_kind_of_route_is_read_from_a_dump_and_from_notifications(watcher: Watcher, when: str) -> None:
    """And the kernel itself, asked with `ip route get`, is of the same opinion."""
    if when == "before":
        watcher.batch(*VARIETY)
    watcher.watch()
    if when == "after":
        watcher.batch(*VARIETY)
    assert {address: watcher.cost(address) for address in COSTS} == COSTS
    assert {a: watcher.leads_to(a) for a in COSTS} == {a: cost is not None for a, cost in COSTS.items()}
    assert watcher.resolve("10.28.0.1") == NO_ROUTE
    watcher.batch(*(line.replace("route add", "route del") for line in VARIETY))
    covered = {address: cost if cost == 0 else None for address, cost in COSTS.items()}
    assert {address: watcher.cost(address) for address in COSTS} == covered


def test_replaced_appended_and_single_ways_of_a_route_follow_the_kernel(watcher: Watcher) -> None:
    watcher.watch()
    for family, prefix, hops in (
        ("-4", "10.20.0.0/16", ("10.9.0.2", "10.9.0.3")),
        ("-6", "fd20::/64", ("fd09::2", "fd09::3")),
    ):
        inside = prefix.split("/")[0] + "1" if ":" in prefix else "10.20.0.1"
        watcher.ip(f"{family} route add {prefix} via {hops[0]} metric 5")
        watcher.ip(f"{family} route replace {prefix} via {hops[1]} metric 5")
        watcher.ip(f"{family} route append {prefix} via {hops[0]} metric 5")
        assert watcher.cost(inside) == 5
        watcher.ip(f"{family} route del {prefix} via {hops[1]} metric 5")
        assert watcher.cost(inside) == 5
        watcher.ip(f"{family} route replace unreachable {prefix} metric 5")
        assert watcher.cost(inside) is None
        watcher.ip(f"{family} route del unreachable {prefix} metric 5")
        assert watcher.cost(inside) is None


def test_routes_that_are_our_own_do_not_wake_the_speaker(watcher: Watcher) -> None:
    """The agent may program 100,000 of them."""
    routes = watcher.watch()
    watcher.settle()
    calls = watcher.calls
    watcher.batch(*(f"route add 10.20.{third}.0/24 via 10.9.0.2 proto {OWN}" for third in range(200)))
    watcher.ip("route add fd20::/64 via fd09::2 table 100")
    reads = routes.reads
    watcher.loop.turn(0.1)
    assert routes.reads == reads
    watcher.ip("route add 10.21.0.0/16 via 10.9.0.2")
    assert watcher.cost("10.21.0.1") == 0
    assert watcher.calls == calls + 1


def test_a_plan_with_another_protocol_number_leaves_both_out(watcher: Watcher) -> None:
    watcher.ip(f"route add 10.20.0.0/16 via 10.9.0.2 proto {OWN}")
    watcher.ip("route add 10.21.0.0/16 via 10.9.0.2 proto 200")
    watcher.watch()
    assert (watcher.cost("10.20.0.1"), watcher.cost("10.21.0.1")) == (None, 0)
    watcher.follow(NodePlan(node="n", router_id="10.0.0.1", kernel=KernelPlan(protocol=200)))
    assert (watcher.cost("10.20.0.1"), watcher.cost("10.21.0.1")) == (None, None)


def test_notifications_that_are_lost_are_made_good_by_a_dump(watcher: Watcher) -> None:
    """ENOBUFS: 50,000 changes while no one reads, into a buffer of a few of them."""
    routes = watcher.watch(receive_buffer=4096)
    blocks = [f"10.{64 + (block >> 8)}.{block & 255}.0/24" for block in range(25_000)]
    watcher.batch(
        *(f"route add blackhole {block}" for block in blocks),
        *(f"route del blackhole {block}" for block in blocks[:-1]),
        "route add 10.20.0.0/16 via 10.9.0.2 metric 9",
    )
    eventually(lambda: watcher.cost("10.20.0.1") == 9, "the last route is known")
    assert routes.overruns >= 1
    last = blocks[-1].removesuffix(".0/24")
    assert watcher.resolve(f"{last}.1") == UNREACHABLE
    watcher.ip("route add 10.0.0.0/8 via 10.9.0.2 metric 3")
    assert [watcher.cost(f"{last}.1"), watcher.cost("10.64.0.1")] == [None, 3]


def test_routes_that_go_with_a_link_are_gone_at_once_though_the_kernel_does_not_notify(watcher: Watcher) -> None:
    watcher.watch()
    watcher.ip("link add one type veth peer name other")
    watcher.ip("link set one up")
    watcher.ip("link set other up")
    watcher.ip("route add 10.20.0.0/16 dev one")
    assert watcher.cost("10.20.0.1") == 0
    before = len(watcher.table.routes)
    watcher.ip("link del one")
    assert watcher.cost("10.20.0.1") is None
    assert len(watcher.table.routes) == before - 1


def test_what_the_kernel_drops_without_a_notification_is_found_by_the_next_scan(watcher: Watcher) -> None:
    """IPv6 routes that go with their link, where the node is set up so."""
    routes = watcher.watch()
    routes.tick(1.0)
    watcher.sysctl("net/ipv6/route/skip_notify_on_dev_down", 1)
    watcher.ip("link add one type veth peer name other")
    watcher.ip("link set one up")
    watcher.ip("link set other up")
    watcher.ip("route add fd20::/64 dev one")
    assert watcher.cost("fd20::1") == 1024
    watcher.ip("link del one")
    assert watcher.cost("fd20::1") is None
    before = len(watcher.table.routes)
    routes.tick(1.0 + RESCAN)
    watcher.settle()
    assert len(watcher.table.routes) < before


def test_a_scan_that_finds_nothing_new_calls_no_one(watcher: Watcher) -> None:
    routes = watcher.watch()
    watcher.settle()
    calls, dumps = watcher.calls, routes.dumps
    routes.tick(1.0)
    routes.tick(1.0 + RESCAN)
    watcher.settle()
    assert (watcher.calls, routes.dumps) == (calls, dumps + 1)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_netlink_there_is_no_table_and_a_reason_until_it_can_be_had(watcher: Watcher, segment: Segment) -> None:
    watcher.routes = CountedRoutes(watcher.loop, watcher.changed)
    with segment.inside("n"):
        with no_descriptor_left():
            watcher.routes.follow(PLAN)
        assert watcher.routes.failure == "next hops are not looked up in the kernel: Too many open files"
        assert (watcher.table, watcher.calls) == (None, 0)
        watcher.routes.tick(1.0)
    watcher.routes.wait(1.0)
    assert watcher.routes.failure == ""
    assert watcher.cost("10.9.0.77") == 0


def test_a_plan_that_does_not_resolve_forgets_the_kernel(watcher: Watcher) -> None:
    watcher.watch()
    assert watcher.table is not None
    watcher.follow(NodePlan(node="n", router_id="10.0.0.1", resolve_next_hops=False))
    assert (watcher.table, watcher.routes.failure) == (None, "")
    watcher.follow(PLAN)
    assert watcher.cost("10.9.0.77") == 0
