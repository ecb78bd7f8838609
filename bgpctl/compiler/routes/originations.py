"""What a node puts into its own Loc-RIB: its address blocks, the service addresses it announces, and the blocks of
nodes without a BGP speaker.

A block of one address (/32, /128) is left to the route of the workload that has it. Routes of workloads, and of
the node's own networks, are not here: they are observed on the node, not configured.

A block of a node without a BGP speaker is originated by every node that has an end of the VXLAN, out of the tunnel
device: so no route that a peer sends takes its place, routers of other ASes send packets for it here, and the rule
about tunnel devices keeps it from iBGP peers, which have a way of their own (policies/export_policy.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bgpctl.compiler.cluster.vtep import DEVICES
from reflector.addresses import family_of, is_single_address, prefix_order
from reflector.plan import Family, Origination, RouteSource, TunnelRoute

if TYPE_CHECKING:
    from bgpctl.compiler.cluster.facts import Block
    from bgpctl.compiler.cluster.service_routes import ServiceRoutes


def originations(
    blocks: Iterable[Block],
    services: ServiceRoutes,
    tunnel_routes: Iterable[TunnelRoute],
    normal_priority: dict[Family, int],
) -> tuple[Origination, ...]:
    """Sorted by prefix. A prefix that is both a block and a service network is originated once, as a block."""
    found: dict[str, Origination] = {}
    for block in blocks:
        if not is_single_address(block.prefix):
            found[block.prefix] = Origination(
                block.prefix, RouteSource.BLOCK, normal_priority[family_of(block.prefix)], defined_by="block affinity"
            )
    for route in tunnel_routes:
        family = family_of(route.prefix)
        found.setdefault(
            route.prefix,
            Origination(
                route.prefix,
                RouteSource.STATIC,
                normal_priority[family],
                DEVICES[family],
                defined_by=route.defined_by,
            ),
        )
    return with_services(found.values(), services, normal_priority)


def with_services(
    others: Iterable[Origination], services: ServiceRoutes, normal_priority: dict[Family, int]
) -> tuple[Origination, ...]:
    """Sorted by prefix, `others` being no services'."""
    found = {each.prefix: each for each in others}
    for prefix, reason in services.announced:
        found.setdefault(
            prefix,
            Origination(prefix, RouteSource.SERVICE, normal_priority[family_of(prefix)], defined_by=reason),
        )
    return tuple(sorted(found.values(), key=lambda each: prefix_order(each.prefix)))
