"""How a next hop is reached through the kernel's own routes."""

from __future__ import annotations

import pytest
from fib_makers import ETH0, ETH1, KERNEL, STATIC, at, leg, paths, put, remove, route, underlay

from bgpctl.fib.core.desired import DesiredRoutes
from bgpctl.fib.kernel.underlay import Underlay
from reflector.kernel.link import Link
from reflector.kernel.prefix_table import Placement
from reflector.kernel.resolve import Unresolved
from reflector.kernel.route import KernelRoute, Leg
from reflector.plan import HostRoute, KernelPlan

DEFAULT = route("0.0.0.0/0", leg("10.0.0.254"), metric=0, protocol=STATIC)
UNREACHABLE = 7


def resolved(under: Underlay, next_hop: str, plan: KernelPlan | None = None) -> tuple[Leg, ...] | str:
    """The legs of a BGP route with this next hop, or why it has none."""
    wish = DesiredRoutes(plan or KernelPlan(), under).bgp(at("20.0.0.0/24"), paths(next_hop))
    return wish.routes[0].legs if wish.routes else wish.reason


@pytest.mark.parametrize(
    ("next_hop", "foreign", "legs"),
    [
        pytest.param("10.0.0.2", [], [leg("10.0.0.2")], id="on-link"),
        pytest.param("fd00::2", [], [leg("fd00::2")], id="on-link IPv6"),
        pytest.param("192.168.7.7", [DEFAULT], [leg("10.0.0.254")], id="through the default gateway"),
        pytest.param(
            "192.168.7.7",
            [DEFAULT, route("192.168.0.0/16", leg("10.0.0.9"), metric=0, protocol=STATIC)],
            [leg("10.0.0.9")],
            id="the longest prefix wins",
        ),
        pytest.param(
            "192.168.7.7",
            [
                route("192.168.0.0/16", leg("10.0.0.9"), metric=20, protocol=STATIC),
                route("192.168.0.0/16", leg("10.0.0.8"), metric=10, protocol=STATIC),
            ],
            [leg("10.0.0.8")],
            id="then the lowest metric",
        ),
        pytest.param(
            "192.168.7.7",
            [route("192.168.0.0/16", leg("10.0.0.8"), leg("10.0.0.9"), metric=0, protocol=STATIC)],
            [leg("10.0.0.8"), leg("10.0.0.9")],
            id="an ECMP route gives all its gateways",
        ),
        pytest.param(
            "192.168.7.7",
            [route("192.168.7.7/32", leg("", ETH1), metric=0, protocol=STATIC)],
            [leg("192.168.7.7", ETH1)],
            id="a device route makes it on-link there",
        ),
    ],
)
def test_resolved(next_hop: str, foreign: list[KernelRoute], legs: list[Leg]) -> None:
    assert resolved(underlay(*foreign), next_hop) == tuple(legs)


@pytest.mark.parametrize(
    ("next_hop", "foreign", "why"),
    [
        pytest.param("192.168.7.7", [], Unresolved.NO_ROUTE, id="nothing leads there"),
        pytest.param("10.0.0.1", [], Unresolved.OWN_ADDRESS, id="our own address"),
        pytest.param("fe80::1", [], Unresolved.LINK_LOCAL, id="link-local"),
        pytest.param(
            "10.0.0.77",
            [route("10.0.0.64/26", metric=0, protocol=STATIC)],
            Unresolved.UNREACHABLE,
            id="inside a blackhole",
        ),
        pytest.param(
            "10.0.0.77",
            [route("10.0.0.64/26", metric=0, protocol=STATIC, kind=UNREACHABLE)],
            Unresolved.UNREACHABLE,
            id="inside an unreachable route",
        ),
        pytest.param(
            "192.168.7.7",
            [route("192.168.0.0/16", leg("10.0.0.9"), protocol=STATIC, table=100)],
            Unresolved.NO_ROUTE,
            id="only another table leads there",
        ),
    ],
)
def test_unresolved(next_hop: str, foreign: list[KernelRoute], why: Unresolved) -> None:
    assert resolved(underlay(*foreign), next_hop) == f"next hop {next_hop}: {why}"


def test_a_static_host_route_of_the_plan_makes_its_address_reachable() -> None:
    plan = KernelPlan(host_routes=(HostRoute("192.168.7.7", "10.0.0.5"),))
    assert resolved(underlay(), "192.168.7.7", plan) == (leg("10.0.0.5"),)


def test_a_route_that_went_no_longer_resolves() -> None:
    under = underlay(DEFAULT)
    remove(under, DEFAULT)
    assert resolved(under, "192.168.7.7") == f"next hop 192.168.7.7: {Unresolved.NO_ROUTE}"


def test_a_link_that_went_down_takes_its_ipv4_routes_along() -> None:
    under = underlay(DEFAULT)
    under.put_link(Link(ETH0, "eth0", up=False))
    assert resolved(under, "10.0.0.2") == f"next hop 10.0.0.2: {Unresolved.NO_ROUTE}"


def test_ipv6_deletes_single_hops_of_an_ecmp_route() -> None:
    both = route("fd07::/64", leg("fd00::2"), leg("fd00::3"), protocol=STATIC)
    under = underlay(both)
    remove(under, route("fd07::/64", leg("fd00::3"), protocol=STATIC))
    assert resolved(under, "fd07::1") == (leg("fd00::2"),)


def test_a_replacing_route_takes_the_place_of_the_one_with_its_key() -> None:
    under = underlay(DEFAULT)
    put(under, route("0.0.0.0/0", leg("10.0.0.253"), metric=0, protocol=16), Placement.REPLACE)
    assert resolved(under, "192.168.7.7") == (leg("10.0.0.253"),)


def test_two_ipv4_routes_of_one_key_can_stand_beside_each_other() -> None:
    other = route("0.0.0.0/0", leg("10.0.0.253"), metric=0, protocol=KERNEL)
    under = underlay(DEFAULT, other)
    remove(under, other)
    assert resolved(under, "192.168.7.7") == (leg("10.0.0.254"),)


def test_a_renamed_link_is_known_by_its_new_name_only() -> None:
    under = underlay()
    under.put_link(Link(ETH0, "uplink"))
    assert (under.link_named("eth0"), under.link_named("uplink")) == (None, Link(ETH0, "uplink"))
