"""The plan: everything one node must run, as frozen values.

This is the only contract between the compiler, which writes it, and the speaker and the FIB, which obey it.
A plan names Calico resources only in `defined_by` fields and in the reason of a suppressed session, both for people.

Conventions: addresses and prefixes are canonical text ("10.0.0.1", "fd00::/64"), families are 4 and 6 (unicast),
AS numbers 32-bit integers, times seconds. Tuples are in the order in which they are evaluated, or sorted where
order has no meaning, so that equal resources give equal bytes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

Family = Literal[4, 6]

PLAN_VERSION = 2
DEFAULT_AS = 64512
DEFAULT_BGP_PORT = 179
DEFAULT_HOLD_TIME = 240
DEFAULT_RESTART_TIME = 120
DEFAULT_LOCAL_PREF = 100
NORMAL_PRIORITY = 1024
# Calico carries a kernel metric over iBGP as LOCAL_PREF = PRIORITY_BASE - metric.
PRIORITY_BASE = 2147483647
# Our number in /etc/iproute2/rt_protos; 179 is the BGP port and is unassigned there.
ROUTE_PROTOCOL = 179
MAIN_TABLE = 254


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The base of all plan values: immutable, comparable, strict when decoded."""


class Verdict(StrEnum):
    """What a matching policy rule decides. CONTINUE applies its operations and goes on to the next rule."""

    ACCEPT = "accept"
    REJECT = "reject"
    CONTINUE = "continue"


class SessionType(StrEnum):
    IBGP = "ibgp"
    EBGP = "ebgp"


class SessionKind(StrEnum):
    """Where a session comes from; what Calico calls the type of a peer."""

    MESH = "mesh"
    NODE = "node"
    GLOBAL = "global"
    WORKLOAD = "workload"


class NextHopMode(StrEnum):
    """AUTO: self on eBGP, unchanged on iBGP (RFC 4271 5.1.3). SELF rewrites reflected routes as well."""

    AUTO = "auto"
    SELF = "self"
    KEEP = "keep"


class Role(StrEnum):
    """What a speaker is to the other one of a session (RFC 9234 3): a PROVIDER's peer is a CUSTOMER."""

    PROVIDER = "provider"
    RS = "rs"
    RS_CLIENT = "rs-client"
    CUSTOMER = "customer"
    PEER = "peer"


class LimitAction(StrEnum):
    """What a peer that exceeds its maximum of prefixes costs: a word, the new routes, or its session."""

    WARN = "warn"
    DROP = "drop"
    CEASE = "cease"


class RouteSource(StrEnum):
    """Where a route came into the speaker: from a peer, or originated by this node and as what."""

    BGP = "bgp"
    BLOCK = "block"
    KERNEL = "kernel"
    DIRECT = "direct"
    SERVICE = "service"
    STATIC = "static"


# --------------------------------------------------------------------------------------------- policy


class PrefixMatch(Value, frozen=True):
    """Prefixes inside `network` with a length in [min_length, max_length]; negated: all prefixes but those."""

    network: str
    min_length: int
    max_length: int
    negate: bool = False


class Match(Value, frozen=True):
    """The conditions of a rule: all that are given must hold; none given matches every route.

    prefix             see PrefixMatch
    sources            the route entered the speaker in one of these ways
    session_type       of the session the policy is evaluated for
    interfaces         globs (* and ?) of which one matches the route's outgoing interface; a route without
                       an interface (a blackhole) never matches
    community          "aa:nn" (RFC 1997), "aa:nn:mm" (RFC 8092) or "rt:aa:nn", "ro:aa:nn" (RFC 4360)
    as_path_prefix     the AS_PATH starts with these
    local_pref         exactly this
    metric_below       PRIORITY_BASE - LOCAL_PREF (a local route: its kernel metric) is lower than this
    """

    prefix: PrefixMatch | None = None
    sources: tuple[RouteSource, ...] = ()
    session_type: SessionType | None = None
    interfaces: tuple[str, ...] = ()
    community: str | None = None
    as_path_prefix: tuple[int, ...] = ()
    local_pref: int | None = None
    metric_below: int | None = None


class AddCommunity(Value, frozen=True, tag="add-community"):
    """In one of the forms of Match.community."""

    community: str


class RemoveCommunity(Value, frozen=True, tag="remove-community"):
    """In one of the forms of Match.community; a number may be "*", so that "64512:*" removes all of that AS."""

    community: str


class PrependAsPath(Value, frozen=True, tag="prepend-as-path"):
    """[a, b] makes "a b <path as it was>"; on eBGP our own AS goes in front of that afterwards."""

    asns: tuple[int, ...]


class SetLocalPref(Value, frozen=True, tag="set-local-pref"):
    local_pref: int


class SetNextHop(Value, frozen=True, tag="set-next-hop"):
    """An address of the route's family; "self" is our own on the session, "keep" the one it came with. It stands above
    the session's next_hop_mode."""

    next_hop: str


class SetMed(Value, frozen=True, tag="set-med"):
    """None removes MULTI_EXIT_DISC."""

    med: int | None = None


Operation = AddCommunity | RemoveCommunity | PrependAsPath | SetLocalPref | SetNextHop | SetMed


class PolicyRule(Value, frozen=True):
    verdict: Verdict
    match: Match = Match()
    operations: tuple[Operation, ...] = ()
    defined_by: str = ""


class Policy(Value, frozen=True):
    """Rules in order; the first ACCEPT or REJECT that matches is final. Without one, the next policy is asked."""

    name: str
    rules: tuple[PolicyRule, ...] = ()


# ------------------------------------------------------------------------------------------- sessions


class Password(Value, frozen=True):
    """A TCP-MD5 key (RFC 2385). Its text form hides it; only `exabgp.conf` and the socket option see `secret`.

    reference   where the key is, "NAMESPACE/NAME/KEY" of a Secret, while `secret` is not known; no speaker is given one
    """

    secret: str
    reference: str = ""

    def __repr__(self) -> str:
        return "Password(hidden)"


class MaximumPrefixes(Value, frozen=True):
    """How many routes of one family a peer may have in its Adj-RIB-In, accepted or not.

    warning_percent   of `limit`: from here on a warning is logged, whatever the action
    restart_delay     seconds for which a session that was ceased stays down; 0 = until the plan changes it
    """

    limit: int
    action: LimitAction = LimitAction.CEASE
    warning_percent: int = 75
    restart_delay: int = 0


class SessionPlan(Value, frozen=True):
    """One BGP session of this node.

    name            unique in the plan and stable over changes that need not reset the session
    local_address   the source address; "" lets the kernel choose
    import_policies / export_policies   names in NodePlan.policies, asked in order
    import_default / export_default     the verdict when no rule of them decided
    rr_client       the peer is our route reflection client (RFC 4456), in cluster `cluster_id`
    cluster_id      "" = NodePlan.cluster_id
    ttl_security    GTSM hop count (RFC 5082), 0 = off
    allow_local_as  how often our own AS may stand in a received AS_PATH
    allow_martians  networks inside which prefixes are taken that no peer may route otherwise (policy.martians)
    discard_attributes   type codes of attributes that are discarded when they come from the peer
    add_path        add-path is offered in both directions (RFC 7911)
    add_path_limit  at most so many paths of a prefix are sent where it was agreed, the best ones; 0 = all
    keepalive_time  0 = a third of the hold time
    long_lived_stale_time   seconds for which stale routes outlive the restart time (RFC 9494); 0 = not offered
    role            ours, None = not offered (RFC 9234); with `role_strict` a peer that offers none is refused
    defined_by      the resource that defines this session
    """

    name: str
    kind: SessionKind
    peer_address: str
    peer_as: int
    local_as: int
    families: tuple[Family, ...]
    local_address: str = ""
    peer_port: int = DEFAULT_BGP_PORT
    peer_node: str = ""
    passive: bool = False
    rr_client: bool = False
    cluster_id: str = ""
    next_hop_mode: NextHopMode = NextHopMode.AUTO
    import_policies: tuple[str, ...] = ()
    export_policies: tuple[str, ...] = ()
    import_default: Verdict = Verdict.ACCEPT
    export_default: Verdict = Verdict.REJECT
    password: Password | None = None
    ttl_security: int = 0
    allow_local_as: int = 0
    add_path: bool = True
    add_path_limit: int = 0
    hold_time: int = DEFAULT_HOLD_TIME
    keepalive_time: int = 0
    restart_time: int = DEFAULT_RESTART_TIME
    long_lived_stale_time: int = 0
    maximum_prefixes: MaximumPrefixes | None = None
    role: Role | None = None
    role_strict: bool = False
    allow_martians: tuple[str, ...] = ()
    discard_attributes: tuple[int, ...] = ()
    defined_by: str = ""

    @property
    def session_type(self) -> SessionType:
        return SessionType.IBGP if self.peer_as == self.local_as else SessionType.EBGP


class SuppressedSession(Value, frozen=True):
    """A session that resources define and that cannot be set up, with the reason."""

    name: str
    peer_address: str
    reason: str


# --------------------------------------------------------------------------------------- originations


class Origination(Value, frozen=True):
    """A prefix this node puts into its Loc-RIB.

    priority     its kernel metric; travels on iBGP as LOCAL_PREF = PRIORITY_BASE - priority
    interface    the outgoing interface, "" for a blackhole or when it does not matter
    next_hop     of a route via a gateway; "" = this node
    """

    prefix: str
    source: RouteSource
    priority: int = NORMAL_PRIORITY
    interface: str = ""
    next_hop: str = ""
    communities: tuple[str, ...] = ()
    defined_by: str = ""


# --------------------------------------------------------------------------------------------- kernel


class KernelVerdict(StrEnum):
    """PROGRAM: the FIB installs the route. LEAVE: another program's (Felix), or no program's."""

    PROGRAM = "program"
    LEAVE = "leave"


class Encapsulation(StrEnum):
    NONE = "none"
    IPIP = "ipip"
    VXLAN = "vxlan"


class KernelRule(Value, frozen=True):
    """Routes inside `network` get this verdict. With `cross_subnet` the encapsulation is used only for next hops
    outside this node's own subnets (KernelPlan.local_subnets)."""

    network: str
    verdict: KernelVerdict
    encapsulation: Encapsulation = Encapsulation.NONE
    cross_subnet: bool = False
    defined_by: str = ""


class HostRoute(Value, frozen=True):
    """A static route to one address through a gateway: BGPPeer.reachableBy."""

    address: str
    gateway: str
    defined_by: str = ""


class TunnelRoute(Value, frozen=True):
    """A static route through the VXLAN device of its family: to a block of `node`, which has no BGP speaker, through
    its tunnel address. No learned route to the same prefix is programmed beside it."""

    prefix: str
    gateway: str
    node: str
    defined_by: str = ""


class Vtep(Value, frozen=True):
    """A remote node's end of the VXLAN: its underlay address, its tunnel address and its MAC."""

    node: str
    node_address: str
    tunnel_address: str
    mac: str


class VxlanPlan(Value, frozen=True):
    """One family's VXLAN device and all remote ends. `mtu` 0 = the parent's MTU less the overhead."""

    family: Family
    device: str
    vni: int
    port: int
    local_address: str
    tunnel_address: str
    mac: str
    mtu: int = 0
    vteps: tuple[Vtep, ...] = ()


class KernelPlan(Value, frozen=True):
    """What the FIB may program. `rules` are asked in order; a route that none matches is programmed plainly.

    blackholes       own blocks: a local pod's more specific route wins, everything else in the block is dropped
    local_subnets    the networks of this node's own addresses, for `cross_subnet`
    excluded_next_hops   routes through these are left alone (reached through WireGuard)
    workload_networks    inside these, routes of other programs to workloads of this node are originated
    allow_underlay_routes   inside these, routes may take the way to this node's own network, a peer or a next hop
    aggregated_blocks    own blocks that stand for such a route inside, unless its metric is below the normal priority
    tunnel_routes    the blocks of nodes that no route comes from by BGP
    ipip_mtu         0 = no more than the link's MTU less the overhead
    """

    protocol: int = ROUTE_PROTOCOL
    table: int = MAIN_TABLE
    normal_priority_v4: int = NORMAL_PRIORITY
    normal_priority_v6: int = NORMAL_PRIORITY
    rules: tuple[KernelRule, ...] = ()
    blackholes: tuple[str, ...] = ()
    local_subnets: tuple[str, ...] = ()
    host_routes: tuple[HostRoute, ...] = ()
    excluded_next_hops: tuple[str, ...] = ()
    workload_networks: tuple[str, ...] = ()
    aggregated_blocks: tuple[str, ...] = ()
    allow_underlay_routes: tuple[str, ...] = ()
    vxlans: tuple[VxlanPlan, ...] = ()
    tunnel_routes: tuple[TunnelRoute, ...] = ()
    ipip_address: str = ""
    ipip_mtu: int = 0


# ----------------------------------------------------------------------------------------------- node


class Listen(Value, frozen=True):
    """Where the speaker accepts connections. "0.0.0.0" and "::" stand for all addresses."""

    address: str
    port: int = DEFAULT_BGP_PORT


class NodePlan(Value, frozen=True):
    """Everything one node must run.

    always_compare_med   MULTI_EXIT_DISC is compared between routes of different neighbouring ASes, too
    resolve_next_hops    a route whose next hop the kernel has no route to is not used, and a lower kernel metric to the
                         next hop is preferred (RFC 4271 9.1.2)
    """

    node: str
    router_id: str
    local_as: int = DEFAULT_AS
    cluster_id: str = ""
    log_level: str = "info"
    listen: tuple[Listen, ...] = ()
    sessions: tuple[SessionPlan, ...] = ()
    suppressed: tuple[SuppressedSession, ...] = ()
    policies: tuple[Policy, ...] = ()
    originations: tuple[Origination, ...] = ()
    kernel: KernelPlan = KernelPlan()
    always_compare_med: bool = False
    resolve_next_hops: bool = True
    # A factory, and therefore always encoded: a version that were left out would be read as the reader's own.
    version: int = msgspec.field(default_factory=lambda: PLAN_VERSION)


# What a speaker reads only when it starts.
READ_AT_START = ("listen",)


def needs_new_speaker(running: NodePlan, wanted: NodePlan) -> bool:
    """Whether a speaker that was started with the one plan cannot run the other: the agent replaces it then."""
    return any(getattr(running, field) != getattr(wanted, field) for field in READ_AT_START)


class _PlanHeader(msgspec.Struct):
    """What every version of the plan has in common; version 1 did not write its number."""

    version: int = 1


def encode_plan(plan: NodePlan) -> bytes:
    """JSON, deterministic to the byte. It holds passwords: for the speaker and files of mode 0600 only."""
    return msgspec.json.encode(plan)


def decode_plan(data: bytes) -> NodePlan:
    """The inverse of encode_plan. Raises msgspec.ValidationError naming the version or the field that does not fit."""
    version = msgspec.json.decode(data, type=_PlanHeader).version
    if version != PLAN_VERSION:
        raise msgspec.ValidationError(f"the plan has version {version}; this program reads version {PLAN_VERSION}")
    return msgspec.json.decode(data, type=NodePlan)
