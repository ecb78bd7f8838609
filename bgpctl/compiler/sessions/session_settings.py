"""Settings of a session (annotations), put into its plan.

They apply to every session, also to those of the mesh and to workloads. What is not possible is left out here, and
reported by the guardrails, which see all sessions of a BGPPeer:

    role, role_strict        on iBGP (RFC 9234 4.1: roles are for eBGP)
    long_lived_stale_time    without a restart time: the capability counts only beside the other one (RFC 9494 4.1)
    cluster_id               where the peer is not our client
    keepalive_time           above a third of a hold time that is set (RFC 4271 4.4): a third is used

One setting has a default of its own: between nodes of the cluster, reflectors included, routes are kept for a day after
their peer is down. Such a peer is restarted or replaced, and its routes are right as long as its node exists; of a
neighbour outside the cluster that is not known.
"""

from __future__ import annotations

from msgspec.structs import replace

from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.sessions.peering import Peering
from bgpctl.resources.annotations.settings import NO_SETTINGS, PrefixLimit, Settings
from reflector.plan import DEFAULT_HOLD_TIME, Family, MaximumPrefixes, SessionPlan, SessionType

NO_LIMIT = PrefixLimit(0)
# Seconds for which routes of a node of the cluster outlive its restart time unless an annotation sets another time: who
# loses all reflectors in the evening has the next day to repair them (RFC 9494 4.2).
CLUSTER_STALE_TIME = 24 * 3600


def session_settings(index: ClusterIndex, node: str, peering: Peering) -> Settings:
    """The settings of this end of the session: those of its BGPPeer, else of the node's configurations."""
    defaults = index.configuration.settings(node)
    if peering.peer is None:
        return defaults
    settings = index.peer_settings(peering.peer)
    return (settings.at_the_other_end() if peering.reverse else settings).over(defaults)


def session_families(own: Family, settings: Settings) -> tuple[Family, ...]:
    """The family of the session's addresses, and what it carries besides."""
    return tuple(sorted({own, *(settings.families or ())}))


def with_settings(session: SessionPlan, settings: Settings) -> SessionPlan:
    """The session as the annotations define it; its families stand in it already, for policies follow from them."""
    stale_time = _stale_time(session, settings)
    if settings is NO_SETTINGS:
        return replace(session, long_lived_stale_time=stale_time) if stale_time else session
    hold_time = DEFAULT_HOLD_TIME if settings.hold_time is None else settings.hold_time
    external = session.session_type is SessionType.EBGP
    return replace(
        session,
        maximum_prefixes=maximum_prefixes(settings),
        role=settings.role if external else None,
        role_strict=external and settings.role is not None and bool(settings.role_strict),
        long_lived_stale_time=stale_time,
        allow_martians=settings.allow_martians or (),
        discard_attributes=settings.discard_attributes or (),
        add_path=settings.add_path is None or settings.add_path.offered,
        add_path_limit=settings.add_path.limit if settings.add_path is not None else 0,
        hold_time=hold_time,
        keepalive_time=_fitting(session.keepalive_time, settings.hold_time),
        cluster_id=(settings.cluster_id or "") if session.rr_client else "",
    )


def _stale_time(session: SessionPlan, settings: Settings) -> int:
    if not session.restart_time:
        return 0
    if settings.long_lived_stale_time is not None:
        return settings.long_lived_stale_time
    return CLUSTER_STALE_TIME if session.peer_node else 0


def maximum_prefixes(settings: Settings) -> MaximumPrefixes | None:
    """The limit with what belongs to it; None without one."""
    limit, action = settings.maximum_prefixes or NO_LIMIT
    if not limit:
        return None
    usual = MaximumPrefixes(limit, action)
    warning, restart = settings.maximum_prefixes_warning, settings.maximum_prefixes_restart
    return replace(
        usual,
        warning_percent=usual.warning_percent if warning is None else warning,
        restart_delay=usual.restart_delay if restart is None else restart,
    )


def _fitting(keepalive_time: int, hold_time: int | None) -> int:
    return 0 if hold_time is not None and keepalive_time > hold_time // 3 else keepalive_time
