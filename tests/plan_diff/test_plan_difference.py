"""What diff_plans says of two plans of one node."""

from __future__ import annotations

import msgspec
import pytest
from changed_fields import (
    ALL,
    NAME,
    PLAN_CHANGES,
    ROUTE,
    SESSION_CHANGES,
    A,
    B,
    pair_plan,
    with_plan_field,
    with_session_field,
)
from compiler_makers import annotated, bgp_peer, compiled, configuration, node
from msgspec.structs import replace

from bgpctl.plan_diff import diff_plans
from bgpctl.plan_diff.difference import ChangeKind, PlanDifference, SessionChange, VerdictChange
from bgpctl.plan_diff.effects import EFFECTS, Effect
from reflector.plan import (
    AddCommunity,
    Encapsulation,
    Family,
    HostRoute,
    KernelPlan,
    KernelRule,
    KernelVerdict,
    NodePlan,
    Origination,
    Password,
    Policy,
    PolicyRule,
    Role,
    RouteSource,
    SessionPlan,
    SuppressedSession,
    Verdict,
    Vtep,
    VxlanPlan,
)

BASE = pair_plan(A, B)


def only_session(difference: PlanDifference) -> SessionChange:
    (session,) = difference.sessions
    return session


def with_kernel(**fields: object) -> NodePlan:
    return replace(BASE, kernel=KernelPlan(**fields))  # type: ignore[arg-type]  # the test varies fields by name


def vxlan(*vteps: Vtep, **fields: object) -> VxlanPlan:
    given = {"vni": 4096, "port": 4789, "local_address": A, "tunnel_address": "10.244.0.1", "mac": "02:00:00:00:00:01"}
    return VxlanPlan(family=4, device="vxlan.calico", vteps=vteps, **(given | fields))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ laws


def test_equal_plans_have_no_difference() -> None:
    assert not diff_plans(BASE, pair_plan(A, B))


@pytest.mark.parametrize("field", PLAN_CHANGES)
def test_no_plan_field_changes_unseen(field: str) -> None:
    assert diff_plans(BASE, with_plan_field(BASE, field))


@pytest.mark.parametrize("field", SESSION_CHANGES)
def test_no_session_field_changes_unseen(field: str) -> None:
    assert diff_plans(BASE, with_session_field(BASE, field)).sessions


@pytest.mark.parametrize(
    "plan",
    [
        replace(BASE, policies=BASE.policies[::-1]),
        with_kernel(blackholes=("10.0.0.0/26", "10.0.0.64/26")),
        with_kernel(vxlans=(vxlan(Vtep("b", B, "10.244.1.1", ""), Vtep("c", "10.9.0.3", "10.244.2.1", "")),)),
    ],
    ids=["policies", "blackholes", "vteps"],
)
def test_another_order_is_a_difference(plan: NodePlan) -> None:
    reverse = {
        "policies": plan.policies[::-1],
        "kernel": replace(
            plan.kernel,
            blackholes=plan.kernel.blackholes[::-1],
            vxlans=tuple(replace(each, vteps=each.vteps[::-1]) for each in plan.kernel.vxlans),
        ),
    }
    assert "in another order" in {each.after for each in diff_plans(plan, replace(plan, **reverse)).fields}


@pytest.mark.parametrize("field", ["sessions", "suppressed", "policies", "originations"])
def test_the_way_back_takes_what_the_way_there_brings(field: str) -> None:
    changed = with_plan_field(BASE, field)
    there, back = diff_plans(BASE, changed), diff_plans(changed, BASE)
    opposite = {
        ChangeKind.ADDED: ChangeKind.REMOVED,
        ChangeKind.REMOVED: ChangeKind.ADDED,
        ChangeKind.CHANGED: ChangeKind.CHANGED,
    }
    assert {(each.name, opposite[each.change]) for each in getattr(there, field)} == {
        (each.name, each.change) for each in getattr(back, field)
    }


# -------------------------------------------------------------------------------------------- sessions


@pytest.mark.parametrize("field", [field for field in SESSION_CHANGES if field != "name"])
def test_a_session_field_has_the_effect_that_the_table_says(field: str) -> None:
    changed = only_session(diff_plans(BASE, with_session_field(BASE, field)))
    row = EFFECTS[SessionPlan][field]
    assert changed.effect is row.effect
    assert [(each.field, each.effect, each.reason) for each in changed.fields] == [(field, row.effect, row.reason)]


def test_the_most_severe_of_several_fields_counts() -> None:
    changed = replace(BASE, sessions=(replace(BASE.sessions[0], hold_time=30, defined_by="other", allow_local_as=1),))
    session = only_session(diff_plans(BASE, changed))
    assert session.effect is Effect.RESET
    assert [each.field for each in session.fields] == ["allow_local_as", "hold_time", "defined_by"]


def test_a_changed_session_names_who_asks_for_it_now() -> None:
    changed = replace(BASE, sessions=(replace(BASE.sessions[0], defined_by="BGPPeer tor", hold_time=30),))
    assert only_session(diff_plans(BASE, changed)).defined_by == "BGPPeer tor"


def test_another_router_id_resets_every_session() -> None:
    other = replace(BASE.sessions[0], name="other", peer_address="10.9.0.3")
    plan = replace(BASE, sessions=(*BASE.sessions, other))
    assert diff_plans(plan, with_plan_field(plan, "router_id")).reset == (NAME, "other")


@pytest.mark.parametrize(
    ("old", "new", "texts", "effect"),
    [
        (None, Password("hush"), ("none", "set"), Effect.RESET),
        (Password("hush"), None, ("set", "none"), Effect.RESET),
        (Password("hush"), Password("other-hush"), ("set", "set"), Effect.SOFT),
    ],
)
def test_a_password_shows_only_that_it_changed(
    old: Password | None, new: Password | None, texts: tuple[str, str], effect: Effect
) -> None:
    before, after = (replace(BASE, sessions=(replace(BASE.sessions[0], password=each),)) for each in (old, new))
    difference = diff_plans(before, after)
    (field,) = only_session(difference).fields
    assert (field.field, field.before, field.after, field.effect) == ("password", *texts, effect)
    assert b"hush" not in msgspec.json.encode(difference)


def test_a_session_that_becomes_held_is_removed_and_the_reason_is_there() -> None:
    session = SuppressedSession(NAME, B, "BGPPeer b: Secret kube-system/bgp does not exist")
    difference = diff_plans(BASE, replace(BASE, sessions=(), suppressed=(session,)))
    assert difference.removed == (NAME,)
    assert [(each.change, each.reason) for each in difference.suppressed] == [(ChangeKind.ADDED, session.reason)]


# -------------------------------------------------------------------------------------------- policies


def test_a_changed_policy_refreshes_the_sessions_that_ask_it_and_no_other() -> None:
    other = replace(BASE.sessions[0], name="other", peer_address="10.9.0.3", export_policies=("none",))
    plan = replace(BASE, sessions=(*BASE.sessions, other))
    difference = diff_plans(plan, with_plan_field(plan, "policies"))
    (policy,) = difference.policies
    assert (policy.name, policy.sessions) == ("all", (NAME,))
    assert [(each.name, each.effect, each.policies) for each in difference.sessions] == [
        (NAME, Effect.REFRESH, ("all",))
    ]


def test_a_changed_policy_shows_the_rules_that_go_and_come() -> None:
    added = PolicyRule(Verdict.REJECT, defined_by="maintenance")
    changed = replace(BASE, policies=(Policy("all", (added, *ALL.rules)), BASE.policies[1]))
    (policy,) = diff_plans(BASE, changed).policies
    assert (policy.rules_removed, policy.rules_added) == ((), ("reject everything: maintenance",))


def verdicts(old: NodePlan, new: NodePlan) -> tuple[VerdictChange, ...]:
    return diff_plans(old, new).verdicts


def test_a_route_that_a_policy_withholds_from_now_on_is_named() -> None:
    assert verdicts(BASE, with_plan_field(BASE, "policies")) == (
        VerdictChange((ROUTE,), (NAME,), "advertised", "withheld: rejected by an export policy (maintenance)"),
    )


def test_a_route_that_gets_another_community_is_named() -> None:
    tag = PolicyRule(Verdict.CONTINUE, operations=(AddCommunity("65000:1"),))
    tagging = replace(BASE, policies=(Policy("all", (tag, *ALL.rules)), BASE.policies[1]))
    assert [(each.before, each.after) for each in verdicts(BASE, tagging)] == [
        ("advertised, communities none", "advertised, communities 65000:1")
    ]


def test_no_export_withholds_a_route_from_another_as() -> None:
    """RFC 1997: the engine's own rule, which no policy names."""
    external = replace(BASE, sessions=(replace(BASE.sessions[0], peer_as=65001),))
    quiet = replace(external, originations=(replace(BASE.originations[0], communities=("65535:65281",)),))
    assert [each.after for each in verdicts(external, quiet)] == ["withheld: community NO_EXPORT towards another AS"]


def between_ipv6(*families: Family) -> NodePlan:
    """The plan with its session between IPv6 addresses, carrying these."""
    session = replace(BASE.sessions[0], peer_address="fd00::2", local_address="fd00::1", families=families)
    return replace(BASE, sessions=(session,))


def test_routes_of_a_family_that_a_session_begins_to_carry_are_foretold() -> None:
    """RFC 8950: the IPv6 address of the session is the next hop of IPv4 routes."""
    expected = VerdictChange((ROUTE,), (NAME,), "not carried on the session", "advertised")
    assert verdicts(between_ipv6(6), between_ipv6(4, 6)) == (expected,)
    assert [(each.before, each.after) for each in verdicts(between_ipv6(4, 6), between_ipv6(6))] == [
        ("advertised", "not carried on the session")
    ]


def test_ipv6_routes_on_an_ipv4_session_are_foretold_to_stay() -> None:
    """There is no IPv4 next hop for IPv6 routes: what the session begins to carry is not this node's own."""
    six = replace(BASE, originations=(Origination("fd10::/122", RouteSource.BLOCK),))
    assert verdicts(six, replace(six, sessions=(replace(six.sessions[0], families=(4, 6)),))) == ()


def test_a_role_that_marks_routes_is_foretold() -> None:
    """RFC 9234 5: our AS in ONLY_TO_CUSTOMER towards customers, nothing towards providers."""
    external = replace(BASE, sessions=(replace(BASE.sessions[0], peer_as=65001),))

    def with_role(role: Role) -> NodePlan:
        return replace(external, sessions=(replace(external.sessions[0], role=role),))

    assert [(each.before, each.after) for each in verdicts(external, with_role(Role.PROVIDER))] == [
        ("advertised, ONLY_TO_CUSTOMER none", "advertised, ONLY_TO_CUSTOMER 64512")
    ]
    assert verdicts(external, with_role(Role.CUSTOMER)) == ()


@pytest.mark.parametrize(
    ("annotations", "effect", "shown"),
    [
        ({"maximum_prefixes": "10"}, Effect.SOFT, "none -> 10 prefixes, else cease (warns at 75 %)"),
        ({"maximum_prefixes": "10 drop"}, Effect.SOFT, "none -> 10 prefixes, else drop (warns at 75 %)"),
        ({"role": "customer"}, Effect.RESET, "none -> customer"),
        ({"long_lived_stale_time": "1h"}, Effect.RESET, "0 -> 3600"),
        ({"add_path": "2"}, Effect.REFRESH, "0 -> 2"),
        ({"add_path": "off"}, Effect.RESET, "yes -> no"),
        ({"hold_time": "30s"}, Effect.RESET, "240 -> 30"),
        ({"families": "ipv4,ipv6"}, Effect.RESET, "4 -> 4, 6"),
    ],
)
def test_an_annotation_has_the_effect_of_the_field_that_it_becomes(
    annotations: dict[str, str], effect: Effect, shown: str
) -> None:
    plain = bgp_peer("p", peerIP=B, asNumber=65001)
    one, other = (compiled("n", node("n", A), each) for each in (plain, annotated(plain, **annotations)))

    found = only_session(diff_plans(one, other))

    assert found.effect is effect
    assert shown in [f"{each.before} -> {each.after}" for each in found.fields]


def test_an_annotation_of_the_decision_looks_at_all_routes_again() -> None:
    resources = node("n", A), bgp_peer("p", peerIP=B, asNumber=65001)
    one, other = (
        compiled("n", *resources, annotated(configuration(), **annotations))
        for annotations in ({}, {"always_compare_med": "true"})
    )

    (field,) = diff_plans(one, other).fields

    assert (field.field, field.effect) == ("always_compare_med", Effect.REFRESH)


def test_a_rule_that_decides_nothing_new_changes_no_verdict() -> None:
    doubled = replace(BASE, policies=(Policy("all", (*ALL.rules, *ALL.rules)), BASE.policies[1]))
    assert verdicts(BASE, doubled) == ()


def test_routes_and_sessions_with_one_fate_stand_together() -> None:
    other = replace(BASE.sessions[0], name="other", peer_address="10.9.0.3")
    routes = (*BASE.originations, Origination("10.244.9.0/26", RouteSource.BLOCK))
    plan = replace(BASE, sessions=(*BASE.sessions, other), originations=routes)
    (change,) = verdicts(plan, with_plan_field(plan, "policies"))
    assert (change.prefixes, change.sessions) == ((ROUTE, "10.244.9.0/26"), (NAME, "other"))


# ------------------------------------------------------------------------------- originations and kernel


def test_originations_come_go_and_change() -> None:
    kept, gone = Origination(ROUTE, RouteSource.BLOCK), Origination("10.244.5.0/26", RouteSource.BLOCK)
    come = Origination("10.96.0.0/12", RouteSource.SERVICE, defined_by="BGPConfiguration serviceClusterIPs")
    old = replace(BASE, originations=(kept, gone))
    new = replace(BASE, originations=(replace(kept, priority=512), come))
    assert [(each.name, each.change, each.defined_by) for each in diff_plans(old, new).originations] == [
        (ROUTE, ChangeKind.CHANGED, ""),
        ("10.96.0.0/12", ChangeKind.ADDED, "BGPConfiguration serviceClusterIPs"),
        ("10.244.5.0/26", ChangeKind.REMOVED, ""),
    ]


@pytest.mark.parametrize(
    ("fields", "kind", "name"),
    [
        ({"rules": (KernelRule("10.244.0.0/16", KernelVerdict.LEAVE),)}, "rule", "10.244.0.0/16"),
        ({"blackholes": (ROUTE,)}, "blackhole", ROUTE),
        ({"local_subnets": ("10.9.0.0/24",)}, "local subnet", "10.9.0.0/24"),
        ({"host_routes": (HostRoute("192.0.2.1", "10.9.0.254"),)}, "host route", "192.0.2.1"),
        ({"excluded_next_hops": (B,)}, "excluded next hop", B),
        ({"vxlans": (vxlan(),)}, "vxlan", "vxlan.calico"),
    ],
)
def test_entries_for_the_kernel_come_and_go(fields: dict[str, object], kind: str, name: str) -> None:
    changed = with_kernel(**fields)
    assert [(each.kind, each.name, each.change) for each in diff_plans(BASE, changed).kernel] == [
        (kind, name, ChangeKind.ADDED)
    ]
    assert [(each.kind, each.name, each.change) for each in diff_plans(changed, BASE).kernel] == [
        (kind, name, ChangeKind.REMOVED)
    ]


def test_a_kernel_rule_says_what_of_it_changed() -> None:
    rule = KernelRule("10.244.0.0/16", KernelVerdict.PROGRAM, Encapsulation.VXLAN)
    (change,) = diff_plans(
        with_kernel(rules=(rule,)), with_kernel(rules=(replace(rule, encapsulation=Encapsulation.NONE),))
    ).kernel
    assert [(each.field, each.before, each.after) for each in change.fields] == [("encapsulation", "vxlan", "none")]


def test_one_end_of_the_vxlan_is_one_change_whatever_else_is_there() -> None:
    b, c = Vtep("b", B, "10.244.1.1", "02:00:00:00:00:02"), Vtep("c", "10.9.0.3", "10.244.2.1", "02:00:00:00:00:03")
    (change,) = diff_plans(with_kernel(vxlans=(vxlan(b),)), with_kernel(vxlans=(vxlan(b, c),))).kernel
    assert (change.kind, change.name, change.change) == ("vtep of vxlan.calico", "c", ChangeKind.ADDED)


def test_a_field_of_the_kernel_plan_carries_its_place() -> None:
    (field,) = diff_plans(BASE, with_kernel(table=100)).fields
    assert (field.field, field.before, field.after) == ("kernel.table", "254", "100")


def test_two_rules_for_one_network_are_two_entries() -> None:
    leave = KernelRule("10.96.0.0/12", KernelVerdict.LEAVE, defined_by="service network")
    pool = KernelRule("10.96.0.0/12", KernelVerdict.PROGRAM, defined_by="IPPool")
    difference = diff_plans(with_kernel(rules=(leave,)), with_kernel(rules=(leave, pool)))
    assert [(each.name, each.defined_by) for each in difference.kernel] == [("10.96.0.0/12 (2)", "IPPool")]
