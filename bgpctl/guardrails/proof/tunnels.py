"""Pairs of nodes of which one has no BGP speaker: no route travels between them, both follow the resources.

The node with a speaker routes the other's blocks through the VXLAN (compiler/cluster/tunnel_routes.py), and what
programs the VXLAN on the other one is taken to do the same with all blocks of VXLAN pools. So a prefix is reached if
its pool is one of VXLAN, and both nodes have an end of it. Where Felix programs the VXLAN of the first, no resource
says what it does about a node without a tunnel address.
"""

from __future__ import annotations

from bgpctl.compiler.cluster.tunnel_routes import pool_of
from bgpctl.guardrails.proof.obstacle import Obstacle, Stop
from bgpctl.guardrails.proof.session_graph import SessionGraph
from reflector.plan import Encapsulation


def is_by_tunnel(graph: SessionGraph, one: str, other: str) -> bool:
    return not (graph.index.nodes[one].has_speaker and graph.index.nodes[other].has_speaker)


def tunnel_stop(graph: SessionGraph, origin: str, prefix: str, there: str) -> Stop | None:
    """Why packets from `there` do not reach the prefix of `origin`; None where they do, or none come from there."""
    if graph.routers[there].is_dedicated:
        return None
    pool = pool_of(prefix, graph.index.pools)
    if pool is None or pool.encapsulation is not Encapsulation.VXLAN:
        return Stop(Obstacle.OUTSIDE_VXLAN, origin, there)
    lacking = next((each for each in (there, origin) if graph.index.nodes[each].vteps[graph.family] is None), "")
    if not lacking:
        return None
    ours = graph.options.without_felix
    return Stop(Obstacle.NO_VXLAN_END if ours else Obstacle.PERHAPS_NO_VXLAN_END, lacking, there)
