"""Routes to the blocks of nodes that have no BGP speaker: through the VXLAN, from the resources alone.

Rule: a block is reached so when its node has an end of the VXLAN and its pool is a VXLAN pool, CrossSubnet or not: such
a node takes encapsulated packets whatever subnet it is in, and others perhaps not. Of two nodes with one block the
first by name counts. The routes are the same on every node; whoever has no end of the VXLAN has no use for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bgpctl.compiler.cluster.facts import Block, NodeFacts
from bgpctl.compiler.cluster.pools import Pool
from reflector.addresses import contains, family_of, prefix_order
from reflector.plan import Encapsulation, TunnelRoute


def tunnel_routes(nodes: Iterable[tuple[NodeFacts, Iterable[Block]]], pools: Iterable[Pool]) -> tuple[TunnelRoute, ...]:
    """Of nodes without a speaker and their blocks; sorted by prefix."""
    pools = tuple(pools)
    found: dict[str, TunnelRoute] = {}
    for facts, blocks in nodes:
        for route in _to(facts, blocks, pools):
            found.setdefault(route.prefix, route)
    return tuple(sorted(found.values(), key=lambda each: prefix_order(each.prefix)))


def pool_of(prefix: str, pools: Iterable[Pool]) -> Pool | None:
    """The most specific one that contains it, should pools ever overlap."""
    containing = [pool for pool in pools if contains(pool.prefix, prefix)]
    return max(containing, key=lambda pool: prefix_order(pool.prefix)[2], default=None)


def _to(facts: NodeFacts, blocks: Iterable[Block], pools: tuple[Pool, ...]) -> Iterator[TunnelRoute]:
    for block in blocks:
        end, pool = facts.vteps[family_of(block.prefix)], pool_of(block.prefix, pools)
        if end is not None and pool is not None and pool.is_valid and pool.encapsulation is Encapsulation.VXLAN:
            yield TunnelRoute(block.prefix, end.tunnel_address, facts.name, f"block of {facts.name}, no BGP speaker")
