"""Local endpoints: interfaces of this node's workloads, as the kernel's routes show them. Pure.

A workload has an interface of its own here, and whoever made it (Felix, a CNI plugin) has put a host route to each of
its addresses there: a /32 or /128 straight out of that interface, without a gateway. Such a route counts when its
address is in a block of this node, or when the interface has the name that Calico gives to workloads; the second is
for addresses that were borrowed from another node's block. A dual-stack workload has two routes and is one endpoint.
A route that the kernel made of an address does not count: it is this node's own, of a tunnel device for instance.

That is what Felix calls an active local endpoint, seen from the outside, but for host endpoints: they have no route.
"""

from __future__ import annotations

from collections.abc import Iterable

from bgpctl.fib.kernel.underlay import Underlay
from reflector.kernel.route import UNICAST, KernelRoute, Prefix, is_host, parse_prefix, prefix_of
from reflector.plan import MAIN_TABLE

# RTPROT_KERNEL (linux/rtnetlink.h).
_OF_AN_ADDRESS = 2
# FelixConfiguration.interfacePrefix where it is not set.
CALICO_PREFIX = "cali"


def local_endpoints(underlay: Underlay, blocks: Iterable[str]) -> frozenset[str]:
    """The names of the interfaces; those that are down do not count."""
    own = [prefix_of(parse_prefix(block)) for block in blocks]
    found: set[str] = set()
    for route in filter(_leads_to_a_host, underlay.table.routes):
        link = underlay.links.get(route.legs[0].ifindex)
        if link is not None and link.up and (link.name.startswith(CALICO_PREFIX) or _is_inside(route, own)):
            found.add(link.name)
    return frozenset(found)


def blocks_in_use(underlay: Underlay, blocks: Iterable[str]) -> frozenset[str]:
    """The blocks inside which the kernel has a route straight out of an interface: of one workload, or of the network
    of a bridge that has them all. Unlike an endpoint it counts whoever made it, and while its interface is down."""
    prefixes = [(block, prefix_of(parse_prefix(block))) for block in blocks]
    straight = [each.destination for each in underlay.table.routes if _leads_out(each)]
    return frozenset(block for block, prefix in prefixes if any(map(prefix.covers, straight)))


def _leads_out(route: KernelRoute) -> bool:
    return route.table == MAIN_TABLE and route.kind == UNICAST and any(not leg.gateway for leg in route.legs)


def _leads_to_a_host(route: KernelRoute) -> bool:
    return (
        is_host(route.destination)
        and route.table == MAIN_TABLE
        and route.kind == UNICAST
        and route.protocol != _OF_AN_ADDRESS
        and len(route.legs) == 1
        and not route.legs[0].gateway
    )


def _is_inside(route: KernelRoute, blocks: list[Prefix]) -> bool:
    return any(block.covers(route.destination) for block in blocks)
