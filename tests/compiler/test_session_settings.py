"""What annotations say, in the plans of both ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiler_makers import (
    annotated,
    ask,
    bgp_filter,
    bgp_peer,
    block,
    compiled,
    configuration,
    exports,
    learned,
    node,
    policy,
    pool,
    session,
)

from bgpctl.compiler import CompileOptions, LocalWorkload, compile_node
from bgpctl.compiler.rendering.plan_text import render_plan
from bgpctl.resources import parse_documents
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.plan import LimitAction, MaximumPrefixes, NodePlan, Role, SessionPlan

SAMPLES = Path(__file__).parents[2] / "config" / "samples"
A, B = node("a", "10.0.0.1/24", "fd00::1/64"), node("b", "10.0.0.2/24", "fd00::2/64")
NO_MESH = configuration(nodeToNodeMeshEnabled=False)
TOR, TOR6 = "192.0.2.1", "2001:db8::1"


def to_tor(asn: int = 65001, peer_ip: str = TOR, spec: dict[str, object] | None = None, **values: str) -> SessionPlan:
    """The session that node a gets out of a BGPPeer with these annotations."""
    peer = annotated(bgp_peer("tor", peerIP=peer_ip, asNumber=asn, **(spec or {})), **values)
    return session(compiled("a", A, NO_MESH, peer), peer_ip)


# ------------------------------------------------------------------------------------------ each of them


def test_a_maximum_of_prefixes_with_all_that_belongs_to_it() -> None:
    values = {"maximum_prefixes_warning": "80", "maximum_prefixes_restart": "5m"}

    assert to_tor(maximum_prefixes="1000").maximum_prefixes == MaximumPrefixes(1000, LimitAction.CEASE, 75, 0)
    assert to_tor(maximum_prefixes="10 drop", **values).maximum_prefixes == MaximumPrefixes(
        10, LimitAction.DROP, 80, 300
    )
    assert to_tor(maximum_prefixes="off", **values).maximum_prefixes is None
    assert to_tor(**values).maximum_prefixes is None


def test_a_role_is_for_sessions_to_other_ases_only() -> None:
    """RFC 9234 4.1"""
    external, internal = (to_tor(asn, role="customer", role_strict="true") for asn in (65001, 64512))

    assert (external.role, external.role_strict) == (Role.CUSTOMER, True)
    assert (internal.role, internal.role_strict) == (None, False)
    assert not to_tor(role_strict="true").role_strict


def test_a_long_lived_stale_time_needs_a_restart_time() -> None:
    """RFC 9494 4.1: the capability counts only beside that of graceful restart, which zero switches off."""
    assert to_tor(long_lived_stale_time="1h").long_lived_stale_time == 3600
    assert to_tor(long_lived_stale_time="1h", spec={"maxRestartTime": "0s"}).long_lived_stale_time == 0


DAY = 86400


def test_routes_of_the_mesh_outlive_a_lost_node_for_a_day() -> None:
    """RFC 9494 4.2"""
    plan = compiled("a", A, B)
    assert {each.long_lived_stale_time for each in plan.sessions} == {DAY}


def test_routes_of_reflectors_outlive_them_for_a_day_at_both_ends() -> None:
    """RFC 9494 4.2; each end says how long its own routes may stay."""
    reflector = node("r", "10.0.0.9/24", cluster_id="224.0.0.1", labels={"role": "rr"})
    peer = bgp_peer("reflectors", peerSelector="role == 'rr'")
    for name, far_end in (("a", "10.0.0.9"), ("r", "10.0.0.1")):
        found = session(compiled(name, A, reflector, NO_MESH, peer), far_end)
        assert found.long_lived_stale_time == DAY, name


def test_a_node_that_is_named_by_its_address_is_one_of_the_cluster() -> None:
    peer = bgp_peer("b", node="a", peerIP="10.0.0.2", asNumber=64512)
    assert session(compiled("a", A, B, NO_MESH, peer), "10.0.0.2").long_lived_stale_time == DAY


@pytest.mark.parametrize("asn", [64512, 65001])
def test_routes_of_a_neighbour_outside_the_cluster_do_not(asn: int) -> None:
    assert to_tor(asn).long_lived_stale_time == 0


def test_a_time_that_is_said_counts_for_all_sessions() -> None:
    values = {"long_lived_stale_time": "1h"}
    everywhere = compiled("a", A, B, annotated(configuration(), **values), bgp_peer("tor", peerIP=TOR, asNumber=65001))
    assert {each.long_lived_stale_time for each in everywhere.sessions} == {3600}


def test_a_time_of_zero_switches_it_off() -> None:
    off = annotated(configuration(), long_lived_stale_time="0s")
    assert {each.long_lived_stale_time for each in compiled("a", A, B, off).sessions} == {0}


def test_without_graceful_restart_nothing_outlives_a_lost_node() -> None:
    """RFC 9494 4.1"""
    without = configuration(nodeMeshMaxRestartTime="0s")
    assert {each.long_lived_stale_time for each in compiled("a", A, B, without).sessions} == {0}


@pytest.mark.parametrize(("values", "offered", "limit"), [("all", True, 0), ("off", False, 0), ("3", True, 3)])
def test_add_path(values: str, offered: bool, limit: int) -> None:
    found = to_tor(add_path=values)
    assert (found.add_path, found.add_path_limit) == (offered, limit)


@pytest.mark.parametrize(
    ("hold", "keepalive", "used"), [("90s", "30s", 30), ("90s", "31s", 0), ("9s", "5s", 0), ("0s", "5s", 0)]
)
def test_a_keepalive_time_fits_into_the_hold_time_three_times(hold: str, keepalive: str, used: int) -> None:
    """RFC 4271 4.4"""
    found = to_tor(hold_time=hold, spec={"keepaliveTime": keepalive})
    assert (found.hold_time, found.keepalive_time) == (int(hold[:-1]), used)


def test_a_cluster_id_is_for_clients() -> None:
    top, low = node("top", "10.0.0.8/24", cluster_id="224.0.0.1"), node("low", "10.0.0.9/24", cluster_id="224.0.0.1")
    peer = annotated(bgp_peer("all", nodeSelector="all()", peerSelector="all()"), cluster_id="224.0.0.9")

    plan = compiled("top", NO_MESH, A, top, low, peer)

    assert (plan.cluster_id, session(plan, "10.0.0.1").cluster_id) == ("224.0.0.1", "224.0.0.9")
    assert session(plan, "10.0.0.9").cluster_id == ""
    assert session(compiled("a", NO_MESH, A, top, low, peer), "10.0.0.8").cluster_id == ""


def test_a_node_decides_as_its_configuration_says() -> None:
    values = annotated(configuration(), always_compare_med="true", resolve_next_hops="false")
    own = annotated(configuration("node.a"), resolve_next_hops="true")

    a, b = compiled("a", A, B, values, own), compiled("b", A, B, values, own)

    assert (a.always_compare_med, a.resolve_next_hops) == (True, True)
    assert (b.always_compare_med, b.resolve_next_hops) == (True, False)
    assert (compiled("a", A).always_compare_med, compiled("a", A).resolve_next_hops) == (False, True)


# ------------------------------------------------------------------------------------- where it is set, and for which


def test_the_configuration_speaks_for_the_mesh_and_every_other_session() -> None:
    cluster = annotated(configuration(), hold_time="90s", maximum_prefixes="100")
    own = annotated(configuration("node.a"), hold_time="30s")
    tor = annotated(bgp_peer("tor", peerIP=TOR, asNumber=65001), maximum_prefixes="off")

    plan = compiled("a", A, B, cluster, own, tor)

    assert [(each.peer_address, each.hold_time) for each in plan.sessions] == [
        ("10.0.0.2", 30),
        (TOR, 30),
        ("fd00::2", 30),
    ]
    assert session(plan, "10.0.0.2").maximum_prefixes == MaximumPrefixes(100)
    assert session(plan, TOR).maximum_prefixes is None
    assert session(compiled("b", A, B, cluster, own, tor), "10.0.0.1").hold_time == 90


def test_both_ends_of_a_bgp_peer_have_its_settings_and_each_its_role() -> None:
    """RFC 9234 4.2"""
    far = node("far", "10.0.0.9/24", asn=65001)
    values = {"hold_time": "30s", "add_path": "2", "families": "ipv4,ipv6", "maximum_prefixes": "9"}
    peer = annotated(bgp_peer("p", node="a", peerSelector="all()"), role="customer", **values)

    here = session(compiled("a", NO_MESH, A, far, peer), "10.0.0.9")
    there = session(compiled("far", NO_MESH, A, far, peer), "10.0.0.1")

    assert (here.role, there.role) == (Role.CUSTOMER, Role.PROVIDER)
    for field in ("hold_time", "add_path_limit", "families", "maximum_prefixes"):
        assert getattr(here, field) == getattr(there, field)
    assert (there.hold_time, there.add_path_limit, there.families) == (30, 2, (4, 6))


def test_sessions_to_workloads_have_settings_as_well() -> None:
    peer = annotated(bgp_peer("pods", localWorkloadSelector="all()", asNumber=65010), maximum_prefixes="5 drop")
    options = CompileOptions(local_workloads=(LocalWorkload("pods", "cali1", ("10.65.0.5",)),))

    (found,) = compile_node(ResourceSet.of(A, NO_MESH, peer), "a", options).plan.sessions

    assert found.maximum_prefixes == MaximumPrefixes(5, LimitAction.DROP)


# ------------------------------------------------------------------------------------ several families

V4, V6 = "10.7.0.0/24", "fd07::/64"


def dual(*resources: Resource, **rules: object) -> NodePlan:
    """Node a with one IPv6 session that carries both families, and a BGPFilter with these rules on it."""
    found = bgp_peer("tor", peerIP=TOR6, asNumber=65001, filters=["f"])
    return compiled("a", A, NO_MESH, annotated(found, families="ipv4,ipv6"), bgp_filter("f", **rules), *resources)


def test_a_session_carries_the_family_of_its_addresses_and_what_is_said() -> None:
    assert to_tor(peer_ip=TOR6, families="ipv4,ipv6").families == (4, 6)
    assert to_tor(peer_ip=TOR6, families="ipv4").families == (4, 6)
    assert to_tor(peer_ip=TOR6, families="ipv6").families == (6,)
    assert to_tor(peer_ip=TOR6).families == (6,)


def test_the_export_policies_of_all_families_of_a_session_are_asked() -> None:
    pools = pool("p", "10.7.0.0/16"), pool("q", "fd07::/48")
    blocks = block("a", "10.7.0.0/26"), block("a", "fd07::/122")

    plan = dual(*pools, *blocks)

    assert session(plan, TOR6).export_policies == ("export-v4", "export-v6")
    advertised = exports(plan, TOR6, "10.7.0.0/26", "fd07::/122", "10.9.0.0/26", "fd09::/122")
    assert advertised == ["10.7.0.0/26", "fd07::/122"]


def test_rules_for_one_family_leave_the_other_alone() -> None:
    """A rule without a prefix matches every route, but only of the family whose list it stands in."""
    plan = dual(importV6=[{"action": "Reject"}], exportV4=[{"action": "Accept"}])

    assert session(plan, TOR6).import_policies == ("filter/f/import",)
    assert ask(plan, TOR6, learned(V4), "import") is not None
    assert ask(plan, TOR6, learned(V6), "import") is None
    assert exports(plan, TOR6, V4, V6) == [V4]


def test_a_negated_prefix_of_one_family_leaves_the_other_alone() -> None:
    outside = {"action": "Reject", "cidr": "10.0.0.0/8", "matchOperator": "NotIn"}

    plan = dual(importV4=[outside], importV6=[{"action": "Accept", "peerType": "iBGP"}])

    assert [ask(plan, TOR6, learned(prefix), "import") is None for prefix in (V4, "172.16.0.0/12", V6)] == [
        False,
        True,
        False,
    ]


def test_filters_are_asked_in_their_order_whatever_the_family() -> None:
    first = bgp_filter("first", importV6=[{"action": "Reject", "cidr": V6, "matchOperator": "In"}])
    peer = bgp_peer("tor", peerIP=TOR6, asNumber=65001, filters=["first", "f", "missing"])

    plan = compiled(
        "a", A, NO_MESH, first, bgp_filter("f", importV4=[{"action": "Reject"}]), annotated(peer, families="ipv4")
    )

    assert session(plan, TOR6).import_policies == ("filter/first/import", "filter/f/import")
    assert [each.name for each in plan.policies if each.name.startswith("filter")] == [
        "filter/f/import",
        "filter/first/import",
    ]


def test_sessions_of_one_family_ask_the_policies_that_they_asked_before() -> None:
    other = bgp_peer("other", peerIP="2001:db8::2", asNumber=65001, filters=["f"])

    plan = dual(other, importV6=[{"action": "Reject"}])

    assert session(plan, "2001:db8::2").import_policies == ("filter/f/import-v6",)
    assert [rule.match.prefix for rule in policy(plan, "filter/f/import-v6").rules] == [None]


def test_the_mesh_carries_what_the_configuration_says() -> None:
    plan = compiled("a", A, B, annotated(configuration(), families="ipv4,ipv6"))
    assert [each.families for each in plan.sessions] == [(4, 6), (4, 6)]


# ----------------------------------------------------------------------------------------------- advertised


def test_the_text_of_a_plan_says_what_annotations_said() -> None:
    peer = annotated(
        bgp_peer("tor", peerIP=TOR6, asNumber=65001),
        families="ipv4",
        maximum_prefixes="10",
        maximum_prefixes_restart="1m",
        role="peer",
        role_strict="true",
        long_lived_stale_time="1h",
        add_path="2",
        allow_martians="fe80::/10, 169.254.0.0/16",
        discard_attributes="40,22",
        hold_time="9s",
    )
    text = render_plan(compiled("a", A, annotated(NO_MESH, always_compare_med="true", resolve_next_hops="false"), peer))

    for words in (
        "compares MULTI_EXIT_DISC between routes of different neighbouring ASes",
        "uses routes whatever the kernel knows of their next hops",
        "families IPv4+IPv6",
        "at most 10 prefixes, else cease for 60 s (warns at 75 %)",
        "role peer (strict)",
        "long-lived stale time 3600 s",
        "at most 2 paths of a prefix",
        "martians allowed in 169.254.0.0/16, fe80::/10",
        "attributes 22, 40 discarded",
        "hold time 9 s",
    ):
        assert words in text


def test_what_is_as_usual_is_not_told() -> None:
    text = render_plan(compiled("a", A, B, NO_MESH, bgp_peer("tor", peerIP=TOR, asNumber=65001)))
    for word in ("famil", "add-path", "paths", "at most", "role", "long-lived", "hold", "MULTI_EXIT", "next hops"):
        assert word not in text


def test_the_samples_have_no_problem() -> None:
    loaded = parse_documents([(each.name, each.read_text()) for each in sorted(SAMPLES.glob("*.yaml"))])
    assert loaded.problems == ()
    found = session(compile_node(loaded.resources, "node-1").plan, TOR6)
    assert (found.families, found.role) == ((4, 6), None)
