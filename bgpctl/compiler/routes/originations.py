"""What a node puts into its own Loc-RIB: its address blocks, and the service addresses it announces.

A block of one address (/32, /128) is left to the route of the workload that has it. Routes of workloads, and of
the node's own networks, are not here: they are observed on the node, not configured.
"""

from __future__ import annotations

from collections.abc import Iterable

from bgpctl.compiler.cluster.facts import Block
from bgpctl.compiler.cluster.services import ServiceRoutes
from reflector.addresses import family_of, is_single_address, prefix_order
from reflector.plan import Family, Origination, RouteSource


def originations(
    blocks: Iterable[Block], services: ServiceRoutes, normal_priority: dict[Family, int]
) -> tuple[Origination, ...]:
    """Sorted by prefix. A prefix that is both a block and a service network is originated once, as a block."""
    found: dict[str, Origination] = {}
    for block in blocks:
        if not is_single_address(block.prefix):
            found[block.prefix] = Origination(
                block.prefix, RouteSource.BLOCK, normal_priority[family_of(block.prefix)], defined_by="block affinity"
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
