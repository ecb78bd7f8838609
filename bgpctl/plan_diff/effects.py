"""What a change of each plan field does to a node that is running: the table, as data.

The rule is what the speaker does with a new plan. ExaBGP closes a session and makes it anew when the neighbour's
definition in exabgp.conf differs (`Neighbor.__eq__`, RFC 4486: Cease, Other Configuration Change). All other fields of
a session, and everything else of the plan, the engine and the FIB take up in place. Where to listen is read once.

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
    Value,
    Vtep,
    VxlanPlan,
)


class Effect(StrEnum):
    """From the mildest to the most severe.

    SOFT      sessions stay; what follows from the field is changed, and nothing else is looked at
    REFRESH   sessions stay; every route passes the policies again and peers are told what differs. Nothing is asked
              of a peer: the Adj-RIB-In has the routes as they came
    RESET     the session is closed with a Cease and made anew
    RESTART   without effect until the speaker is started again, which closes all its sessions
    """

    SOFT = "soft"
    REFRESH = "refresh"
    RESET = "reset"
    RESTART = "restart"


SEVERITY = {effect: place for place, effect in enumerate(Effect)}


def worst(effects: Iterable[Effect]) -> Effect:
    """The most severe of these; SOFT when there are none."""
    return max(effects, key=SEVERITY.__getitem__, default=Effect.SOFT)


class Row(NamedTuple):
    effect: Effect
    reason: str


SOFT, REFRESH, RESET, RESTART = Effect

_OPEN = "both ends agree on it when the session opens (OPEN)"
_CONNECTION = "it belongs to the TCP connection"
_TOLD = "shown to people only"
_POLICY = "every route passes the policies again"
_EXPORT = "what the peer is told is worked out again"
_ORIGINATION = "the route is announced again where peers see a difference"
_LIMIT = "it counts from the next route on; what was dropped is asked for again (ROUTE-REFRESH) if there is room now"
_KERNEL = "kernel routes that differ are replaced"
_DEVICE = "the device is made anew: traffic through it stops for that moment"
_DEVICE_SET = "the device that is there is set"
_FORWARDING = "the device's forwarding entries and the routes through it are replaced"

EFFECTS: dict[type[Value], dict[str, Row]] = {
    NodePlan: {
        "node": Row(SOFT, _TOLD),
        "router_id": Row(RESET, "it is this speaker's name in every OPEN: all sessions"),
        "local_as": Row(SOFT, "a session has its own local_as"),
        "cluster_id": Row(REFRESH, "it stands in the CLUSTER_LIST of what is reflected, and finds loops"),
        "log_level": Row(SOFT, "the agent's log follows at once, the speaker's at its next start"),
        "listen": Row(RESTART, "the speaker opens its listening sockets when it starts"),
        "sessions": Row(SOFT, "an added one comes up, a removed one is closed; for a changed one see SessionPlan"),
        "suppressed": Row(SOFT, _TOLD),
        "policies": Row(REFRESH, _POLICY),
        "originations": Row(SOFT, "announced and withdrawn one by one"),
        "kernel": Row(SOFT, "for the FIB; the speaker does not look at it"),
        "always_compare_med": Row(REFRESH, "every prefix with several routes is decided again"),
        "resolve_next_hops": Row(REFRESH, "every route with a next hop is looked at again"),
        "version": Row(RESTART, "a speaker reads plans of its own version"),
    },
    SessionPlan: {
        "name": Row(RESET, "it is what makes it this session: another name is another session"),
        "kind": Row(SOFT, _TOLD),
        "peer_address": Row(RESET, _CONNECTION),
        "peer_as": Row(RESET, _OPEN),
        "local_as": Row(RESET, _OPEN),
        "families": Row(RESET, _OPEN),
        "local_address": Row(RESET, _CONNECTION),
        "peer_port": Row(RESET, _CONNECTION),
        "peer_node": Row(SOFT, _TOLD),
        "passive": Row(RESET, "it decides who dials"),
        "rr_client": Row(REFRESH, "what is reflected to and from the peer is worked out again"),
        "cluster_id": Row(REFRESH, "it stands in the CLUSTER_LIST of what is reflected, and finds loops"),
        "next_hop_mode": Row(REFRESH, _EXPORT),
        "import_policies": Row(REFRESH, _POLICY),
        "export_policies": Row(REFRESH, _EXPORT),
        "import_default": Row(REFRESH, _POLICY),
        "export_default": Row(REFRESH, _EXPORT),
        "password": Row(RESET, "TCP-MD5 begins or ends with the connection; another key is set on it live"),
        "ttl_security": Row(RESET, _CONNECTION),
        "allow_local_as": Row(REFRESH, "routes that were refused for our own AS are looked at again"),
        "add_path": Row(RESET, _OPEN),
        "add_path_limit": Row(REFRESH, _EXPORT),
        "hold_time": Row(RESET, _OPEN),
        "keepalive_time": Row(SOFT, "it counts from the next KEEPALIVE on"),
        "restart_time": Row(RESET, _OPEN),
        "long_lived_stale_time": Row(RESET, _OPEN),
        "maximum_prefixes": Row(SOFT, _LIMIT),
        "role": Row(RESET, _OPEN),
        "role_strict": Row(RESET, _OPEN),
        "defined_by": Row(SOFT, _TOLD),
    },
    SuppressedSession: {
        "name": Row(SOFT, _TOLD),
        "peer_address": Row(SOFT, _TOLD),
        "reason": Row(SOFT, _TOLD),
    },
    Policy: {
        "name": Row(REFRESH, "sessions refer to it by name"),
        "rules": Row(REFRESH, _POLICY),
    },
    PolicyRule: {
        "verdict": Row(REFRESH, _POLICY),
        "match": Row(REFRESH, _POLICY),
        "operations": Row(REFRESH, _POLICY),
        "defined_by": Row(REFRESH, "a route remembers why it was accepted or refused; peers are told nothing"),
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
        Row(REFRESH, _POLICY),
    ),
    PrefixMatch: dict.fromkeys(("network", "min_length", "max_length", "negate"), Row(REFRESH, _POLICY)),
    AddCommunity: {"community": Row(REFRESH, _POLICY)},
    RemoveCommunity: {"community": Row(REFRESH, _POLICY)},
    PrependAsPath: {"asns": Row(REFRESH, _POLICY)},
    SetLocalPref: {"local_pref": Row(REFRESH, _POLICY)},
    SetNextHop: {"next_hop": Row(REFRESH, _POLICY)},
    SetMed: {"med": Row(REFRESH, _POLICY)},
    MaximumPrefixes: dict.fromkeys(("limit", "action", "warning_percent", "restart_delay"), Row(SOFT, _LIMIT)),
    Password: {"secret": Row(SOFT, "set on the living connection; the other end must follow within the hold time")},
    Origination: {
        "prefix": Row(SOFT, "it is what makes it this route: the old prefix is withdrawn, the new one announced"),
        "source": Row(SOFT, _ORIGINATION),
        "priority": Row(SOFT, _ORIGINATION),
        "interface": Row(SOFT, _ORIGINATION),
        "next_hop": Row(SOFT, _ORIGINATION),
        "communities": Row(SOFT, _ORIGINATION),
        "defined_by": Row(SOFT, _TOLD),
    },
    Listen: {
        "address": Row(RESTART, "the speaker opens its listening sockets when it starts"),
        "port": Row(RESTART, "the speaker opens its listening sockets when it starts"),
    },
    KernelPlan: {
        "protocol": Row(SOFT, _KERNEL),
        "table": Row(SOFT, "kernel routes move from one table to the other"),
        "normal_priority_v4": Row(SOFT, "blackholes and host routes of IPv4 get another metric"),
        "normal_priority_v6": Row(SOFT, "blackholes and host routes of IPv6 get another metric"),
        "rules": Row(SOFT, _KERNEL),
        "blackholes": Row(SOFT, _KERNEL),
        "local_subnets": Row(SOFT, "it decides anew which next hops need a tunnel"),
        "host_routes": Row(SOFT, _KERNEL),
        "excluded_next_hops": Row(SOFT, _KERNEL),
        "vxlans": Row(SOFT, "devices are made, set and removed one by one; see VxlanPlan"),
        "ipip_address": Row(SOFT, "tunl0 is given the new address; a former one stays on it"),
        "ipip_mtu": Row(SOFT, _DEVICE_SET),
    },
    KernelRule: {
        "network": Row(SOFT, _KERNEL),
        "verdict": Row(SOFT, "kernel routes inside the network are installed, or taken back"),
        "encapsulation": Row(SOFT, "kernel routes inside the network go through another device"),
        "cross_subnet": Row(SOFT, "kernel routes inside the network go through another device"),
        "defined_by": Row(SOFT, _TOLD),
    },
    HostRoute: {
        "address": Row(SOFT, _KERNEL),
        "gateway": Row(SOFT, _KERNEL),
        "defined_by": Row(SOFT, _TOLD),
    },
    VxlanPlan: {
        "family": Row(SOFT, _DEVICE),
        "device": Row(SOFT, _DEVICE),
        "vni": Row(SOFT, _DEVICE),
        "port": Row(SOFT, _DEVICE),
        "local_address": Row(SOFT, _DEVICE),
        "tunnel_address": Row(SOFT, _DEVICE_SET),
        "mac": Row(SOFT, _DEVICE_SET),
        "mtu": Row(SOFT, _DEVICE_SET),
        "vteps": Row(SOFT, _FORWARDING),
    },
    Vtep: {
        "node": Row(SOFT, _TOLD),
        "node_address": Row(SOFT, _FORWARDING),
        "tunnel_address": Row(SOFT, _FORWARDING),
        "mac": Row(SOFT, _FORWARDING),
    },
}


def effect_of(kind: type[Value], field: str) -> Row:
    """The row of one field. Raises KeyError for a field that the table does not have: that is a bug of ours."""
    return EFFECTS[kind][field]
