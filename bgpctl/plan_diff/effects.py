"""What a change of each plan field does to a node that is running: the table, as data.

The rule is what the speaker does with a new plan. ExaBGP closes a session and makes it anew when the neighbour's
definition in exabgp.conf differs (`Neighbor.__eq__`, RFC 4486: Cease, Other Configuration Change). All other fields of
a session, and everything else of the plan, the engine and the FIB take up in place. What is read once, at the
start (reflector.plan.READ_AT_START), makes the agent replace the speaker.

`tests/plan_diff` holds each row against a speaker that runs, beside another one and beside BIRD 2, and the table
against the fields that there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from reflector.plan import (
    AddCommunity,
    HostRoute,
    KernelPlan,
    KernelRule,
    Listen,
    Match,
    MaximumPrefixes,
    NodePlan,
    Origination,
    Password,
    Policy,
    PolicyRule,
    PrefixMatch,
    PrependAsPath,
    RemoveCommunity,
    SessionPlan,
    SetLocalPref,
    SetMed,
    SetNextHop,
    SuppressedSession,
    TunnelRoute,
    Value,
    Vtep,
    VxlanPlan,
)


class Effect(StrEnum):
    """From the mildest to the most severe.

    SOFT      sessions stay; only what follows from the field changes
    REFRESH   sessions stay; policies are evaluated for every route, and what differs is advertised. Nothing is
              requested from a peer: the Adj-RIB-In has the routes as they were received
    RESET     the session is closed with a Cease and set up anew
    REPLACE   the agent replaces the speaker at once: every session is closed and set up anew
    """

    SOFT = "soft"
    REFRESH = "refresh"
    RESET = "reset"
    REPLACE = "replace"


# The effects with which a session is closed and set up anew.
RESETTING = frozenset({Effect.RESET, Effect.REPLACE})
SEVERITY = {effect: place for place, effect in enumerate(Effect)}


def worst(effects: Iterable[Effect]) -> Effect:
    """The most severe of these; SOFT when there are none."""
    return max(effects, key=SEVERITY.__getitem__, default=Effect.SOFT)


class EffectRow(NamedTuple):
    effect: Effect
    reason: str


SOFT, REFRESH, RESET, REPLACE = Effect

_OPEN = "both ends agree on it when the session opens (OPEN)"
_CONNECTION = "it belongs to the TCP connection"
_SHOWN = "only shown to people"
_AT_START = "the speaker opens its listening sockets when it starts, so it is replaced at once"
_POLICY = "the policies are evaluated for every route"
_EXPORT = "what is advertised to the peer is computed again"
_ORIGINATION = "the route is readvertised to peers for which it differs"
_LIMIT = "it applies from the next route on; dropped routes are requested (ROUTE-REFRESH) if the limit allows it now"
_KERNEL = "kernel routes that differ are replaced"
_WORKLOADS = "routes of workloads in the kernel are originated or withdrawn one by one"
_DEVICE = "the device is created anew: traffic through it is interrupted for a moment"
_DEVICE_SET = "the existing device is changed"
_FORWARDING = "the device's forwarding entries and the routes through it are replaced"

EFFECTS: dict[type[Value], dict[str, EffectRow]] = {
    NodePlan: {
        "node": EffectRow(SOFT, _SHOWN),
        "router_id": EffectRow(RESET, "it is in the OPEN of every session: all sessions are reset"),
        "local_as": EffectRow(SOFT, "a session has its own local_as"),
        "cluster_id": EffectRow(REFRESH, "it stands in the CLUSTER_LIST of what is reflected, and finds loops"),
        "log_level": EffectRow(SOFT, "the agent's log changes at once, the speaker's at its next start"),
        "listen": EffectRow(REPLACE, _AT_START),
        "sessions": EffectRow(SOFT, "an added one is set up, a removed one is closed; a changed one: see SessionPlan"),
        "suppressed": EffectRow(SOFT, _SHOWN),
        "policies": EffectRow(REFRESH, _POLICY),
        "originations": EffectRow(SOFT, "advertised and withdrawn one by one"),
        "kernel": EffectRow(SOFT, "for the FIB; the speaker does not use it"),
        "always_compare_med": EffectRow(REFRESH, "the decision is made anew for every prefix with several routes"),
        "resolve_next_hops": EffectRow(REFRESH, "every route with a next hop is evaluated anew"),
        "version": EffectRow(REPLACE, "a speaker reads plans of its own version"),
    },
    SessionPlan: {
        "name": EffectRow(RESET, "the name identifies the session: another name is another session"),
        "kind": EffectRow(SOFT, _SHOWN),
        "peer_address": EffectRow(RESET, _CONNECTION),
        "peer_as": EffectRow(RESET, _OPEN),
        "local_as": EffectRow(RESET, _OPEN),
        "families": EffectRow(RESET, _OPEN),
        "local_address": EffectRow(RESET, _CONNECTION),
        "peer_port": EffectRow(RESET, _CONNECTION),
        "peer_node": EffectRow(SOFT, _SHOWN),
        "passive": EffectRow(RESET, "it decides which end connects"),
        "rr_client": EffectRow(REFRESH, "what is reflected to and from the peer is computed again"),
        "cluster_id": EffectRow(REFRESH, "it stands in the CLUSTER_LIST of what is reflected, and finds loops"),
        "next_hop_mode": EffectRow(REFRESH, _EXPORT),
        "import_policies": EffectRow(REFRESH, _POLICY),
        "export_policies": EffectRow(REFRESH, _EXPORT),
        "import_default": EffectRow(REFRESH, _POLICY),
        "export_default": EffectRow(REFRESH, _EXPORT),
        "password": EffectRow(RESET, "TCP-MD5 begins or ends with the connection; another key is set on it live"),
        "ttl_security": EffectRow(RESET, _CONNECTION),
        "allow_local_as": EffectRow(REFRESH, "routes that were rejected for our own AS are evaluated anew"),
        "add_path": EffectRow(RESET, _OPEN),
        "add_path_limit": EffectRow(REFRESH, _EXPORT),
        "hold_time": EffectRow(RESET, _OPEN),
        "keepalive_time": EffectRow(SOFT, "it applies from the next KEEPALIVE on"),
        "restart_time": EffectRow(RESET, _OPEN),
        "long_lived_stale_time": EffectRow(RESET, _OPEN),
        "maximum_prefixes": EffectRow(SOFT, _LIMIT),
        "allow_martians": EffectRow(REFRESH, _POLICY),
        "discard_attributes": EffectRow(SOFT, "it applies from the next UPDATE of the peer on"),
        "role": EffectRow(RESET, _OPEN),
        "role_strict": EffectRow(RESET, _OPEN),
        "defined_by": EffectRow(SOFT, _SHOWN),
    },
    SuppressedSession: {
        "name": EffectRow(SOFT, _SHOWN),
        "peer_address": EffectRow(SOFT, _SHOWN),
        "reason": EffectRow(SOFT, _SHOWN),
    },
    Policy: {
        "name": EffectRow(REFRESH, "sessions refer to it by name"),
        "rules": EffectRow(REFRESH, _POLICY),
    },
    PolicyRule: {
        "verdict": EffectRow(REFRESH, _POLICY),
        "match": EffectRow(REFRESH, _POLICY),
        "operations": EffectRow(REFRESH, _POLICY),
        "defined_by": EffectRow(REFRESH, "a route keeps the rule that accepted or rejected it; nothing is advertised"),
    },
    Match: dict.fromkeys(
        (
            "prefix",
            "sources",
            "session_type",
            "interfaces",
            "community",
            "as_path_prefix",
            "local_pref",
            "metric_below",
        ),
        EffectRow(REFRESH, _POLICY),
    ),
    PrefixMatch: dict.fromkeys(("network", "min_length", "max_length", "negate"), EffectRow(REFRESH, _POLICY)),
    AddCommunity: {"community": EffectRow(REFRESH, _POLICY)},
    RemoveCommunity: {"community": EffectRow(REFRESH, _POLICY)},
    PrependAsPath: {"asns": EffectRow(REFRESH, _POLICY)},
    SetLocalPref: {"local_pref": EffectRow(REFRESH, _POLICY)},
    SetNextHop: {"next_hop": EffectRow(REFRESH, _POLICY)},
    SetMed: {"med": EffectRow(REFRESH, _POLICY)},
    MaximumPrefixes: dict.fromkeys(("limit", "action", "warning_percent", "restart_delay"), EffectRow(SOFT, _LIMIT)),
    Password: {
        "secret": EffectRow(SOFT, "set on the open connection; the other end must follow within the hold time"),
        "reference": EffectRow(SOFT, "the agent reads the key there, and no speaker is given it"),
    },
    Origination: {
        "prefix": EffectRow(SOFT, "the prefix identifies the route: the old one is withdrawn, the new one advertised"),
        "source": EffectRow(SOFT, _ORIGINATION),
        "priority": EffectRow(SOFT, _ORIGINATION),
        "interface": EffectRow(SOFT, _ORIGINATION),
        "next_hop": EffectRow(SOFT, _ORIGINATION),
        "communities": EffectRow(SOFT, _ORIGINATION),
        "defined_by": EffectRow(SOFT, _SHOWN),
    },
    Listen: {
        "address": EffectRow(REPLACE, _AT_START),
        "port": EffectRow(REPLACE, _AT_START),
    },
    KernelPlan: {
        "protocol": EffectRow(SOFT, _KERNEL),
        "table": EffectRow(SOFT, "kernel routes move from one table to the other"),
        "normal_priority_v4": EffectRow(SOFT, "blackholes and host routes of IPv4 get another metric"),
        "normal_priority_v6": EffectRow(SOFT, "blackholes and host routes of IPv6 get another metric"),
        "rules": EffectRow(SOFT, _KERNEL),
        "blackholes": EffectRow(SOFT, _KERNEL),
        "local_subnets": EffectRow(SOFT, "which next hops need a tunnel is decided anew"),
        "host_routes": EffectRow(SOFT, _KERNEL),
        "excluded_next_hops": EffectRow(SOFT, _KERNEL),
        "workload_networks": EffectRow(SOFT, _WORKLOADS),
        "aggregated_blocks": EffectRow(SOFT, _WORKLOADS),
        "allow_underlay_routes": EffectRow(SOFT, _KERNEL),
        "vxlans": EffectRow(SOFT, "devices are created, changed and removed one by one; see VxlanPlan"),
        "tunnel_routes": EffectRow(SOFT, _KERNEL),
        "ipip_address": EffectRow(SOFT, "tunl0 is given the new address; a former one stays on it"),
        "ipip_mtu": EffectRow(SOFT, _DEVICE_SET),
    },
    KernelRule: {
        "network": EffectRow(SOFT, _KERNEL),
        "verdict": EffectRow(SOFT, "kernel routes inside the network are installed or removed"),
        "encapsulation": EffectRow(SOFT, "kernel routes inside the network go through another device"),
        "cross_subnet": EffectRow(SOFT, "kernel routes inside the network go through another device"),
        "defined_by": EffectRow(SOFT, _SHOWN),
    },
    HostRoute: {
        "address": EffectRow(SOFT, _KERNEL),
        "gateway": EffectRow(SOFT, _KERNEL),
        "defined_by": EffectRow(SOFT, _SHOWN),
    },
    TunnelRoute: {
        "prefix": EffectRow(SOFT, _KERNEL),
        "gateway": EffectRow(SOFT, _KERNEL),
        "node": EffectRow(SOFT, _SHOWN),
        "defined_by": EffectRow(SOFT, _SHOWN),
    },
    VxlanPlan: {
        "family": EffectRow(SOFT, _DEVICE),
        "device": EffectRow(SOFT, _DEVICE),
        "vni": EffectRow(SOFT, _DEVICE),
        "port": EffectRow(SOFT, _DEVICE),
        "local_address": EffectRow(SOFT, _DEVICE),
        "tunnel_address": EffectRow(SOFT, _DEVICE_SET),
        "mac": EffectRow(SOFT, _DEVICE_SET),
        "mtu": EffectRow(SOFT, _DEVICE_SET),
        "vteps": EffectRow(SOFT, _FORWARDING),
    },
    Vtep: {
        "node": EffectRow(SOFT, _SHOWN),
        "node_address": EffectRow(SOFT, _FORWARDING),
        "tunnel_address": EffectRow(SOFT, _FORWARDING),
        "mac": EffectRow(SOFT, _FORWARDING),
    },
}


def effect_of(kind: type[Value], field: str) -> EffectRow:
    """The row of one field. Raises KeyError for a field that the table does not have: that is a bug of ours."""
    return EFFECTS[kind][field]
