"""Sessions whose ends carry different families: routes are exchanged only of those that both offer (RFC 4760 8).

The same for IPv4 on IPv6 sessions: both ends must offer IPv6 next hops (RFC 8950 4), as our speakers do for all
that they carry. What routers that are no nodes carry is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from bgpctl.compiler.cluster.facts import PeerEndpoint
from bgpctl.compiler.sessions.peering import Peering
from bgpctl.compiler.sessions.session_settings import session_families, session_settings
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, label
from bgpctl.guardrails.sessions.both_ends import mesh_end
from bgpctl.guardrails.sessions.session_kinds import is_set, setter
from bgpctl.resources.annotations.table import annotation_path
from reflector.addresses import FAMILIES
from reflector.plan import Family, SessionKind

FIELD = "families"


def families_agree(cluster: ClusterSessions) -> Iterator[Finding]:
    """One finding for each resource that gives one end a family which the other lacks, with the first session."""
    if not is_set(cluster, FIELD):
        return
    found: dict[str, Finding] = {}
    for node, here, there in _sessions(cluster):
        more = set(_families(cluster, node, here)) - set(_families(cluster, here.endpoint.node, there))
        resource = setter(cluster, node, here, FIELD)
        if more and resource is not None:
            names = " and ".join(f"IPv{family}" for family in sorted(more))
            message = f"{node} carries {names} on its session with {here.endpoint.node}, which does not: not exchanged"
            found.setdefault(label(resource), Finding("families-mismatch", resource, annotation_path(FIELD), message))
    yield from found.values()


def _families(cluster: ClusterSessions, node: str, peering: Peering) -> tuple[Family, ...]:
    return session_families(peering.endpoint.family, session_settings(cluster.index, node, peering))


def _sessions(cluster: ClusterSessions) -> Iterator[tuple[str, Peering, Peering]]:
    """Every session between nodes with its two ends, first seen from one of them, then from the other."""
    for node, found in cluster.peerings.items():
        for here in found.wanted:
            there = (cluster.far_end(node, here) or mesh_end(cluster, node, here)) if here.endpoint.node else None
            if there is not None:
                yield node, here, there
                if there.peer is None:
                    yield here.endpoint.node, there, here
    yield from _of_mesh(cluster)


def _of_mesh(cluster: ClusterSessions) -> Iterator[tuple[str, Peering, Peering]]:
    """Members differ by the configuration of their own, if they have one: one for each value stands for all."""
    nodes: dict[object, str] = {}
    for node in sorted(cluster.mesh):
        nodes.setdefault(cluster.index.configuration.settings(node).families, node)
    for node, other in permutations(sorted(nodes.values()), 2):
        for family in FAMILIES:
            far, own = _end(cluster, other, family), _end(cluster, node, family)
            if far is not None and own is not None:
                yield node, Peering(SessionKind.MESH, far), Peering(SessionKind.MESH, own)


def _end(cluster: ClusterSessions, node: str, family: Family) -> PeerEndpoint | None:
    return next((each for each in cluster.index.endpoints(node) if each.family == family), None)
