"""The attributes of a session: a Peering becomes a SessionPlan, or a HeldSession with its reason.

Where an attribute of a session that a BGPPeer asks for comes from (the mesh takes password and restart time from
BGPConfiguration, and the defaults of SessionPlan for the rest):

    local AS           localASNumber (not with peerSelector), else this node's
    local address      this node's, unless sourceAddress is None or the peer is a workload
    next hop           nextHopMode, else keepOriginalNextHop on eBGP, else auto
    route reflection   the peer is a client when this node is a reflector, the session is iBGP and the peer is not
                       a reflector of the same cluster (RFC 4456)
    policies           the BGPFilters that exist and have rules for this direction and family
    name               the peer's address: it survives a change of who asked, and so does the session
"""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.compiler.cluster import ClusterIndex, effective_port
from bgpctl.compiler.export_policy import export_policy_name
from bgpctl.compiler.filters import filter_policies
from bgpctl.compiler.findings import Findings
from bgpctl.compiler.options import CompileOptions
from bgpctl.compiler.passwords import PasswordMissingError, find_password
from bgpctl.compiler.peering import Peering
from bgpctl.resources.bgp_configuration import GLOBAL_NAME
from bgpctl.resources.bgp_peer import BGPPassword, BGPPeer
from bgpctl.resources.model import Resource
from reflector.plan import (
    DEFAULT_RESTART_TIME,
    HeldSession,
    NextHopMode,
    Password,
    SessionKind,
    SessionPlan,
)

# RFC 4724 section 3 gives the restart time twelve bits.
MAX_RESTART_TIME = 4095
# RFC 4271 section 4.2: a hold time of 65535 s at most, and a third of it between keepalives.
MAX_KEEPALIVE_TIME = 65535 // 3

NEXT_HOP_MODES = {"Auto": NextHopMode.AUTO, "Self": NextHopMode.SELF, "Keep": NextHopMode.KEEP}


@dataclass(frozen=True, slots=True)
class SessionContext:
    """What the sessions of one node share."""

    index: ClusterIndex
    node: str
    options: CompileOptions
    findings: Findings

    def local_address(self, peering: Peering) -> str:
        return self.index.nodes[self.node].addresses[peering.endpoint.family]


def plan_session(context: SessionContext, peering: Peering) -> SessionPlan | HeldSession:
    """The session as it shall run, or held when it lacks its password or the peer's AS number."""
    try:
        password = _password(context, peering)
    except PasswordMissingError as missing:
        return _held(context, peering, _password_path(peering), "password-missing", str(missing))
    if not peering.endpoint.as_number:
        reason = "asNumber is not set and no node has the address peerIP"
        return _held(context, peering, "$.spec.asNumber", "as-number-missing", reason)
    if peering.peer is None:
        return _mesh_session(context, peering, password)
    return _explicit_session(context, peering, peering.peer, password)


def hold_double(context: SessionContext, peering: Peering, winner: Peering) -> HeldSession:
    """For a peering whose peer address another one has taken."""
    endpoint = peering.endpoint
    because = f"{winner.because} has the session to {endpoint.address}; two to one address cannot both run"
    if peering.peer is not None:
        context.findings.warn(peering.peer, "$.spec", "session-doubled", f"on node {context.node}: {because}")
    return HeldSession(
        name=f"{endpoint.address} port {effective_port(endpoint.port)} ({peering.because})",
        peer_address=endpoint.address,
        because=because,
    )


def _held(context: SessionContext, peering: Peering, path: str, code: str, reason: str) -> HeldSession:
    address = peering.endpoint.address
    context.findings.warn(_author(context, peering), path, code, f"the session to {address} is held: {reason}")
    return HeldSession(name=address, peer_address=address, because=f"{peering.because}: {reason}")


def _mesh_session(context: SessionContext, peering: Peering, password: Password | None) -> SessionPlan:
    endpoint = peering.endpoint
    cluster = context.index.configuration.cluster
    return SessionPlan(
        name=endpoint.address,
        kind=peering.kind,
        peer_address=endpoint.address,
        peer_as=endpoint.as_number,
        local_as=context.index.as_number(context.node),
        families=(endpoint.family,),
        local_address=context.local_address(peering),
        peer_port=effective_port(endpoint.port),
        peer_node=endpoint.node,
        passive=peering.passive,
        export_policies=(export_policy_name(endpoint.family),),
        password=password,
        restart_time=_restart_time(context, peering, cluster.node_mesh_max_restart_time),
        because=peering.because,
    )


def _explicit_session(
    context: SessionContext, peering: Peering, peer: BGPPeer, password: Password | None
) -> SessionPlan:
    endpoint, spec = peering.endpoint, peer.spec
    local_as = _local_as(context, peering, peer)
    workload = peering.kind is SessionKind.WORKLOAD
    filters = filter_policies(context.index.resources, spec.filters, endpoint.family)
    named = spec.source_address != "None" and not workload
    return SessionPlan(
        name=endpoint.address,
        kind=peering.kind,
        peer_address=endpoint.address,
        peer_as=endpoint.as_number,
        local_as=local_as,
        families=(endpoint.family,),
        local_address=context.local_address(peering) if named else "",
        peer_port=effective_port(endpoint.port),
        peer_node=endpoint.node,
        passive=peering.passive,
        rr_client=_is_client(context, peering, ibgp=local_as == endpoint.as_number),
        next_hop_mode=NextHopMode.AUTO if workload else _next_hop_mode(peer, local_as != endpoint.as_number),
        import_policies=filters.imports,
        export_policies=(*filters.exports, export_policy_name(endpoint.family)),
        password=password,
        ttl_security=0 if workload else spec.ttl_security or 0,
        allow_local_as=0 if peering.reverse else max(spec.num_allowed_local_as_numbers or 0, 0),
        keepalive_time=0 if workload else _keepalive_time(context, peer),
        restart_time=DEFAULT_RESTART_TIME if workload else _restart_time(context, peering, spec.max_restart_time),
        because=peering.because,
    )


def _local_as(context: SessionContext, peering: Peering, peer: BGPPeer) -> int:
    own = context.index.as_number(context.node)
    said = peer.spec.local_as_number
    if said is None or peering.reverse:
        return own
    if peer.spec.peer_selector:
        message = "localASNumber has no effect with peerSelector: the other end would not expect it"
        context.findings.warn(peer, "$.spec.localASNumber", "setting-without-effect", message)
        return own
    return said


def _is_client(context: SessionContext, peering: Peering, *, ibgp: bool) -> bool:
    own = context.index.nodes[context.node].cluster_id
    return ibgp and bool(own) and peering.endpoint.cluster_id != own


def _next_hop_mode(peer: BGPPeer, ebgp: bool) -> NextHopMode:
    said = peer.spec.next_hop_mode
    if said is not None:
        return NEXT_HOP_MODES[said]
    return NextHopMode.KEEP if peer.spec.keep_original_next_hop and ebgp else NextHopMode.AUTO


def _keepalive_time(context: SessionContext, peer: BGPPeer) -> int:
    said = peer.spec.keepalive_time or 0
    if 0 <= said <= MAX_KEEPALIVE_TIME:
        return said
    message = f"{said} s is outside 0..{MAX_KEEPALIVE_TIME} s: a third of the hold time is used"
    context.findings.warn(peer, "$.spec.keepaliveTime", "time-out-of-range", message)
    return 0


def _restart_time(context: SessionContext, peering: Peering, said: int | None) -> int:
    if said is None:
        return DEFAULT_RESTART_TIME
    used = min(max(said, 0), MAX_RESTART_TIME)
    if used != said:
        path = "$.spec.maxRestartTime" if peering.peer else "$.spec.nodeMeshMaxRestartTime"
        message = f"{said} s does not fit the capability (RFC 4724), {used} s is used"
        context.findings.warn(_author(context, peering), path, "time-out-of-range", message)
    return used


def _password(context: SessionContext, peering: Peering) -> Password | None:
    wanted: BGPPassword | None = context.index.configuration.cluster.node_mesh_password
    if peering.peer is not None:
        wanted = peering.peer.spec.password if peering.kind is not SessionKind.WORKLOAD else None
    return find_password(wanted, context.index.resources, context.options) if wanted is not None else None


def _password_path(peering: Peering) -> str:
    field = "nodeMeshPassword" if peering.peer is None else "password"
    return f"$.spec.{field}.secretKeyRef"


def _author(context: SessionContext, peering: Peering) -> Resource | None:
    """The resource to name when something is wrong with this session."""
    return peering.peer or context.index.configuration.bgp_objects.get(GLOBAL_NAME)
