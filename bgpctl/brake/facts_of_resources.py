"""The facts around one node, out of the resources that ask for a change.

Rule: only look-ups that cost what the node's own sessions and originations cost, never all pairs of nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from bgpctl.brake.facts import BGP_PEER, MESH, Facts, definers_of, defining_resource
from bgpctl.brake.limits import limits_of
from bgpctl.brake.originations import lasting
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.node import every_policy
from bgpctl.compiler.sessions.reverse_peers import scope
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from reflector.plan import NodePlan, TunnelRoute


def facts_of(index: ClusterIndex, running: NodePlan, options: CompileOptions) -> Facts:
    """For the node of the running plan, which need not be in the resources."""
    node, settings = running.node, index.configuration.settings(running.node)
    is_there = node in index.nodes
    definers = definers_of(running)
    return Facts(
        nodes=frozenset(index.nodes),
        reflectors={name: facts.cluster_id for name, facts in index.nodes.items() if facts.cluster_id},
        as_number=index.configuration.as_number,
        idle=idle(index, definers),
        moved=moved(index, node, lasting(running)) | moved_tunnel_routes(index, running.kernel.tunnel_routes, options),
        released=released(index, node),
        limits=limits_of(settings),
        confirmed=frozenset(settings.confirm or ()),
        compile_policies=partial(every_policy, index, node, options) if is_there else tuple,
        find_blocks=partial(_blocks, index, options),
    )


def bgp_peer_of(index: ClusterIndex, defined_by: str) -> BGPPeer | None:
    """The BGPPeer that is meant, if it is still there."""
    return index.resources.bgp_peers.get(defining_resource(defined_by).removeprefix(BGP_PEER))


def released(index: ClusterIndex, node: str) -> frozenset[str]:
    return frozenset(each.prefix for each in index.blocks(node) if not each.aggregated)


def idle(index: ClusterIndex, definers: Iterable[str]) -> frozenset[str]:
    """Those of them that define no session in the whole cluster."""
    return frozenset(each for each in definers if _is_idle(index, each))


def _is_idle(index: ClusterIndex, definer: str) -> bool:
    if definer == MESH:
        return not index.configuration.mesh or len(index.mesh_members) < 2
    peer = bgp_peer_of(index, definer)
    if peer is None:
        return True
    return not scope(index, peer) or bool(peer.spec.peer_selector and not index.select(peer.spec.peer_selector))


def _blocks(index: ClusterIndex, options: CompileOptions) -> Mapping[str, tuple[str, ...]]:
    find = index.pod_blocks if options.use_pod_cidr else index.blocks
    return {
        name: tuple(block.prefix for block in find(name)) for name, facts in index.nodes.items() if facts.has_speaker
    }


def moved(index: ClusterIndex, node: str, originated: Iterable[str]) -> frozenset[str]:
    """A block of which another node has a part counts as moved, too: holding it would draw that node's traffic."""
    own = {each.prefix for each in index.blocks(node)}
    return frozenset(each for each in originated if each not in own and index.is_elsewhere(each, node))


def moved_tunnel_routes(index: ClusterIndex, routes: Iterable[TunnelRoute], options: CompileOptions) -> frozenset[str]:
    """The same of blocks that are routed through the tunnel: of another node than there, this one perhaps."""
    there = {each.prefix for each in index.tunnel_routes(by_pod_cidr=options.use_pod_cidr)}
    return frozenset(
        each.prefix for each in routes if each.prefix not in there and index.is_elsewhere(each.prefix, each.node)
    )
