"""Sessions that the compiler will suppress: reported for the whole cluster, before a node is compiled.

These are the compiler's own findings (`password-missing`, `as-number-missing`, `session-doubled`), word for word, so
that whoever collects both has each of them once.
"""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.compiler.findings import Findings
from bgpctl.compiler.sessions.peering import Peering
from bgpctl.compiler.sessions.session import SessionContext, plan_session, suppress_doubled
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.yaml_source.problem import Problem
from reflector.plan import SessionKind


def suppressed_sessions(cluster: ClusterSessions) -> tuple[Problem, ...]:
    """What the compiler finds about suppressed sessions, once for each BGPPeer."""
    findings = Findings(cluster.index.resources)
    asked: set[str] = set()
    for name, found in cluster.peerings.items():
        context = SessionContext(cluster.index, name, cluster.options, findings)
        for each in found.wanted:
            if each.peer is not None and _may_be_suppressed(each) and each.peer.name not in asked:
                asked.add(each.peer.name)
                plan_session(context, each)
        for loser, winner in found.doubled:
            suppress_doubled(context, loser, winner)
    for name, peering in _one_of_the_mesh(cluster):
        plan_session(SessionContext(cluster.index, name, cluster.options, findings), peering)
    return findings.sorted()


def _may_be_suppressed(peering: Peering) -> bool:
    spec = peering.spec
    return spec.password is not None or bool(spec.filters) or not peering.endpoint.as_number


def _one_of_the_mesh(cluster: ClusterSessions) -> Iterator[tuple[str, Peering]]:
    """All sessions of the mesh share one password; one of them stands for all."""
    if len(cluster.mesh) > 1:
        first, second = sorted(cluster.mesh)[:2]
        for endpoint in cluster.index.endpoints(second)[:1]:
            yield first, Peering(SessionKind.MESH, endpoint)
