"""Settings of annotations that do not come to anything, or not to what is meant: see the two tables.

Rule: `CHECKS` are said when one session of a resource breaks them; `EFFECTS` when no session at all takes any notice
of the annotation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, label
from bgpctl.guardrails.sessions.session_kinds import PlannedSession, author, sessions_of_each_kind
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
        lambda said: said.settings.role is not None and said.session.session_type is SessionType.IBGP,
        "stays inside one AS: a role is for sessions between ASes (RFC 9234 4.1), and this one runs without it",
    ),
    SessionCheck(
        "long-lived-without-restart-time",
        "long_lived_stale_time",
        lambda said: bool(said.settings.long_lived_stale_time) and not said.session.restart_time,
        "has no restart time: without graceful restart nothing is kept, and so nothing for longer (RFC 9494 4.1)",
    ),
    SessionCheck(
        "family-without-next-hop",
        "families",
        lambda said: said.peering.endpoint.family == 4 and 6 in said.session.families,
        "has IPv4 addresses: this node's own IPv6 routes have no next hop to advertise there (RFC 8950 is for IPv4 "
        "routes on IPv6 sessions); let an IPv6 session carry both",
    ),
)

# When a session takes notice of a setting.
EFFECTS: dict[str, Callable[[PlannedSession], bool]] = {
    "cluster_id": lambda said: said.session.rr_client,
    "role_strict": lambda said: said.settings.role is not None,
    "maximum_prefixes_warning": lambda said: said.session.maximum_prefixes is not None,
    "maximum_prefixes_restart": lambda said: (
        said.session.maximum_prefixes is not None and said.session.maximum_prefixes.action is LimitAction.CEASE
    ),
}
WANTED = {
    "cluster_id": "a route reflector with a client at the other end",
    "role_strict": f"{annotation_key('role')} beside it",
    "maximum_prefixes_warning": f"{annotation_key('maximum_prefixes')}",
    "maximum_prefixes_restart": f"{annotation_key('maximum_prefixes')} with cease",
}


def settings_fit(cluster: ClusterSessions) -> Iterator[Finding]:
    """Everything that there is to say about single sessions."""
    sessions = list(sessions_of_each_kind(cluster))
    yield from _broken(cluster, sessions)
    yield from _unnoticed(cluster, sessions)
    yield from _keepalive_times(sessions)


def _broken(cluster: ClusterSessions, sessions: Iterable[PlannedSession]) -> Iterator[Finding]:
    """One finding for each resource and check, with the first session."""
    found: dict[tuple[str, str], Finding] = {}
    for said in sessions:
        for check in CHECKS:
            if check.broken(said):
                resource = author(cluster, said.node, said.peering, check.field)
                message = f"{said} {check.message}"
                finding = Finding(check.code, resource, annotation_path(check.field), message)
                found.setdefault((check.code, label(resource)), finding)
    return iter(found.values())


def _unnoticed(cluster: ClusterSessions, sessions: Iterable[PlannedSession]) -> Iterator[Finding]:
    """One finding for each resource and setting."""
    noticed: dict[tuple[str, str], tuple[Resource, bool]] = {}
    for said in sessions:
        for field, takes_notice in EFFECTS.items():
            resource = author(cluster, said.node, said.peering, field)
            if resource is not None:
                key = label(resource), field
                noticed[key] = resource, takes_notice(said) or (key in noticed and noticed[key][1])
    for (_, field), (resource, counts) in noticed.items():
        if not counts:
            message = f"no session takes notice of this: it wants {WANTED[field]}"
            yield Finding("annotation-without-effect", resource, annotation_path(field), message)


def _keepalive_times(sessions: Iterable[PlannedSession]) -> Iterator[Finding]:
    """RFC 4271 4.4: three KEEPALIVEs in a hold time. The speaker sends them more often than it is told, then."""
    found: dict[str, Finding] = {}
    for said in sessions:
        peer, keepalive = said.peering.peer, said.peering.spec.keepalive_time or 0
        hold_time = said.session.hold_time
        if peer is not None and 0 < hold_time < 3 * keepalive:
            message = (
                f"{keepalive} s is more than a third of the hold time of {said}, {hold_time} s: KEEPALIVEs are sent "
                f"every {hold_time // 3} s"
            )
            finding = Finding("keepalive-above-hold-time", peer, "$.spec.keepaliveTime", message)
            found.setdefault(peer.name, finding)
    return iter(found.values())
