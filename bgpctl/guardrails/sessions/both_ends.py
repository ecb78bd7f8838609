"""Sessions whose two ends do not fit: they are defined and never come up.

Two ends that one BGPPeer makes fit by construction, but for roles when each end is both node and peer of it; looked at
are the others. The mesh makes the far end where no BGPPeer does. What "fit" means is in `agreement.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.compiler.findings import Findings
from bgpctl.compiler.identity import router_id
from bgpctl.compiler.sessions.peering import Peering
from bgpctl.compiler.sessions.session import SessionContext, plan_session
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding
from bgpctl.guardrails.sessions.agreement import Disagreement, SessionEnd, disagreement
from bgpctl.resources.annotations.table import annotation_path
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from reflector.plan import SessionKind, SessionPlan

CODES = {
    Disagreement.NO_ANSWER: ("one-sided-session", "$.spec.reversePeering"),
    Disagreement.AS_NUMBER: ("as-number-mismatch", "$.spec.asNumber"),
    Disagreement.BOTH_WAIT: ("both-passive", "$.spec"),
    Disagreement.PORT: ("port-mismatch", "$.spec.peerIP"),
    Disagreement.PASSWORD: ("password-mismatch", "$.spec.password"),
    Disagreement.TTL: ("ttl-security-mismatch", "$.spec.ttlSecurity"),
    Disagreement.ROUTER_ID: ("shared-router-id", "$.spec"),
    Disagreement.ROLE: ("role-mismatch", annotation_path("role")),
}


def both_ends_fit(cluster: ClusterSessions) -> Iterator[Finding]:
    """One finding for each BGPPeer and reason, with the first pair of nodes and how many there are."""
    found: dict[tuple[str, Disagreement], list[str]] = {}
    for name, here, reason in disagreements(cluster):
        if here.peer is not None:
            found.setdefault((here.peer.name, reason), []).append(f"{name} and {here.endpoint.node}")
    for (peer, reason), pairs in sorted(found.items()):
        code, path = CODES[reason]
        more = f" (and {len(pairs) - 1} more)" if len(pairs) > 1 else ""
        message = f"the session between {pairs[0]}{more} does not come up: {reason}"
        yield Finding(code, cluster.resources.bgp_peers[peer], path, message)


def disagreements(cluster: ClusterSessions) -> Iterator[tuple[str, Peering, Disagreement]]:
    """The sessions of BGPPeers between nodes that do not come up: node, its end, why."""
    for name, peerings in cluster.peerings.items():
        for here in peerings.wanted:
            reason = _reason(cluster, name, here) if here.peer is not None and here.endpoint.node else None
            if reason is not None:
                yield name, here, reason


def as_number_of_a_node(cluster: ClusterSessions) -> Iterator[Finding]:
    """peerIP is a node's address, and asNumber is not that node's AS: the far end refuses the session."""
    for peer in cluster.resources.bgp_peers.values():
        spec = peer.spec
        owner = cluster.index.node_by_address.get(spec.peer_address) if spec.peer_ip else None
        if owner is None or spec.as_number in (0, cluster.index.as_number(owner)) or not _calls(cluster, peer, owner):
            continue
        message = (
            f"{spec.peer_address} is the address of the node {owner!r}, whose AS is {cluster.index.as_number(owner)}, "
            f"not {spec.as_number}: the session does not come up; remove asNumber or correct it"
        )
        yield Finding("as-number-mismatch", peer, "$.spec.asNumber", message)


def _calls(cluster: ClusterSessions, peer: BGPPeer, owner: str) -> bool:
    """Whether some other node connects to the owner, which has no session of this AS from elsewhere to answer it."""
    address = peer.spec.peer_address
    for name in cluster.scope(peer):
        here = cluster.by_address.get(name, {}).get(address)
        if name == owner or here is None or here.peer is not peer:
            continue
        own = cluster.index.nodes[name].addresses[here.endpoint.family]
        there = cluster.by_address[owner].get(own)
        local_as = there.spec.local_as_number if there is not None else None
        if local_as != peer.spec.as_number:
            return True
    return False


def _reason(cluster: ClusterSessions, name: str, here: Peering) -> Disagreement | None:
    """Why this session does not come up."""
    there = cluster.far_end(name, here)
    if there is not None and there.peer is here.peer and not _one_role_at_both_ends(cluster, here, there):
        return None
    if there is None:
        there = mesh_end(cluster, name, here)
    if there is None:
        return Disagreement.NO_ANSWER
    ends = _end(cluster, name, here), _end(cluster, here.endpoint.node, there)
    # A suppressed session has been reported with its reason.
    return disagreement(ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None


def _one_role_at_both_ends(cluster: ClusterSessions, here: Peering, there: Peering) -> bool:
    """A BGPPeer gives each end its role by which side of it the node is on; here both are on the same."""
    has_role = here.peer is not None and cluster.index.peer_settings(here.peer).role is not None
    return has_role and here.reverse == there.reverse


def mesh_end(cluster: ClusterSessions, name: str, here: Peering) -> Peering | None:
    """What the mesh gives the far end as its session with this node."""
    other = here.endpoint.node
    if name not in cluster.mesh or other not in cluster.mesh:
        return None
    family = here.endpoint.family
    (own,) = (each for each in cluster.index.endpoints(name) if each.family == family)
    return Peering(SessionKind.MESH, own, passive=own.address > here.endpoint.address)


def _end(cluster: ClusterSessions, name: str, peering: Peering) -> SessionEnd | None:
    index = cluster.index
    ignored = Findings(index.resources)
    planned = plan_session(SessionContext(index, name, cluster.options, ignored), peering)
    if not isinstance(planned, SessionPlan):
        return None
    identity = router_id(index, name, cluster.options, ignored)
    return SessionEnd(planned, identity, index.configuration.listen_port(name))
