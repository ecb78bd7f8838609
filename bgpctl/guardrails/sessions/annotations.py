"""Annotations that have no effect, or not the one that is meant: see the two tables.

Rule: a finding of `CHECKS` needs one session of a resource that breaks it; one of `EFFECTS` that the annotation has an
effect on no session at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, label
from bgpctl.guardrails.sessions.session_kinds import PlannedSession, sessions_of_each_kind, setter
from bgpctl.resources.annotations.table import annotation_key, annotation_path
from bgpctl.resources.values.model import Resource
from reflector.plan import LimitAction, SessionType


@dataclass(frozen=True, slots=True)
class SessionCheck:
    """`field` is the setting that it is about, `message` follows the name of the session."""

    code: str
    field: str
    broken: Callable[[PlannedSession], bool]
    message: str


CHECKS = (
    SessionCheck(
        "role-on-ibgp",
        "role",
        lambda planned: planned.settings.role is not None and planned.session.session_type is SessionType.IBGP,
        "is within one AS: a role is for sessions between ASes (RFC 9234 4.1), and this session runs without it",
    ),
    SessionCheck(
        "long-lived-without-restart-time",
        "long_lived_stale_time",
        lambda planned: bool(planned.settings.long_lived_stale_time) and not planned.session.restart_time,
        "has no restart time: without graceful restart no routes are kept, not even for this time (RFC 9494 4.1)",
    ),
    SessionCheck(
        "family-without-next-hop",
        "families",
        lambda planned: planned.peering.endpoint.family == 4 and 6 in planned.session.families,
        "has IPv4 addresses: this node's own IPv6 routes have no next hop to advertise there (RFC 8950 is for IPv4 "
        "routes on IPv6 sessions); let an IPv6 session carry both",
    ),
)

# When a setting has an effect on a session.
EFFECTS: dict[str, Callable[[PlannedSession], bool]] = {
    "cluster_id": lambda planned: planned.session.rr_client,
    "role_strict": lambda planned: planned.settings.role is not None,
    "maximum_prefixes_warning": lambda planned: planned.session.maximum_prefixes is not None,
    "maximum_prefixes_restart": lambda planned: (
        planned.session.maximum_prefixes is not None and planned.session.maximum_prefixes.action is LimitAction.CEASE
    ),
}
WANTED = {
    "cluster_id": "a route reflector with a client at the other end",
    "role_strict": f"{annotation_key('role')} as well",
    "maximum_prefixes_warning": f"{annotation_key('maximum_prefixes')}",
    "maximum_prefixes_restart": f"{annotation_key('maximum_prefixes')} with cease",
}


def settings_fit(cluster: ClusterSessions) -> Iterator[Finding]:
    """All findings about single sessions."""
    sessions = list(sessions_of_each_kind(cluster))
    yield from _broken(cluster, sessions)
    yield from _unnoticed(cluster, sessions)
    yield from _keepalive_times(sessions)


def _broken(cluster: ClusterSessions, sessions: Iterable[PlannedSession]) -> Iterator[Finding]:
    """One finding for each resource and check, with the first session."""
    found: dict[tuple[str, str], Finding] = {}
    for planned in sessions:
        for check in CHECKS:
            if check.broken(planned):
                resource = setter(cluster, planned.node, planned.peering, check.field)
                message = f"{planned} {check.message}"
                finding = Finding(check.code, resource, annotation_path(check.field), message)
                found.setdefault((check.code, label(resource)), finding)
    return iter(found.values())


def _unnoticed(cluster: ClusterSessions, sessions: Iterable[PlannedSession]) -> Iterator[Finding]:
    """One finding for each resource and setting."""
    noticed: dict[tuple[str, str], tuple[Resource, bool]] = {}
    for planned in sessions:
        for field, has_effect in EFFECTS.items():
            resource = setter(cluster, planned.node, planned.peering, field)
            if resource is not None:
                key = label(resource), field
                noticed[key] = resource, has_effect(planned) or (key in noticed and noticed[key][1])
    for (_, field), (resource, counts) in noticed.items():
        if not counts:
            message = f"this has no effect on any session: it needs {WANTED[field]}"
            yield Finding("annotation-without-effect", resource, annotation_path(field), message)


def _keepalive_times(sessions: Iterable[PlannedSession]) -> Iterator[Finding]:
    """RFC 4271 4.4: three KEEPALIVEs in a hold time. The speaker then sends them more often than is asked for."""
    found: dict[str, Finding] = {}
    for planned in sessions:
        peer, keepalive = planned.peering.peer, planned.peering.spec.keepalive_time or 0
        hold_time = planned.session.hold_time
        if peer is not None and 0 < hold_time < 3 * keepalive:
            message = (
                f"{keepalive} s is more than a third of the hold time of {planned}, {hold_time} s: KEEPALIVEs are sent "
                f"every {hold_time // 3} s"
            )
            finding = Finding("keepalive-above-hold-time", peer, "$.spec.keepaliveTime", message)
            found.setdefault(peer.name, finding)
    return iter(found.values())
