"""A plan of one node of a pair, and for each of its fields another value: what the tests of plan differences change."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from reflector.plan import (
    KernelPlan,
    Listen,
    MaximumPrefixes,
    NextHopMode,
    NodePlan,
    Origination,
    Password,
    Policy,
    PolicyRule,
    Role,
    RouteSource,
    SessionKind,
    SessionPlan,
    SuppressedSession,
    Verdict,
)

A, A2, B, B2 = "10.9.0.1", "10.9.0.11", "10.9.0.2", "10.9.0.12"
LOCAL_AS = 64512
ROUTE, OTHER_ROUTE = "10.244.0.0/26", "10.244.1.0/26"
NAME = "pair"
ALL = Policy("all", (PolicyRule(Verdict.ACCEPT, defined_by="all"),))
NONE = Policy("none", (PolicyRule(Verdict.REJECT, defined_by="none"),))


def pair_plan(own: str, peer: str) -> NodePlan:
    """One iBGP session that exports everything, one origination, two policies of which one is asked."""
    session = SessionPlan(
        NAME, SessionKind.NODE, peer, LOCAL_AS, LOCAL_AS, (4,), own, export_policies=("all",), hold_time=90
    )
    return NodePlan(
        node=own,
        router_id=own,
        listen=(Listen("0.0.0.0"),),  # noqa: S104  inside a namespace of the test
        sessions=(session,),
        policies=(ALL, NONE),
        originations=(Origination(ROUTE if own == A else OTHER_ROUTE, RouteSource.BLOCK),),
    )


# Another value for each field of the plan, and of its session.
PLAN_CHANGES: dict[str, Any] = {
    "node": "another",
    "router_id": "10.9.0.77",
    "local_as": 65000,
    "cluster_id": "9.9.9.9",
    "log_level": "debug",
    "listen": (Listen("0.0.0.0", 1179),),  # noqa: S104
    "sessions": (),
    "suppressed": (SuppressedSession("10.9.0.50", "10.9.0.50", "no password"),),
    "policies": (Policy("all", (PolicyRule(Verdict.REJECT, defined_by="maintenance"),)), NONE),
    "originations": (Origination("10.244.7.0/26", RouteSource.BLOCK),),
    "kernel": KernelPlan(table=100),
    "always_compare_med": True,
    "resolve_next_hops": False,
    "version": 3,
}
SESSION_CHANGES: dict[str, Any] = {
    "name": "another",
    "kind": SessionKind.MESH,
    "peer_address": B2,
    "peer_as": 64999,
    "local_as": 64998,
    "families": (4, 6),
    "local_address": A2,
    "peer_port": 1179,
    "peer_node": "b",
    "passive": True,
    "rr_client": True,
    "cluster_id": "9.9.9.9",
    "next_hop_mode": NextHopMode.SELF,
    "import_policies": ("none",),
    "export_policies": ("none",),
    "import_default": Verdict.REJECT,
    "export_default": Verdict.ACCEPT,
    "password": Password("hush-hush"),
    "ttl_security": 1,
    "allow_local_as": 1,
    "add_path": False,
    "add_path_limit": 2,
    "hold_time": 30,
    "keepalive_time": 5,
    "restart_time": 60,
    "long_lived_stale_time": 3600,
    "maximum_prefixes": MaximumPrefixes(100),
    "role": Role.PEER,
    "role_strict": True,
    "allow_martians": ("169.254.0.0/16",),
    "discard_attributes": (99,),
    "defined_by": "another BGPPeer",
}


def with_plan_field(plan: NodePlan, field: str) -> NodePlan:
    """The plan with another value in one field."""
    return replace(plan, **{field: PLAN_CHANGES[field]})


def with_session_field(plan: NodePlan, field: str) -> NodePlan:
    """The plan with another value in one field of its session."""
    (session,) = plan.sessions
    return replace(plan, sessions=(replace(session, **{field: SESSION_CHANGES[field]}),))
