"""What annotations say of a session and of a node, put into plans.

Every session takes them: the mesh's and those to workloads too. What cannot be is left out here, and said by the
guardrails, which see all sessions of a BGPPeer:

    role, role_strict        on iBGP (RFC 9234 4.1: roles are for eBGP)
    long_lived_stale_time    without a restart time: the capability counts only beside the other one (RFC 9494 4.1)
    cluster_id               where the peer is not our client
    keepalive_time           above a third of a hold time that was said (RFC 4271 4.4): a third is used

One thing is so without being said: between nodes of the cluster, reflectors among them, routes outlive a lost peer for
a day. Such a peer is restarted or replaced, and its routes hold as long as its node is there; of a neighbour outside
nobody knows that.
"""

from __future__ import annotations

from msgspec.structs import replace

from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.sessions.peering import Peering
from bgpctl.resources.annotations.settings import NO_SETTINGS, PrefixLimit, Settings
from reflector.plan import DEFAULT_HOLD_TIME, Family, MaximumPrefixes, SessionPlan, SessionType

NO_LIMIT = PrefixLimit(0)
# Seconds for which routes of a node of the cluster outlive its restart time unless an annotation says otherwise: who
# loses all reflectors in the evening has the next day for it (RFC 9494 4.2).
CLUSTER_STALE_TIME = 24 * 3600


def session_settings(index: ClusterIndex, node: str, peering: Peering) -> Settings:
    """What is said of this end of the session: by its BGPPeer, else by the node's configurations."""
    defaults = index.configuration.settings(node)
    if peering.peer is None:
        return defaults
    said = index.peer_settings(peering.peer)
    return (said.at_the_other_end() if peering.reverse else said).over(defaults)


def session_families(own: Family, said: Settings) -> tuple[Family, ...]:
    """The family of the session's addresses, and what it carries besides."""
    return tuple(sorted({own, *(said.families or ())}))


def with_settings(session: SessionPlan, said: Settings) -> SessionPlan:
    """The session as the annotations want it; its families stand in it already, for policies follow from them."""
    stale_time = _stale_time(session, said)
    if said == NO_SETTINGS:
        return replace(session, long_lived_stale_time=stale_time) if stale_time else session
    hold_time = DEFAULT_HOLD_TIME if said.hold_time is None else said.hold_time
    external = session.session_type is SessionType.EBGP
    return replace(
        session,
        maximum_prefixes=maximum_prefixes(said),
        role=said.role if external else None,
        role_strict=external and said.role is not None and bool(said.role_strict),
        long_lived_stale_time=stale_time,
        add_path=said.add_path is None or said.add_path.offered,
        add_path_limit=said.add_path.limit if said.add_path is not None else 0,
        hold_time=hold_time,
        keepalive_time=_fitting(session.keepalive_time, said.hold_time),
        cluster_id=(said.cluster_id or "") if session.rr_client else "",
    )


def _stale_time(session: SessionPlan, said: Settings) -> int:
    if not session.restart_time:
        return 0
    if said.long_lived_stale_time is not None:
        return said.long_lived_stale_time
    return CLUSTER_STALE_TIME if session.peer_node else 0


def maximum_prefixes(said: Settings) -> MaximumPrefixes | None:
    """The limit with what belongs to it; None without one."""
    limit, action = said.maximum_prefixes or NO_LIMIT
    if not limit:
        return None
    usual = MaximumPrefixes(limit, action)
    warning, restart = said.maximum_prefixes_warning, said.maximum_prefixes_restart
    return replace(
        usual,
        warning_percent=usual.warning_percent if warning is None else warning,
        restart_delay=usual.restart_delay if restart is None else restart,
    )


def _fitting(keepalive_time: int, hold_time: int | None) -> int:
    return 0 if hold_time is not None and keepalive_time > hold_time // 3 else keepalive_time
