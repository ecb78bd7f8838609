"""Which routes of other programs are announced as routes to workloads of this node, and when they cease to be."""

from __future__ import annotations

import msgspec
import pytest
from fib_makers import ETH0, KERNEL, STATIC, TUNNEL, event, leg, put, route, underlay

from bgpctl.fib.core import workload_routes
from bgpctl.fib.core.reconciler import Reconciler
from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.addresses import pack_address
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.route import KernelRoute
from reflector.plan import KernelPlan

FELIX, BOOT, BIRD = 80, 3, 12
CALI, VETH, TAP, DUMMY, LOOPBACK = 20, 21, 22, 23, 1
PLAN = KernelPlan(
    workload_networks=("192.168.0.0/16", "fd64::/48"),
    aggregated_blocks=("192.168.1.0/26", "fd64:0:0:1::/122"),
    local_subnets=("10.0.0.0/24", "fd00::/64"),
)
BORROWED, BORROWED_6 = "192.168.2.7/32", "fd64:0:0:2::7/128"
OWN, OWN_6 = "192.168.1.5/32", "fd64:0:0:1::5/128"


class Node:
    """A FIB whose kernel has links of workloads, and routes of other programs."""

    def __init__(self, *routes: KernelRoute, plan: KernelPlan = PLAN) -> None:
        self.state = Reconciler(plan)
        self.changes = 0
        self.state.workloads.changed = self.count
        self.look(*routes)

    def count(self) -> None:
        self.changes += 1

    def look(self, *routes: KernelRoute) -> None:
        """A dump."""
        view = KernelView()
        view.underlay = underlay(*routes)
        for index, name, kind in (
            (CALI, "cali1", "veth"),
            (VETH, "eni7", "veth"),
            (TAP, "tap0", "tun"),
            (DUMMY, "pods", "dummy"),
            (LOOPBACK, "lo", ""),
            (TUNNEL, "vxlan.calico", "vxlan"),
            (TUNNEL + 1, "wg0", "wireguard"),
        ):
            view.underlay.put_link(Link(index, name, kind=kind))
        self.state.observation.observe_all(view)

    def add(self, made: KernelRoute) -> None:
        self.state.observation.observe(event(made))

    def delete(self, made: KernelRoute) -> None:
        self.state.observation.observe(event(made, came=False))

    def announced(self) -> list[tuple[str, int, str]]:
        self.state.refresh()
        return [tuple(each) for each in self.state.workloads.announced()]  # type: ignore[misc]


def to(prefix: str, ifindex: int = CALI, metric: int = 1024, protocol: int = BOOT) -> KernelRoute:
    return route(prefix, leg(ifindex=ifindex), metric=metric, protocol=protocol)


# ------------------------------------------------------------------------------------------- what is announced


@pytest.mark.parametrize("protocol", [BOOT, STATIC, FELIX, 186, 99])
@pytest.mark.parametrize(("ifindex", "name"), [(CALI, "cali1"), (VETH, "eni7"), (TAP, "tap0"), (DUMMY, "pods")])
@pytest.mark.parametrize("prefix", [BORROWED, BORROWED_6])
def test_a_borrowed_address_is_announced_whoever_put_it_there(
    prefix: str, ifindex: int, name: str, protocol: int
) -> None:
    assert Node(to(prefix, ifindex, protocol=protocol)).announced() == [(prefix, 1024, name)]


@pytest.mark.parametrize("prefix", ["192.168.4.0/28", "192.168.0.0/16", "fd64:0:0:9::/64"])
def test_a_workload_may_have_a_whole_network(prefix: str) -> None:
    assert Node(to(prefix)).announced() == [(prefix, 1024, "cali1")]


def test_a_route_without_a_metric_has_the_normal_priority() -> None:
    plan = msgspec.structs.replace(PLAN, normal_priority_v4=2000)
    assert Node(to(BORROWED, metric=0), plan=plan).announced() == [(BORROWED, 2000, "cali1")]


def test_a_metric_beyond_what_local_pref_can_carry_is_the_worst_one() -> None:
    assert Node(to(BORROWED, metric=2**32 - 1)).announced() == [(BORROWED, 2**31 - 1, "cali1")]


@pytest.mark.parametrize("prefix", [OWN, OWN_6, "192.168.1.0/26", "192.168.1.32/27"])
def test_a_block_stands_for_what_is_inside(prefix: str) -> None:
    assert Node(to(prefix)).announced() == []
    assert Node(to(prefix, metric=4000)).announced() == []


@pytest.mark.parametrize("prefix", [OWN, OWN_6, BORROWED])
def test_a_workload_that_has_just_moved_here_is_announced_beside_its_block(prefix: str) -> None:
    assert Node(to(prefix, metric=512)).announced() == [(prefix, 512, "cali1")]


def test_two_legs_to_workloads_are_one_route() -> None:
    both = route(BORROWED, leg(ifindex=CALI), leg(ifindex=VETH), protocol=BOOT)
    assert Node(both).announced() == [(BORROWED, 1024, "cali1")]


def test_of_several_routes_the_one_that_the_kernel_uses_counts() -> None:
    assert Node(to(BORROWED), to(BORROWED, VETH, metric=512)).announced() == [(BORROWED, 512, "eni7")]
    dropped = route(BORROWED, metric=100, protocol=STATIC)
    assert Node(to(BORROWED), dropped).announced() == []
    led_away = route(BORROWED, leg("10.0.0.9", ETH0), metric=100, protocol=STATIC)
    assert Node(to(BORROWED), led_away).announced() == []


@pytest.mark.parametrize(
    "other",
    [
        to("10.244.0.5/32"),
        to("192.0.0.0/8"),
        route(BORROWED, leg("10.0.0.9", ETH0), protocol=FELIX),
        route(BORROWED, leg("192.168.2.1", CALI), protocol=STATIC),
        route(BORROWED, leg("192.168.2.1", TUNNEL, onlink=True), protocol=FELIX),
        to(BORROWED, TUNNEL, protocol=FELIX),
        to(BORROWED, TUNNEL + 1),
        to(BORROWED, LOOPBACK),
        to(BORROWED, ETH0),
        to(BORROWED, 77),
        to(BORROWED, protocol=KERNEL),
        to(BORROWED_6, protocol=9),
        route(BORROWED, protocol=FELIX),
        route(BORROWED, leg(ifindex=CALI), protocol=BOOT, table=100),
        route(BORROWED, leg(ifindex=CALI), leg("10.0.0.9", ETH0), protocol=BOOT),
    ],
    ids=[
        "outside every pool",
        "around a pool",
        "through a gateway",
        "through a workload",
        "another node's, through a tunnel",
        "into a tunnel",
        "into WireGuard",
        "the loopback",
        "the underlay",
        "over a link that is not known",
        "made of an address",
        "of a router advertisement",
        "a blackhole",
        "of another table",
        "partly through a gateway",
    ],
)
def test_any_other_route_is_not(other: KernelRoute) -> None:
    assert Node(other).announced() == []


def test_what_we_programmed_ourselves_is_never_announced() -> None:
    """Nor is what an agent with another protocol number has left."""
    node = Node()
    node.state.observation.adopt(180)
    node.add(to(BORROWED, protocol=179))
    node.add(to("192.168.2.8/32", protocol=180))
    assert node.announced() == []


def test_pools_over_the_nodes_own_network_announce_nothing_of_it() -> None:
    plan = msgspec.structs.replace(PLAN, workload_networks=("10.0.0.0/8", "fd00::/8"))
    connected = (to("10.0.0.254/32", ETH0), to("10.0.0.0/25", ETH0), to("fd00::fe/128", ETH0))
    assert Node(*connected, plan=plan).announced() == []
    assert Node(*connected, to("10.9.0.1/32"), plan=plan).announced() == [("10.9.0.1/32", 1024, "cali1")]


def test_without_pools_nothing_is_announced() -> None:
    assert Node(to(BORROWED), plan=KernelPlan()).announced() == []


# ------------------------------------------------------------------------------------------- what changes it


def test_a_route_is_announced_while_it_is_there() -> None:
    node = Node()
    assert node.announced() == []
    node.add(to(BORROWED))
    assert (node.announced(), node.changes) == ([(BORROWED, 1024, "cali1")], 1)
    node.delete(to(BORROWED))
    assert (node.announced(), node.changes) == ([], 2)


def test_another_metric_is_a_change_and_another_program_is_none() -> None:
    node = Node(to(BORROWED, metric=512))
    node.announced()
    changes = node.changes
    node.add(to(BORROWED))
    node.delete(to(BORROWED, metric=512))
    assert (node.announced(), node.changes) == ([(BORROWED, 1024, "cali1")], changes + 1)
    node.delete(to(BORROWED))
    node.add(to(BORROWED, protocol=STATIC))
    assert (node.announced(), node.changes) == ([(BORROWED, 1024, "cali1")], changes + 1)


@pytest.mark.parametrize("prefix", [BORROWED, BORROWED_6])
def test_a_workload_whose_link_goes_is_withdrawn(prefix: str) -> None:
    node = Node(to(prefix))
    node.announced()
    node.state.observation.observe_link(Link(CALI, "cali1", up=False))
    assert node.announced() == []
    node.state.observation.remove_link(CALI)
    assert node.announced() == []


def test_a_link_that_becomes_known_or_is_renamed_counts_at_once() -> None:
    node = Node(to(BORROWED, 77))
    assert node.announced() == []
    node.state.observation.observe_link(Link(77, "cali9", kind="veth"))
    assert node.announced() == [(BORROWED, 1024, "cali9")]
    node.state.observation.links_changed = False
    node.state.observation.observe_link(Link(77, "cali10", kind="veth"))
    assert node.announced() == [(BORROWED, 1024, "cali10")]


def test_a_link_becomes_one_of_the_underlay_with_its_address() -> None:
    node = Node(to(BORROWED, VETH))
    assert node.announced() == [(BORROWED, 1024, "eni7")]
    address = LinkAddress(VETH, pack_address("10.0.0.7"), 24)
    node.state.observation.observe_address(address, came=True)
    assert node.announced() == []
    node.state.observation.observe_address(address, came=False)
    put(node.state.view.underlay, to(BORROWED, VETH))  # it went with the link's last IPv4 address
    assert node.announced() == [(BORROWED, 1024, "eni7")]


def test_a_dump_is_the_truth() -> None:
    node = Node(to(BORROWED), to("192.168.2.8/32"))
    assert len(node.announced()) == 2
    node.look(to("192.168.2.8/32"), to("192.168.2.9/32"))
    assert [prefix for prefix, *_ in node.announced()] == ["192.168.2.8/32", "192.168.2.9/32"]


def test_another_plan_decides_anew() -> None:
    node = Node(to(BORROWED), to(OWN))
    assert [prefix for prefix, *_ in node.announced()] == [BORROWED]
    node.state.apply_plan(msgspec.structs.replace(PLAN, aggregated_blocks=()))
    assert [prefix for prefix, *_ in node.announced()] == [BORROWED, OWN]
    node.state.apply_plan(msgspec.structs.replace(PLAN, workload_networks=("192.168.2.0/24",)))
    assert [prefix for prefix, *_ in node.announced()] == [BORROWED]
    node.state.apply_plan(KernelPlan())
    assert node.announced() == []


def test_beyond_the_bound_those_that_were_there_first_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload_routes, "MOST_WORKLOAD_ROUTES", 3)
    node = Node(*(to(f"192.168.2.{host}/32") for host in (10, 11)))
    node.announced()
    for host in (5, 4, 3):
        node.add(to(f"192.168.2.{host}/32"))
        node.announced()
    assert [prefix for prefix, *_ in node.announced()] == ["192.168.2.10/32", "192.168.2.11/32", "192.168.2.5/32"]
    assert len(node.state.workloads) == 5
    node.delete(to("192.168.2.11/32"))
    assert [prefix for prefix, *_ in node.announced()] == ["192.168.2.10/32", "192.168.2.5/32", "192.168.2.4/32"]


def test_what_is_outside_the_pools_costs_no_work() -> None:
    """A node may have a whole public table of another program's routes: only what is touched is looked at."""
    node = Node(*(route(f"20.{n >> 8}.{n & 255}.0/24", leg("10.0.0.9", ETH0), protocol=186) for n in range(2000)))
    node.add(to(BORROWED))
    looked = []
    decide = node.state.workloads._route_to
    node.state.workloads._route_to = lambda each: looked.append(each) or decide(each)  # type: ignore[method-assign,func-returns-value]
    assert node.announced() == [(BORROWED, 1024, "cali1")]
    assert len(looked) == 1
