"""For each row of the table of effects: the change that is made while a session with BIRD is up, and what shows it.

A `Look` is true once the change is there and false before it; most of them ask BIRD. Fields that only people or the FIB
look at show nothing on a session (UNSEEN): there a route that is announced afterwards must come over the same session.
What cannot be tried on BIRD is in NOT_WITH_BIRD, with the reason and the test that tries it without.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from changed_fields import ALL, NONE
from msgspec.structs import replace

from reflector.plan import (
    PRIORITY_BASE,
    AddCommunity,
    Encapsulation,
    HostRoute,
    KernelPlan,
    KernelRule,
    KernelVerdict,
    LimitAction,
    Listen,
    Match,
    MaximumPrefixes,
    NextHopMode,
    NodePlan,
    Operation,
    Origination,
    Password,
    Policy,
    PolicyRule,
    PrefixMatch,
    PrependAsPath,
    RemoveCommunity,
    Role,
    RouteSource,
    SessionKind,
    SessionPlan,
    SessionType,
    SetLocalPref,
    SetMed,
    SetNextHop,
    SuppressedSession,
    TunnelRoute,
    Value,
    Verdict,
    Vtep,
    VxlanPlan,
)

if TYPE_CHECKING:
    from bird_world import BirdWorld

US, US_TOO = "10.9.0.1", "10.9.0.11"
# What we originate; and what BIRD tells us over its sessions `far` (eBGP, AS 65100), `farther` (eBGP, AS 65101) and
# `near` (iBGP): one of the first, one of both, one of both with MEDs, one of the last, one of it that leads nowhere.
OURS = Origination("10.244.0.0/26", RouteSource.BLOCK, interface="cali1", communities=("64512:7",))
FAR, MANY, WITH_MED, NEAR, NOWHERE = (f"10.7{number}.0.0/24" for number in range(5))
# {session} is the prefix that BIRD has for this session alone.
OWN = "{session}"

Look = Callable[["BirdWorld", str], bool]


def received(prefix: str, *texts: str) -> Look:
    """BIRD has the prefix over the session, and its route says all of this."""

    def look(world: BirdWorld, session: str) -> bool:
        route, ours = world.received(session, prefix), world.ours(session)
        return bool(route) and all(text.format(ours=ours) in route for text in texts)

    return look


def not_received(prefix: str) -> Look:
    return lambda world, session: not world.received(session, prefix)


def paths(prefix: str, count: int) -> Look:
    return lambda world, session: world.received(session, prefix).count(f"[{session} ") == count


def agreed(pattern: str) -> Look:
    """BIRD says this of our end of the session."""
    return lambda world, session: re.search(pattern, world.shown(session).partition("Neighbor cap")[2]) is not None


def learned(prefix: str) -> Look:
    return lambda world, session: prefix.format(session=world.prefix(session)) in world.us.routes()


def lost(prefix: str) -> Look:
    return lambda world, session: not learned(prefix)(world, session)


def listed(field: str, value: object) -> Look:
    """Our own list of sessions says so."""
    return lambda world, session: getattr(world.us.peers()[session], field) == value


UNSEEN: Look | None = None


# --------------------------------------------------------------------------------- fields of a session


class SessionRow(NamedTuple):
    """`before` is the session until then, `bird` are the words of BIRD's end. With `other_end` BIRD needs other words
    when the session was reset: local, neighbor, options."""

    value: Any
    look: Look | None = UNSEEN
    before: dict[str, Any] = {}  # noqa: RUF012
    bird: dict[str, str] = {}  # noqa: RUF012
    other_end: dict[str, str] = {}  # noqa: RUF012


SESSION_ROWS: dict[str, SessionRow] = {
    "name": SessionRow("another"),
    "kind": SessionRow(SessionKind.MESH, listed("kind", SessionKind.MESH)),
    "peer_address": SessionRow("10.9.2.1", other_end={"local": "10.9.2.1"}),
    "peer_as": SessionRow(64999, other_end={"asn": "64999", "options": "multihop;"}),
    "local_as": SessionRow(64998, other_end={"peer_as": "64998", "options": "multihop;"}),
    "families": SessionRow((4, 6), agreed(r"Channel ipv6\s+State:\s+UP")),
    "local_address": SessionRow(US_TOO, other_end={"peer": US_TOO}),
    "peer_port": SessionRow(1179, other_end={"port": "port 1179", "options": "passive;"}),
    "peer_node": SessionRow("b", listed("peer_node", "b")),
    "passive": SessionRow(True),
    "rr_client": SessionRow(True, received(NEAR)),
    "cluster_id": SessionRow("9.9.9.9", received(NEAR, "BGP.cluster_list: 9.9.9.9"), before={"rr_client": True}),
    "next_hop_mode": SessionRow(NextHopMode.SELF, received(FAR, "BGP.next_hop: {ours}\n")),
    "import_policies": SessionRow(("none",), lost(OWN)),
    "export_policies": SessionRow(("none",), not_received(OURS.prefix)),
    "import_default": SessionRow(Verdict.REJECT, lost(OWN)),
    "export_default": SessionRow(Verdict.ACCEPT, received(OURS.prefix), before={"export_policies": ()}),
    "password": SessionRow(Password("hush-hush"), other_end={"options": 'password "hush-hush";'}),
    "ttl_security": SessionRow(1, other_end={"options": "direct; ttl security on;"}),
    "allow_local_as": SessionRow(
        1, learned(OWN), before={"peer_as": 65102}, bird={"asn": "65102", "change": "bgp_path.prepend(64512);"}
    ),
    "add_path": SessionRow(False, agreed(r"\A(?s:(?!ADD-PATH).)+\Z")),
    "add_path_limit": SessionRow(1, paths(MANY, 1)),
    "hold_time": SessionRow(30, agreed(r"Hold timer:\s+[\d.]+/30\b")),
    "keepalive_time": SessionRow(1, UNSEEN, before={"hold_time": 9}),
    "restart_time": SessionRow(60, agreed(r"Restart time: 60\b")),
    "long_lived_stale_time": SessionRow(1800, agreed(r"LL stale time: 1800\b")),
    "maximum_prefixes": SessionRow(MaximumPrefixes(1, LimitAction.WARN)),
    "allow_martians": SessionRow(("169.254.0.0/16",)),
    "discard_attributes": SessionRow((99,)),
    "role": SessionRow(Role.PEER),
    "role_strict": SessionRow(True),
    "defined_by": SessionRow("another BGPPeer"),
}

# One route more than the session may have; the change is made after it has been left out.
LIMIT_ROWS: dict[str, tuple[MaximumPrefixes, MaximumPrefixes, Look | None]] = {
    "limit": (MaximumPrefixes(1, LimitAction.DROP), MaximumPrefixes(2, LimitAction.DROP), listed("accepted", 2)),
    "action": (MaximumPrefixes(1, LimitAction.DROP), MaximumPrefixes(1, LimitAction.WARN), listed("accepted", 2)),
    "warning_percent": (MaximumPrefixes(4, warning_percent=75), MaximumPrefixes(4, warning_percent=50), UNSEEN),
    "restart_delay": (MaximumPrefixes(4, restart_delay=0), MaximumPrefixes(4, restart_delay=60), UNSEEN),
}


# ------------------------------------------------------------------------------------ fields of a plan


class PlanRow(NamedTuple):
    value: Any
    look: Look | None = UNSEEN


_ACCEPT = PolicyRule(Verdict.ACCEPT)
PLAN_ROWS: dict[str, PlanRow] = {
    "node": PlanRow("another"),
    "local_as": PlanRow(65000),
    "cluster_id": PlanRow("7.7.7.7", received(NEAR, "BGP.cluster_list: 7.7.7.7")),
    "log_level": PlanRow("debug"),
    "listen": PlanRow((Listen("0.0.0.0", 1179),)),  # noqa: S104  inside a namespace of the test
    "suppressed": PlanRow((SuppressedSession("10.9.0.50", "10.9.0.50", "no password"),)),
    "policies": PlanRow(
        (
            ALL,
            NONE,
            Policy("row", (_ACCEPT,)),
            Policy("client", (PolicyRule(Verdict.ACCEPT, operations=(AddCommunity("64512:9"),)),)),
        ),
        received(OURS.prefix, "(64512,9)"),
    ),
    "originations": PlanRow((OURS, Origination("10.244.7.0/26", RouteSource.BLOCK)), received("10.244.7.0/26")),
    "kernel": PlanRow(KernelPlan(table=100)),
    "always_compare_med": PlanRow(True, received(WITH_MED, "BGP.as_path: 65101")),
    "resolve_next_hops": PlanRow(False, received(NOWHERE)),
}


# ----------------------------------------------------------------------------- what a policy is made of


class RuleRow(NamedTuple):
    """Two policies that differ in one field, and what BIRD receives after the change."""

    before: Policy
    after: Policy
    look: Look | None


def _accepting(**match: Any) -> Policy:
    return Policy("row", (PolicyRule(Verdict.ACCEPT, Match(**match)),))


def _doing(*operations: Operation) -> Policy:
    return Policy("row", (PolicyRule(Verdict.ACCEPT, operations=operations),))


def _no_longer(field: str, before: Any, after: Any, prefix: str = OURS.prefix) -> RuleRow:
    return RuleRow(_accepting(**{field: before}), _accepting(**{field: after}), not_received(prefix))


def _prefix(after: PrefixMatch) -> RuleRow:
    return _no_longer("prefix", PrefixMatch("10.244.0.0/16", 16, 32), after)


def _does(before: Operation, after: Operation, *texts: str) -> RuleRow:
    return RuleRow(_doing(before), _doing(after), received(OURS.prefix, *texts))


RULE_ROWS: dict[tuple[type[Value], str], RuleRow] = {
    (Policy, "name"): RuleRow(_doing(), Policy("renamed", (_ACCEPT,)), UNSEEN),
    (Policy, "rules"): RuleRow(_doing(), Policy("row"), not_received(OURS.prefix)),
    (PolicyRule, "verdict"): RuleRow(_doing(), Policy("row", (PolicyRule(Verdict.REJECT),)), not_received(OURS.prefix)),
    (PolicyRule, "match"): RuleRow(_doing(), _accepting(local_pref=5), not_received(OURS.prefix)),
    (PolicyRule, "operations"): RuleRow(
        _doing(), _doing(AddCommunity("64512:100")), received(OURS.prefix, "(64512,100)")
    ),
    (PolicyRule, "defined_by"): RuleRow(
        _doing(), Policy("row", (PolicyRule(Verdict.ACCEPT, defined_by="another"),)), UNSEEN
    ),
    (Match, "prefix"): _prefix(PrefixMatch("10.245.0.0/16", 16, 32)),
    (Match, "sources"): _no_longer("sources", (RouteSource.BLOCK,), (RouteSource.SERVICE,)),
    (Match, "session_type"): _no_longer("session_type", SessionType.IBGP, SessionType.EBGP),
    (Match, "interfaces"): _no_longer("interfaces", ("cali*",), ("eth*",)),
    (Match, "community"): _no_longer("community", "64512:7", "64512:8"),
    (Match, "as_path_prefix"): _no_longer("as_path_prefix", (65100,), (65200,), FAR),
    (Match, "local_pref"): _no_longer("local_pref", PRIORITY_BASE - OURS.priority, 100),
    (Match, "metric_below"): _no_longer("metric_below", OURS.priority + 1, OURS.priority),
    (PrefixMatch, "network"): _prefix(PrefixMatch("10.245.0.0/16", 16, 32)),
    (PrefixMatch, "min_length"): _prefix(PrefixMatch("10.244.0.0/16", 27, 32)),
    (PrefixMatch, "max_length"): _prefix(PrefixMatch("10.244.0.0/16", 16, 25)),
    (PrefixMatch, "negate"): _prefix(PrefixMatch("10.244.0.0/16", 16, 32, negate=True)),
    (AddCommunity, "community"): _does(AddCommunity("64512:100"), AddCommunity("64512:200"), "(64512,200)"),
    (RemoveCommunity, "community"): _does(RemoveCommunity("64512:7"), RemoveCommunity("64512:8"), "(64512,7)"),
    (PrependAsPath, "asns"): _does(PrependAsPath((65300,)), PrependAsPath((65301, 65302)), "as_path: 65301 65302"),
    (SetLocalPref, "local_pref"): _does(SetLocalPref(300), SetLocalPref(400), "BGP.local_pref: 400"),
    (SetNextHop, "next_hop"): _does(SetNextHop("10.9.0.8"), SetNextHop("10.9.0.9"), "BGP.next_hop: 10.9.0.9"),
    (SetMed, "med"): _does(SetMed(10), SetMed(20), "BGP.med: 20"),
}


# ---------------------------------------------------------------------------------- originated routes

ANOTHER = Origination("10.244.8.0/26", RouteSource.BLOCK)
ORIGINATION_ROWS: dict[str, tuple[Any, Look | None]] = {
    "prefix": ("10.244.9.0/26", received("10.244.9.0/26")),
    "source": (RouteSource.SERVICE, UNSEEN),
    "priority": (512, received(ANOTHER.prefix, f"BGP.local_pref: {PRIORITY_BASE - 512}")),
    "interface": ("cali2", UNSEEN),
    "next_hop": ("10.9.0.9", received(ANOTHER.prefix, "BGP.next_hop: 10.9.0.9")),
    "communities": (("64512:11",), received(ANOTHER.prefix, "(64512,11)")),
    "defined_by": ("another block", UNSEEN),
}


# ------------------------------------------------- what is for people, the FIB or the next start alone

_TUNNEL_ROUTE = TunnelRoute("10.70.0.0/26", "10.244.1.1", "b", "a pool")
_VTEP = Vtep("b", "10.9.0.2", "10.244.1.1", "66:00:00:00:00:02")
_VXLAN = VxlanPlan(4, "vxlan.calico", 4096, 4789, US, "10.244.0.1", "66:00:00:00:00:01", vteps=(_VTEP,))


class Aside(NamedTuple):
    """A value, where a plan has it, and another value for each of its fields."""

    value: Value
    place: Callable[[Any], dict[str, Any]]
    another: dict[str, Any]


ASIDE: dict[type[Value], Aside] = {
    SuppressedSession: Aside(
        SuppressedSession("10.9.0.51", "10.9.0.51", "no password"),
        lambda session: {"suppressed": (session,)},
        {"name": "10.9.0.52", "peer_address": "10.9.0.52", "reason": "a password that is too long"},
    ),
    Listen: Aside(
        Listen("0.0.0.0"),  # noqa: S104
        lambda listen: {"listen": (listen,)},
        {"address": US, "port": 1179},
    ),
    KernelPlan: Aside(
        KernelPlan(),
        lambda kernel: {"kernel": kernel},
        {
            "protocol": 180,
            "table": 100,
            "normal_priority_v4": 2048,
            "normal_priority_v6": 2048,
            "rules": (KernelRule("10.244.0.0/16", KernelVerdict.LEAVE),),
            "blackholes": ("10.244.0.0/26",),
            "local_subnets": ("10.9.0.0/16",),
            "host_routes": (HostRoute("192.168.7.7", "10.9.0.5"),),
            "excluded_next_hops": ("10.9.0.6",),
            "workload_networks": ("10.244.0.0/16",),
            "aggregated_blocks": ("10.244.0.0/26",),
            "allow_underlay_routes": ("10.9.0.0/16",),
            "vxlans": (_VXLAN,),
            "tunnel_routes": (_TUNNEL_ROUTE,),
            "ipip_address": "10.244.0.2",
            "ipip_mtu": 1400,
        },
    ),
    KernelRule: Aside(
        KernelRule("10.244.0.0/16", KernelVerdict.PROGRAM, Encapsulation.IPIP),
        lambda rule: {"kernel": KernelPlan(rules=(rule,))},
        {
            "network": "10.70.0.0/16",
            "verdict": KernelVerdict.LEAVE,
            "encapsulation": Encapsulation.VXLAN,
            "cross_subnet": True,
            "defined_by": "another pool",
        },
    ),
    HostRoute: Aside(
        HostRoute("192.168.7.7", "10.9.0.5"),
        lambda host: {"kernel": KernelPlan(host_routes=(host,))},
        {"address": "192.168.7.8", "gateway": "10.9.0.6", "defined_by": "another BGPPeer"},
    ),
    TunnelRoute: Aside(
        _TUNNEL_ROUTE,
        lambda route: {"kernel": KernelPlan(tunnel_routes=(route,))},
        {"prefix": "10.71.0.0/26", "gateway": "10.244.1.2", "node": "c", "defined_by": "another pool"},
    ),
    VxlanPlan: Aside(
        _VXLAN,
        lambda vxlan: {"kernel": KernelPlan(vxlans=(vxlan,))},
        {
            "family": 6,
            "device": "vxlan1",
            "vni": 4097,
            "port": 4790,
            "local_address": US_TOO,
            "tunnel_address": "10.244.0.3",
            "mac": "66:00:00:00:00:09",
            "mtu": 1400,
            "vteps": (),
        },
    ),
    Vtep: Aside(
        _VTEP,
        lambda vtep: {"kernel": KernelPlan(vxlans=(replace(_VXLAN, vteps=(vtep,)),))},
        {"node": "c", "node_address": "10.9.0.3", "tunnel_address": "10.244.1.2", "mac": "66:00:00:00:00:03"},
    ),
}

# What BIRD cannot show, and why; the test that shows it without BIRD.
NOT_WITH_BIRD: dict[tuple[type[Value], str], str] = {
    (NodePlan, "version"): "no speaker reads a plan of another version: tests/plan_diff/test_effects_on_speakers.py",
    (NodePlan, "listen"): "read at the start, so that the speaker is replaced: the same file",
    (
        SessionPlan,
        "role",
    ): "BIRD 2.0 has no roles (RFC 9234): that the session is made anew is seen, what was agreed is "
    "not: tests/reflector/test_roles.py",
    (SessionPlan, "role_strict"): "the same",
    (SessionPlan, "allow_martians"): "BIRD announces no martian: tests/reflector/test_martians.py",
    (SessionPlan, "discard_attributes"): "it applies to later UPDATEs: tests/reflector/test_opaque_attributes.py",
    (Password, "secret"): "BIRD resets its session when its own key changes, so only our key changes, and changes back "
    "before the hold time is over; both ends change in tests/session/test_password_rotation.py",
    (Password, "reference"): "no speaker is given one: tests/node_plan/test_plan_object.py",
}
