"""The attributes of a session: a Peering becomes a SessionPlan, or a SuppressedSession with its reason.

The mesh has a password and a restart time of its own, a workload filters; both take what annotations say
(settings.py), and nothing else. Where the attributes of the other sessions come from:

    local AS           localASNumber (not with peerSelector), else this node's
    local address      this node's, unless sourceAddress is None
    next hop           nextHopMode, else keepOriginalNextHop on eBGP, else auto
    route reflection   the peer is a client when this node is a reflector, the session is iBGP and the peer is not
                       a reflector of the same cluster (RFC 4456)
    policies           the BGPFilters that exist and have rules for this direction and the session's families
    name               the peer's address: it survives a change of who asked, and so does the session
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from bgpctl.compiler.cluster.index import ClusterIndex, effective_port
from bgpctl.compiler.findings import Findings
from bgpctl.compiler.policies.export_policy import export_policy_name
from bgpctl.compiler.policies.filters import filter_policies
from bgpctl.compiler.sessions.passwords import PasswordMissingError, find_password, odd_character
from bgpctl.compiler.sessions.peering import Peering
from bgpctl.compiler.sessions.session_settings import session_families, session_settings, with_settings
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.resources.annotations.settings import Settings
from bgpctl.resources.kinds.bgp_peer import BGPPeerSpec, SecretKeyRef
from bgpctl.resources.values.model import Resource
from bgpctl.resources.values.names import GLOBAL_NAME
from reflector.plan import (
    DEFAULT_RESTART_TIME,
    NextHopMode,
    Password,
    SessionKind,
    SessionPlan,
    SessionType,
    SuppressedSession,
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


def plan_session(context: SessionContext, peering: Peering) -> SessionPlan | SuppressedSession:
    """The session as it shall run, or suppressed when it lacks its password, a filter or the peer's AS number."""
    if waits := _filter_that_waits(context, peering):
        reason = f"there is no valid version of the BGPFilter {waits!r}"
        return _suppressed(context, peering, "$.spec.filters", "filter-without-version", reason)
    try:
        password = _password(context, peering)
    except PasswordMissingError as missing:
        return _suppressed(context, peering, _password_path(peering), "password-missing", str(missing))
    if not peering.endpoint.as_number:
        reason = "asNumber is not set and no node has the address peerIP"
        return _suppressed(context, peering, "$.spec.asNumber", "as-number-missing", reason)
    settings = session_settings(context.index, context.node, peering)
    bare = _bare(context, peering, password, settings)
    return with_settings(KINDS.get(peering.kind, _explicit)(context, peering, bare), settings)


def suppress_doubled(context: SessionContext, peering: Peering, winner: Peering) -> SuppressedSession:
    """For a peering whose peer address another one has taken."""
    endpoint = peering.endpoint
    reason = f"{winner.defined_by} has the session to {endpoint.address}; two to one address cannot both run"
    if peering.peer is not None:
        context.findings.warn(peering.peer, "$.spec", "session-doubled", reason)
    return SuppressedSession(
        name=f"{endpoint.address} port {effective_port(endpoint.port)} ({peering.defined_by})",
        peer_address=endpoint.address,
        reason=reason,
    )


def _suppressed(context: SessionContext, peering: Peering, path: str, code: str, reason: str) -> SuppressedSession:
    address = peering.endpoint.address
    context.findings.warn(
        _resource_of(context, peering), path, code, f"{reason}; sessions are suppressed until this is corrected"
    )
    return SuppressedSession(name=address, peer_address=address, reason=f"{peering.defined_by}: {reason}")


def _bare(context: SessionContext, peering: Peering, password: Password | None, settings: Settings) -> SessionPlan:
    """What every session has; the rest is default."""
    endpoint = peering.endpoint
    families = session_families(endpoint.family, settings)
    return SessionPlan(
        name=endpoint.address,
        kind=peering.kind,
        peer_address=endpoint.address,
        peer_as=endpoint.as_number,
        local_as=_local_as(context, peering),
        families=families,
        local_address=context.local_address(peering),
        peer_port=effective_port(endpoint.port),
        peer_node=endpoint.node,
        passive=peering.passive,
        export_policies=tuple(map(export_policy_name, families)),
        password=password,
        defined_by=peering.defined_by,
    )


def _mesh(context: SessionContext, _: Peering, bare: SessionPlan) -> SessionPlan:
    cluster = context.index.configuration.cluster
    return replace(bare, restart_time=_restart_time(cluster.node_mesh_max_restart_time))


def _workload(context: SessionContext, peering: Peering, bare: SessionPlan) -> SessionPlan:
    return replace(_filtered(context, peering, bare), local_address="")


def _explicit(context: SessionContext, peering: Peering, bare: SessionPlan) -> SessionPlan:
    spec = peering.spec
    by_address = bool(spec.peer_ip) and not peering.reverse
    return replace(
        _filtered(context, peering, bare),
        local_address="" if spec.source_address == "None" else bare.local_address,
        rr_client=_is_client(context, peering, bare),
        next_hop_mode=_next_hop_mode(spec, bare),
        ttl_security=spec.ttl_security or 0,
        allow_local_as=max(spec.num_allowed_local_as_numbers or 0, 0) if by_address else 0,
        keepalive_time=_keepalive_time(spec.keepalive_time),
        restart_time=_restart_time(spec.max_restart_time),
    )


def _filtered(context: SessionContext, peering: Peering, bare: SessionPlan) -> SessionPlan:
    filters = filter_policies(context.index.resources, peering.spec.filters, bare.families)
    return replace(bare, import_policies=filters.imports, export_policies=(*filters.exports, *bare.export_policies))


KINDS = {SessionKind.MESH: _mesh, SessionKind.WORKLOAD: _workload}


def _local_as(context: SessionContext, peering: Peering) -> int:
    """With peerSelector the other end, which sees no localASNumber, would refuse the session: it has no effect."""
    local_as = peering.spec.local_as_number
    if local_as is None or peering.reverse or peering.spec.peer_selector:
        return context.index.as_number(context.node)
    return local_as


def _is_client(context: SessionContext, peering: Peering, bare: SessionPlan) -> bool:
    own = context.index.nodes[context.node].cluster_id
    return bare.session_type is SessionType.IBGP and bool(own) and peering.endpoint.cluster_id != own


def _next_hop_mode(spec: BGPPeerSpec, bare: SessionPlan) -> NextHopMode:
    if spec.next_hop_mode is not None:
        return NEXT_HOP_MODES[spec.next_hop_mode]
    keep = spec.keep_original_next_hop and bare.session_type is SessionType.EBGP
    return NextHopMode.KEEP if keep else NextHopMode.AUTO


def _restart_time(seconds: int | None) -> int:
    """Validation has warned about a time that is outside the range."""
    return DEFAULT_RESTART_TIME if seconds is None else min(max(seconds, 0), MAX_RESTART_TIME)


def _keepalive_time(seconds: int | None) -> int:
    """0, a third of the hold time, also for a time that is not possible."""
    return seconds if seconds is not None and 0 < seconds <= MAX_KEEPALIVE_TIME else 0


def _filter_that_waits(context: SessionContext, peering: Peering) -> str:
    """Without it the session would accept and advertise everything; "" where it has all its filters."""
    waiting = context.index.resources.waiting
    return next((name for name in peering.spec.filters if ("BGPFilter", name) in waiting), "") if waiting else ""


def _password(context: SessionContext, peering: Peering) -> Password | None:
    """Of the mesh, or of the BGPPeer; sessions to workloads have none."""
    mesh = context.index.configuration.cluster.node_mesh_password
    wanted = {SessionKind.MESH: mesh, SessionKind.WORKLOAD: None}.get(peering.kind, peering.spec.password)
    if wanted is None:
        return None
    found = find_password(wanted, context.index.resources, context.options)
    if wanted.secret_key_ref is not None and (odd := odd_character(found)):
        _warn_of_character(context, wanted.secret_key_ref, odd)
    return found


def _warn_of_character(context: SessionContext, reference: SecretKeyRef, odd: str) -> None:
    """A session with another key than its peer's never comes up, and nothing on either side says why."""
    secret = context.index.resources.secrets[context.options.secret_namespace, reference.name]
    field = "stringData" if reference.key in secret.string_data else "data"
    message = f"the key of a session has {odd}: it is part of the key; remove it, unless the peer has it as well"
    context.findings.warn(secret, f"$.{field}.{reference.key}", "odd-password", message)


def _password_path(peering: Peering) -> str:
    field = "nodeMeshPassword" if peering.peer is None else "password"
    return f"$.spec.{field}.secretKeyRef"


def _resource_of(context: SessionContext, peering: Peering) -> Resource | None:
    """The resource to name when something is wrong with this session."""
    return peering.peer or context.index.configuration.bgp_objects.get(GLOBAL_NAME)
