"""One session of each kind that a cluster has, with the settings of it and the resource that sets them.

The rule: sessions of one BGPPeer differ for these questions only by their end, family, AS numbers and cluster IDs, and
by a configuration that their node has for itself. One of each is planned, and stands for all: a reflector with 5,000
clients costs one session.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from bgpctl.compiler.findings import Findings
from bgpctl.compiler.sessions.peering import Peering
from bgpctl.compiler.sessions.session import SessionContext, plan_session
from bgpctl.compiler.sessions.session_settings import session_settings
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.resources.annotations.settings import Settings
from bgpctl.resources.annotations.table import settings_of
from bgpctl.resources.values.model import Resource
from bgpctl.resources.values.names import GLOBAL_NAME, NODE_NAME_PREFIX
from reflector.addresses import FAMILIES
from reflector.plan import SessionKind, SessionPlan


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """The end of `node` of a session, as planned, and the settings that it was planned with."""

    node: str
    peering: Peering
    settings: Settings
    session: SessionPlan

    def __str__(self) -> str:
        return f"the session of {self.node} with {self.peering.endpoint.node or self.session.peer_address}"


def sessions_of_each_kind(cluster: ClusterSessions) -> Iterator[PlannedSession]:
    """In the order of nodes; suppressed sessions are reported elsewhere."""
    known: set[Hashable] = set()
    ignored = Findings(cluster.index.resources)
    for node, peering in (*_of_peers(cluster), *_of_mesh(cluster)):
        kind = _kind(cluster, node, peering)
        if kind in known:
            continue
        known.add(kind)
        planned = plan_session(SessionContext(cluster.index, node, cluster.options, ignored), peering)
        if isinstance(planned, SessionPlan):
            yield PlannedSession(node, peering, session_settings(cluster.index, node, peering), planned)


def setter(cluster: ClusterSessions, node: str, peering: Peering, field: str) -> Resource | None:
    """The resource that sets this for the session: its BGPPeer, the node's configuration, or the cluster's."""
    configurations = cluster.resources.bgp_configurations
    nearest = (peering.peer, configurations.get(NODE_NAME_PREFIX + node), configurations.get(GLOBAL_NAME))
    return next((each for each in nearest if each is not None and _sets(each, field)), None)


def is_set(cluster: ClusterSessions, field: str) -> bool:
    """Whether any resource of the cluster sets this."""
    resources = cluster.resources
    return any(_sets(each, field) for each in (*resources.bgp_peers.values(), *resources.bgp_configurations.values()))


def _sets(resource: Resource, field: str) -> bool:
    return getattr(settings_of(resource), field) is not None


def _of_peers(cluster: ClusterSessions) -> Iterator[tuple[str, Peering]]:
    return ((node, each) for node, found in cluster.peerings.items() for each in found.wanted)


def _of_mesh(cluster: ClusterSessions) -> Iterator[tuple[str, Peering]]:
    """Of each member one session in each family, with the first other member that has an address in it."""
    for family in FAMILIES:
        members = [name for name in sorted(cluster.mesh) if cluster.index.nodes[name].addresses[family]]
        for node in members:
            other = members[0] if node != members[0] else members[-1]
            (far,) = (each for each in cluster.index.endpoints(other) if each.family == family)
            if other != node:
                yield node, Peering(SessionKind.MESH, far)


def _kind(cluster: ClusterSessions, node: str, peering: Peering) -> Hashable:
    endpoint, facts = peering.endpoint, cluster.index.nodes[node]
    return (
        peering.peer.name if peering.peer is not None else "",
        peering.reverse,
        endpoint.family,
        (cluster.index.as_number(node), endpoint.as_number),
        (facts.cluster_id, endpoint.cluster_id),
        node if NODE_NAME_PREFIX + node in cluster.resources.bgp_configurations else "",
    )
