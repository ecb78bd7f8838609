"""Which object of the resources takes a session, an origination or a kernel rule away, and what of it does.

Rule: it follows from the wanted resources alone, so that it is the same after a restart of the agent, and it names the
object that an operator would open: the one that is there and does not fit, else the one that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.brake.cause import HAS_SPEAKER, MISSING, Cause, cause_of_missing_node, cause_of_prefix, ending_tunnel_routes
from bgpctl.brake.endings import BY_POLICY, Ending, EndingKind
from bgpctl.brake.facts import BGP_PEER, MESH, defining_resource
from bgpctl.brake.facts_of_resources import bgp_peer_of
from bgpctl.brake.losses import Loss
from bgpctl.brake.situation import Situation
from bgpctl.compiler import ClusterIndex
from bgpctl.compiler.sessions.bgp_peers import applies_to
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.values.model import Resource
from bgpctl.resources.values.names import GLOBAL_NAME
from reflector.addresses import family_of
from reflector.plan import NodePlan, SessionPlan, TunnelRoute


def causes_of(situation: Situation, loss: Loss, index: ClusterIndex) -> tuple[Cause, ...]:
    """In the order of kinds and names, each once."""
    node = situation.running.node
    found = {
        *(
            cause
            for name in loss.sessions
            for cause in causes_of_ending(index, node, situation.endings[name], situation.wanted)
        ),
        *(cause_of_prefix(node, prefix) for prefix in loss.prefixes),
        *(_of_network(index, network) for network in loss.networks),
        *(_of_node(index, name) for name in loss.endpoints),
        *(_of_tunnel_route(index, each) for each in ending_tunnel_routes(situation, loss)),
    }
    return tuple(sorted(found))


# ------------------------------------------------------------------------------------------- sessions


def causes_of_ending(index: ClusterIndex, node: str, ending: Ending, wanted: NodePlan) -> Iterator[Cause]:
    """Of one session of `node`."""
    if ending.kind not in BY_POLICY:
        yield _of_session(index, node, ending, wanted)
        return
    for what, defined_by in zip(ending.changes, ending.defined_by, strict=True):
        yield _of_rule(index, defined_by, what) or _of_definer(index, ending.session.defined_by, what)


def _of_rule(index: ClusterIndex, defined_by: str, what: str) -> Cause | None:
    """Of "BGPFilter x" or "IPPool y: disableBGPExport"."""
    kind, _, name = defined_by.partition(":")[0].partition(" ")
    found = {"BGPFilter": index.resources.bgp_filters, "IPPool": index.resources.ip_pools}.get(kind)
    if found is None:
        return None
    return _cause(index, found[name], what) if name in found else Cause(kind, name, "", 0, MISSING)


def _of_session(index: ClusterIndex, node: str, ending: Ending, wanted: NodePlan) -> Cause:
    session = ending.session
    if ending.kind in (EndingKind.CHANGED, EndingKind.AS_LOOP, EndingKind.LIMITED):
        return _of_change(index, node, session, "; ".join(ending.changes))
    if ending.kind is EndingKind.LOOPED:
        what = f"routeReflectorClusterID {wanted.cluster_id} is that of {session.peer_node}: it would reject its routes"
        return _cause(index, index.nodes[node].node, what)
    if ending.kind is EndingKind.NOT_REFLECTED:
        own, peer = index.nodes[node], index.nodes.get(session.peer_node)
        if peer is not None and own.cluster_id and peer.cluster_id == own.cluster_id:
            return _cause(index, peer.node, f"routeReflectorClusterID {own.cluster_id} makes it no client of {node}")
        return _cause(index, own.node, "it has no routeReflectorClusterID, so it reflects to no client")
    return _of_suppressed(index, session, wanted) or next(_of_removed(index, node, session))


def _of_suppressed(index: ClusterIndex, session: SessionPlan, wanted: NodePlan) -> Cause | None:
    reason = next((each.reason for each in wanted.suppressed if each.peer_address == session.peer_address), "")
    return _of_definer(index, session.defined_by, reason) if reason else None


def _of_removed(index: ClusterIndex, node: str, session: SessionPlan) -> Iterator[Cause]:
    """In the order in which an operator would look; the first is the cause, and the last is always there."""
    definer = bgp_peer_of(index, session.defined_by)
    is_mesh = defining_resource(session.defined_by) == MESH
    if definer is None and not is_mesh:
        yield _of_definer(index, session.defined_by, MISSING)
    yield from _of_ends(index, node, session)
    if definer is not None:
        yield from _of_selectors(index, node, session, definer)
    if is_mesh and not index.configuration.mesh:
        yield _of_configuration(index, "nodeToNodeMeshEnabled is false")
    for name in filter(None, (node, session.peer_node)):
        if is_mesh and index.nodes[name].is_reflector:
            yield _cause(index, index.nodes[name].node, "routeReflectorClusterID takes it out of the mesh")
    yield _of_definer(index, session.defined_by, f"it defines no session to {session.peer_address}")


def _of_ends(index: ClusterIndex, node: str, session: SessionPlan) -> Iterator[Cause]:
    """A node that is missing, or an address."""
    peer = session.peer_node
    if peer and peer not in index.nodes:
        yield _of_node(index, peer)
        return
    family = family_of(session.peer_address)
    for name in filter(None, (node, peer)):
        if not index.nodes[name].has_speaker:
            yield _cause(index, index.nodes[name].node, "it has no BGP speaker")
        if not index.nodes[name].addresses[family]:
            yield _cause(index, index.nodes[name].node, f"it has no BGP address of IPv{family}")
    if peer and index.nodes[peer].addresses[family] != session.peer_address:
        yield _cause(index, index.nodes[peer].node, f"its BGP address is no longer {session.peer_address}")


def _of_selectors(index: ClusterIndex, node: str, session: SessionPlan, definer: BGPPeer) -> Iterator[Cause]:
    """A node that the BGPPeer does not select, as the one that it is for or as the peer."""
    spec, called = definer.spec, f"BGPPeer {definer.name}"
    is_forward = session.defined_by == BGP_PEER + definer.name
    here, there = (node, session.peer_node) if is_forward else (session.peer_node, node)
    if spec.peer_selector and there and there not in index.selected_set(spec.peer_selector):
        what = f"peerSelector {spec.peer_selector!r} of {called} does not select it"
        yield _cause(index, index.nodes[there].node, what)
    if here and not applies_to(index, here, definer):
        what = f"{spec.node_selector or spec.node!r} of {called} does not select it"
        yield _cause(index, index.nodes[here].node, what)


def _of_change(index: ClusterIndex, node: str, session: SessionPlan, changes: str) -> Cause:
    """An AS number is the cluster's, a node's, or the BGPPeer's; everything else is the BGPPeer's or the mesh's."""
    if "_as " in changes:
        for name in filter(None, (node, session.peer_node)):
            if name in index.nodes and index.nodes[name].node.as_number:
                return _cause(index, index.nodes[name].node, f"its asNumber: {changes}")
        peer = bgp_peer_of(index, session.defined_by)
        if peer is None or not peer.spec.as_number:
            return _of_configuration(index, f"asNumber: {changes}")
    return _of_definer(index, session.defined_by, changes)


# --------------------------------------------------------------------------------------------- others


def _of_tunnel_route(index: ClusterIndex, route: TunnelRoute) -> Cause:
    facts = index.nodes.get(route.node)
    if facts is not None and facts.has_speaker:
        return _cause(index, facts.node, HAS_SPEAKER)
    return cause_of_prefix(route.node, route.prefix)


def _of_network(index: ClusterIndex, network: str) -> Cause:
    pool = next((each for each in index.pools if each.prefix == network), None)
    found = index.resources.ip_pools.get(pool.name) if pool is not None else None
    if found is None:
        return Cause("IPPool", network, "", 0, MISSING)
    return _cause(index, found, "its kernel routes are not programmed as before")


def _of_node(index: ClusterIndex, name: str) -> Cause:
    if name not in index.nodes:
        return cause_of_missing_node(name)
    return _cause(index, index.nodes[name].node, "it has no VXLAN tunnel endpoint")


def _of_definer(index: ClusterIndex, defined_by: str, what: str) -> Cause:
    if defining_resource(defined_by) == MESH:
        return _of_configuration(index, what)
    peer = bgp_peer_of(index, defined_by)
    if peer is None:
        return Cause("BGPPeer", defining_resource(defined_by).removeprefix(BGP_PEER), "", 0, what)
    return _cause(index, peer, what)


def _of_configuration(index: ClusterIndex, what: str) -> Cause:
    found = index.configuration.bgp_objects.get(GLOBAL_NAME)
    return Cause("BGPConfiguration", GLOBAL_NAME, "", 0, what) if found is None else _cause(index, found, what)


def _cause(index: ClusterIndex, resource: Resource, what: str) -> Cause:
    location = index.resources.location(resource)
    return Cause(type(resource).__name__, resource.name, location.file, location.line, what)
