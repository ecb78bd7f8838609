"""What the wanted resources say of the cluster around one node, as far as the brake asks: a frozen value.

Rule: only look-ups that cost what the node's own sessions and originations cost, never all pairs of nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from bgpctl.brake.limits import DEFAULT_LIMITS, Limits, limits_of
from bgpctl.brake.originations import lasting
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.node import every_policy
from bgpctl.compiler.sessions.reverse_peers import scope
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from reflector.plan import DEFAULT_AS, NodePlan, Policy, TunnelRoute

MESH = "node-to-node mesh"
BGP_PEER = "BGPPeer "


def _none() -> tuple[Policy, ...]:
    return ()


def _no_blocks() -> Mapping[str, tuple[str, ...]]:
    return {}


@dataclass(frozen=True)
class Facts:
    """nodes        the Nodes that there are
    reflectors   the cluster IDs of those that reflect, by name
    as_number    of the cluster
    idle         of what defines sessions of the running plan: what defines none in the whole cluster any more
    moved        prefixes that the running plan originates or routes through the tunnel, and that are another node's now
    released     blocks of this node that it is giving back
    limits       what may be lost without a confirmation
    confirmed    digests that the resources confirm
    """

    nodes: frozenset[str] = frozenset()
    reflectors: Mapping[str, str] = field(default_factory=dict)
    as_number: int = DEFAULT_AS
    idle: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    limits: Limits = DEFAULT_LIMITS
    confirmed: frozenset[str] = frozenset()
    compile_policies: Callable[[], tuple[Policy, ...]] = _none
    find_blocks: Callable[[], Mapping[str, tuple[str, ...]]] = _no_blocks

    @cached_property
    def blocks(self) -> Mapping[str, tuple[str, ...]]:
        """Of each node that advertises them. Looked up only when policies change."""
        return self.find_blocks()

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Every policy of the node, whether a session asks it or not. Compiled only when something is held."""
        return self.compile_policies()


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
        compile_policies=partial(every_policy, index, node, options) if is_there else _none,
        find_blocks=partial(_blocks, index, options),
    )


def defining_resource(defined_by: str) -> str:
    """ "BGPPeer rr" of "BGPPeer rr, seen from its peer"."""
    return defined_by.partition(",")[0]


def bgp_peer_of(index: ClusterIndex, defined_by: str) -> BGPPeer | None:
    """The BGPPeer that is meant, if it is still there."""
    return index.resources.bgp_peers.get(defining_resource(defined_by).removeprefix(BGP_PEER))


def definers_of(plan: NodePlan) -> frozenset[str]:
    return frozenset(defining_resource(each.defined_by) for each in plan.sessions)


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
