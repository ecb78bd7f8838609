"""Which kernel route a Loc-RIB route becomes under a plan."""

from __future__ import annotations

import pytest
from fib_makers import ETH1, STATIC, TUNNEL, at, leg, paths, put, route, underlay

from bgpctl.fib.core.desired import DesiredRoutes, Wish, metric_of
from reflector.addresses import pack_address
from reflector.kernel.link import Link
from reflector.kernel.route import KernelRoute, host_destination
from reflector.plan import (
    Encapsulation,
    HostRoute,
    KernelPlan,
    KernelRule,
    KernelVerdict,
    Vtep,
    VxlanPlan,
)

POOL, BLOCK = "10.244.0.0/16", "10.244.7.0/26"
GATEWAY = route("0.0.0.0/0", leg("10.0.0.254"), metric=0, protocol=STATIC)
VXLAN = VxlanPlan(
    family=4,
    device="vxlan.calico",
    vni=4096,
    port=4789,
    local_address="10.0.0.1",
    tunnel_address="10.244.0.1",
    mac="66:00:00:00:00:01",
    vteps=(
        Vtep("far", "10.9.0.7", "10.244.7.1", "66:00:00:00:00:07"),
        Vtep("near", "10.0.0.7", "10.244.8.1", "66:00:00:00:00:08"),
    ),
)


def program(encapsulation: Encapsulation = Encapsulation.NONE, *, cross_subnet: bool = False) -> KernelRule:
    return KernelRule(POOL, KernelVerdict.PROGRAM, encapsulation, cross_subnet)


def wish(plan: KernelPlan, *next_hops: str, prefix: str = BLOCK, local_pref: int | None = None) -> Wish:
    under = underlay(GATEWAY)
    under.put_link(Link(TUNNEL, "vxlan.calico"))
    under.put_link(Link(TUNNEL + 1, "tunl0"))
    given = paths(*next_hops) if local_pref is None else paths(*next_hops, local_pref=local_pref)
    return DesiredRoutes(plan, under).bgp(at(prefix), given)


VXLAN_ALWAYS = KernelPlan(rules=(program(Encapsulation.VXLAN),), vxlans=(VXLAN,))
VXLAN_CROSS = KernelPlan(
    rules=(program(Encapsulation.VXLAN, cross_subnet=True),), vxlans=(VXLAN,), local_subnets=("10.0.0.0/24",)
)
IPIP_CROSS = KernelPlan(rules=(program(Encapsulation.IPIP, cross_subnet=True),), local_subnets=("10.0.0.0/24",))


@pytest.mark.parametrize(
    ("plan", "next_hops", "expected"),
    [
        pytest.param(KernelPlan(), ["10.0.0.2"], route(BLOCK, leg("10.0.0.2")), id="no rule: plainly"),
        pytest.param(KernelPlan(), ["10.0.0.3", "10.0.0.2"], route(BLOCK, leg("10.0.0.2"), leg("10.0.0.3")), id="ECMP"),
        pytest.param(
            KernelPlan(), ["10.9.0.7", "10.8.0.7"], route(BLOCK, leg("10.0.0.254")), id="one gateway, one leg"
        ),
        pytest.param(
            KernelPlan(rules=(program(),)), ["10.9.0.7"], route(BLOCK, leg("10.0.0.254")), id="no encapsulation"
        ),
        pytest.param(
            VXLAN_ALWAYS,
            ["10.0.0.7"],
            route(BLOCK, leg("10.244.8.1", TUNNEL, onlink=True)),
            id="VXLAN: to the VTEP",
        ),
        pytest.param(
            VXLAN_CROSS,
            ["10.9.0.7"],
            route(BLOCK, leg("10.244.7.1", TUNNEL, onlink=True)),
            id="VXLAN CrossSubnet, other subnet: tunnel",
        ),
        pytest.param(
            VXLAN_CROSS, ["10.0.0.7"], route(BLOCK, leg("10.0.0.7")), id="VXLAN CrossSubnet, own subnet: plainly"
        ),
        pytest.param(
            IPIP_CROSS,
            ["10.9.0.7"],
            route(BLOCK, leg("10.9.0.7", TUNNEL + 1, onlink=True)),
            id="IPIP CrossSubnet, other subnet: tunnel",
        ),
        pytest.param(
            IPIP_CROSS, ["10.0.0.7"], route(BLOCK, leg("10.0.0.7")), id="IPIP CrossSubnet, own subnet: plainly"
        ),
        pytest.param(
            KernelPlan(table=100, protocol=80),
            ["10.0.0.2"],
            route(BLOCK, leg("10.0.0.2"), table=100, protocol=80),
            id="the plan's table and protocol",
        ),
        pytest.param(
            KernelPlan(excluded_next_hops=("10.0.0.3",)),
            ["10.0.0.2", "10.0.0.3"],
            route(BLOCK, leg("10.0.0.2")),
            id="an excluded next hop is left out",
        ),
    ],
)
def test_route(plan: KernelPlan, next_hops: list[str], expected: KernelRoute) -> None:
    assert wish(plan, *next_hops) == Wish((expected,))


@pytest.mark.parametrize(
    ("plan", "next_hop"),
    [
        pytest.param(KernelPlan(rules=(KernelRule(POOL, KernelVerdict.LEAVE),)), "10.0.0.2", id="a rule says LEAVE"),
        pytest.param(KernelPlan(excluded_next_hops=("10.0.0.2",)), "10.0.0.2", id="the next hop is excluded"),
    ],
)
def test_left_alone_without_complaint(plan: KernelPlan, next_hop: str) -> None:
    assert wish(plan, next_hop) == Wish()


@pytest.mark.parametrize(
    ("plan", "next_hop", "reason"),
    [
        pytest.param(
            VXLAN_ALWAYS,
            "10.5.5.5",
            "next hop 10.5.5.5: no node with a VXLAN tunnel endpoint has this address",
            id="no VTEP",
        ),
        pytest.param(
            KernelPlan(rules=(program(Encapsulation.VXLAN),)),
            "10.0.0.7",
            "next hop 10.0.0.7: the tunnel device does not exist",
            id="no device",
        ),
        pytest.param(KernelPlan(), "10.0.0.1", "next hop 10.0.0.1: it is an address of this node", id="ourselves"),
    ],
)
def test_unresolved_with_its_reason(plan: KernelPlan, next_hop: str, reason: str) -> None:
    assert wish(plan, next_hop) == Wish((), reason)


def test_the_first_rule_that_covers_the_prefix_decides() -> None:
    narrow = KernelRule("10.244.7.0/24", KernelVerdict.LEAVE)
    plan = KernelPlan(rules=(narrow, program()))
    assert (wish(plan, "10.0.0.2"), bool(wish(plan, "10.0.0.2", prefix="10.244.8.0/26").routes)) == (Wish(), True)


def test_a_rule_does_not_cover_a_shorter_prefix() -> None:
    plan = KernelPlan(rules=(KernelRule(POOL, KernelVerdict.LEAVE),))
    assert wish(plan, "10.0.0.2", prefix="10.0.0.0/8").routes


def test_an_ecmp_route_goes_through_the_next_hops_that_resolve() -> None:
    found = wish(VXLAN_ALWAYS, "10.0.0.7", "10.5.5.5")
    assert found.routes == (route(BLOCK, leg("10.244.8.1", TUNNEL, onlink=True)),)
    assert found.reason == "next hop 10.5.5.5: no node with a VXLAN tunnel endpoint has this address"


@pytest.mark.parametrize(
    ("local_pref", "metric"),
    [
        pytest.param(100, 2147483547, id="the default LOCAL_PREF of eBGP"),
        pytest.param(2147483647 - 1024, 1024, id="an ordinary route over iBGP"),
        pytest.param(2147483647 - 512, 512, id="an elevated one"),
        pytest.param(2147483647, 1, id="never 0, which the kernel takes for its default"),
        pytest.param(4294967295, 1, id="never below"),
    ],
)
def test_metric_is_what_local_pref_says(local_pref: int, metric: int) -> None:
    assert metric_of(local_pref) == metric


def test_an_own_block_is_a_blackhole_one_below_the_normal_metric() -> None:
    own = DesiredRoutes(KernelPlan(blackholes=(BLOCK,)), underlay()).own()
    assert own == {at(BLOCK): Wish((route(BLOCK, metric=1023),))}


@pytest.mark.parametrize("block", ["10.244.7.1/32", "fd00:7::1/128"])
def test_a_block_of_one_address_gets_no_blackhole(block: str) -> None:
    assert DesiredRoutes(KernelPlan(blackholes=(block,)), underlay()).own() == {}


def test_a_host_route_leads_through_its_gateway() -> None:
    plan = KernelPlan(host_routes=(HostRoute("192.168.7.7", "10.0.0.5"),))
    own = DesiredRoutes(plan, underlay()).own()
    assert own == {host_destination(pack_address("192.168.7.7")): Wish((route("192.168.7.7/32", leg("10.0.0.5")),))}


def test_a_next_hop_behind_a_host_route_resolves_to_its_gateway() -> None:
    plan = KernelPlan(host_routes=(HostRoute("192.168.7.7", "10.0.0.5"),))
    assert wish(plan, "192.168.7.7").routes == (route(BLOCK, leg("10.0.0.5")),)


def test_only_next_hops_whose_way_changed_are_named_by_refresh() -> None:
    under = underlay(GATEWAY)
    desired = DesiredRoutes(KernelPlan(), under)
    for next_hop in ("10.0.0.2", "10.9.0.7", "10.8.0.7"):
        desired.bgp(at(BLOCK), paths(next_hop))
    under.table.take_changes()
    put(under, route("10.9.0.0/16", leg("10.9.0.254", ETH1), metric=0, protocol=STATIC))
    assert desired.refresh(under.table.take_changes()) == {pack_address("10.9.0.7")}
    assert desired.bgp(at(BLOCK), paths("10.9.0.7")).routes == (route(BLOCK, leg("10.9.0.254", ETH1)),)
