"""Whether packets get to a prefix whose route is there: from next hop to next hop, as the nodes' kernel plans have it.

    who programs the pool    what is asked of the next hop
    Felix                    nothing: it has a way of its own. Only where BGP leads to a node without an end of the
                             cluster's VXLAN it is not known, since no resource says whether Felix runs
    our agents, by VXLAN     the node has an end of the VXLAN, and so has the next hop, unless both are in one subnet
    our agents, otherwise    that it is a node's address: nodes reach each other's

A next hop that is not the origin has to forward, so the same is asked there, up to the origin. A dedicated reflector
may program no routes, which no resource says. Addresses of no node are not known here.
"""

from __future__ import annotations

from bgpctl.compiler.cluster.pools import Pool
from bgpctl.guardrails.proof.network import Network
from bgpctl.guardrails.proof.obstacle import Obstacle, Stop
from bgpctl.guardrails.proof.session_graph import SessionGraph
from reflector.addresses import contains, unpack_address
from reflector.plan import Encapsulation, KernelVerdict

# Of these it is not known whether they stop anything.
UNKNOWN = frozenset({Obstacle.THROUGH_REFLECTOR, Obstacle.FOREIGN_NEXT_HOP, Obstacle.PERHAPS_NO_VXLAN_END})


class Forwarding:
    """Packets to one prefix of `origin`."""

    def __init__(self, graph: SessionGraph, network: Network, prefix: str, origin: str) -> None:
        self._graph = graph
        self._network = network
        self._prefix = prefix
        self._origin = origin
        self._pool: Pool | None = next((each for each in graph.index.pools if contains(each.prefix, prefix)), None)

    def stop(self, here: str) -> Stop | None:
        """Where those from this node stop; None where nothing stops them."""
        seen: set[str] = set()
        while here != self._origin:
            seen.add(here)
            address = self._next_hop(here)
            there = self._owner(address)
            if self._is_felix_way(here):
                return self._perhaps(here, there)
            found = self._stop(here, there, address)
            if found is not None:
                return found
            if there in seen:
                return Stop(Obstacle.FORWARDING_LOOP, here, there)
            here = there
        return None

    def _next_hop(self, here: str) -> str:
        path = self._network.best(here, self._prefix)
        return unpack_address(path.attributes.next_hop[:16]) if path is not None and path.attributes is not None else ""

    def _owner(self, address: str) -> str:
        """Of those that are followed; no other node is a next hop, unless two nodes have one address."""
        found = self._graph.index.node_by_address.get(address, "")
        return found if self._network.follows(found) else ""

    def _stop(self, here: str, there: str, address: str) -> Stop | None:
        if not there:
            return Stop(Obstacle.FOREIGN_NEXT_HOP, address, here)
        if self._is_tunnelled(here, address):
            lacking = next((each for each in (here, there) if not self._has_end(each)), "")
            if lacking:
                return Stop(Obstacle.NO_VXLAN_END, lacking, here)
        if there != self._origin and self._graph.routers[there].is_dedicated:
            return Stop(Obstacle.THROUGH_REFLECTOR, there, here)
        return None

    def _is_felix_way(self, here: str) -> bool:
        rules = self._graph.routers[here].plan.kernel.rules
        rule = next((each for each in rules if contains(each.network, self._prefix)), None)
        is_ours = rule is None or rule.verdict is KernelVerdict.PROGRAM
        return not is_ours and not (self._is_vxlan and self._graph.options.without_felix)

    def _perhaps(self, here: str, there: str) -> Stop | None:
        """Another next hop than the origin, though the nodes' ends of the VXLAN are known and it has none."""
        family = self._graph.family
        if self._is_vxlan and self._graph.index.vteps[family] and there != self._origin and not self._has_end(there):
            return Stop(Obstacle.PERHAPS_NO_VXLAN_END, there, here)
        return None

    @property
    def _is_vxlan(self) -> bool:
        return self._pool is not None and self._pool.encapsulation is Encapsulation.VXLAN

    def _is_tunnelled(self, here: str, next_hop: str) -> bool:
        if self._pool is None or not self._is_vxlan:
            return False
        local = self._graph.routers[here].plan.kernel.local_subnets
        return not (self._pool.cross_subnet and any(contains(subnet, next_hop) for subnet in local))

    def _has_end(self, node: str) -> bool:
        facts = self._graph.index.nodes.get(node)
        return facts is not None and facts.vteps[self._graph.family] is not None
