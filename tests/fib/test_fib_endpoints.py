"""Which interfaces are local endpoints: what other programs' routes show of the workloads on this node."""

from __future__ import annotations

import pytest
from fib_makers import ETH0, KERNEL, STATIC, leg, route, underlay

from bgpctl.fib.kernel.endpoints import blocks_in_use, local_endpoints
from reflector.kernel.link import Link
from reflector.kernel.route import KernelRoute

BLOCKS = ("10.64.1.0/26", "fd00:64::/122")
FELIX = 80
CALI, VETH = 20, 21


def endpoints(*routes: KernelRoute, up: bool = True) -> set[str]:
    made = underlay(*routes)
    made.put_link(Link(CALI, "cali123", up=up))
    made.put_link(Link(VETH, "veth7", up=up))
    return set(local_endpoints(made, BLOCKS))


def test_a_host_route_out_of_an_interface_is_an_endpoint() -> None:
    assert endpoints(route("10.64.1.5/32", leg(ifindex=VETH), protocol=STATIC)) == {"veth7"}


def test_a_workload_with_two_addresses_is_one_endpoint() -> None:
    both = [route(prefix, leg(ifindex=CALI), protocol=FELIX) for prefix in ("10.64.1.5/32", "fd00:64::5/128")]
    assert endpoints(*both) == {"cali123"}


def test_an_address_borrowed_from_another_block_is_known_by_the_interface_that_calico_named() -> None:
    borrowed = [route("10.64.9.9/32", leg(ifindex=index), protocol=FELIX) for index in (CALI, VETH)]
    assert (endpoints(borrowed[0]), endpoints(borrowed[1])) == ({"cali123"}, set())


@pytest.mark.parametrize(
    "other",
    [
        route("10.64.1.0/27", leg(ifindex=CALI), protocol=STATIC),
        route("10.64.1.5/32", leg("10.0.0.9", ETH0), protocol=STATIC),
        route("10.64.1.5/32", leg(ifindex=ETH0), protocol=KERNEL),
        route("10.64.1.5/32", protocol=STATIC),
        route("10.64.1.5/32", leg(ifindex=CALI), protocol=STATIC, table=100),
        route("10.64.1.5/32", leg(ifindex=99), protocol=STATIC),
    ],
    ids=["a network", "through a gateway", "made of an address", "a blackhole", "of another table", "to no link"],
)
def test_any_other_route_is_none(other: KernelRoute) -> None:
    assert endpoints(other) == set()


def test_an_interface_that_is_down_is_none() -> None:
    assert endpoints(route("10.64.1.5/32", leg(ifindex=CALI), protocol=FELIX), up=False) == set()


# ---------------------------------------------------------------------------------------- blocks in use


@pytest.mark.parametrize(
    "used",
    [
        route("10.64.1.5/32", leg(ifindex=VETH), protocol=STATIC),
        route("10.64.1.5/32", leg(ifindex=CALI), protocol=FELIX),
        route("10.64.1.0/26", leg(ifindex=VETH), protocol=KERNEL),
        route("10.64.1.0/27", leg(ifindex=99), protocol=STATIC),
    ],
    ids=["a host route", "of Felix", "a bridge with all of them", "to a link that is gone"],
)
def test_a_block_with_a_route_straight_out_is_in_use(used: KernelRoute) -> None:
    assert blocks_in_use(underlay(used), BLOCKS) == {BLOCKS[0]}


@pytest.mark.parametrize(
    "other",
    [
        route("10.64.1.5/32", leg("10.0.0.9", ETH0), protocol=STATIC),
        route("10.64.1.0/26", protocol=STATIC),
        route("10.64.0.0/16", leg(ifindex=VETH), protocol=STATIC),
        route("10.64.1.5/32", leg(ifindex=CALI), protocol=STATIC, table=100),
    ],
    ids=["borrowed by another node", "a blackhole", "a network around it", "of another table"],
)
def test_a_block_without_one_is_empty(other: KernelRoute) -> None:
    assert blocks_in_use(underlay(other), BLOCKS) == frozenset()
