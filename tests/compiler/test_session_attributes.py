"""The attributes of sessions, and suppressed sessions."""

from __future__ import annotations

import pytest
from compiler_makers import (
    bgp_filter,
    bgp_peer,
    compiled,
    configuration,
    node,
    peers,
    secret,
    session,
    suppressed,
)

from bgpctl.compiler import CompileOptions, LocalWorkload, compile_node
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.plan import NextHopMode, Password, SessionPlan

A, B = node("a", "10.0.0.1/24", "fd00::1/64"), node("b", "10.0.0.2/24")
NO_MESH = configuration(nodeToNodeMeshEnabled=False)
KEY = {"secretKeyRef": {"name": "bgp", "key": "tor"}}


def tor(asn: int = 65001, **spec: object) -> Resource:
    return bgp_peer("tor", peerIP="192.0.2.1", asNumber=asn, **spec)


def to_tor(*resources: Resource, **spec: object) -> SessionPlan:
    """The session that node a gets out of a BGPPeer with these fields."""
    return session(compiled("a", A, NO_MESH, tor(**spec), *resources), "192.0.2.1")


def test_a_session_starts_with_calicos_defaults() -> None:
    found = to_tor()

    assert (found.local_as, found.hold_time, found.keepalive_time, found.restart_time) == (64512, 240, 0, 120)
    assert (found.local_address, found.ttl_security, found.allow_local_as, found.add_path) == (
        "10.0.0.1",
        0,
        0,
        True,
    )
    assert (found.next_hop_mode, found.password, found.passive) == (NextHopMode.AUTO, None, False)


def test_the_source_address_can_be_left_to_the_kernel() -> None:
    assert to_tor(sourceAddress="None").local_address == ""


def test_an_ipv6_session_has_the_ipv6_source_address() -> None:
    plan = compiled("a", A, NO_MESH, bgp_peer("six", peerIP="2001:db8::1", asNumber=65001))

    assert (session(plan, "2001:db8::1").local_address, session(plan, "2001:db8::1").families) == ("fd00::1", (6,))


def test_a_node_without_an_address_in_the_family_has_no_session_in_it() -> None:
    assert peers(compiled("b", B, NO_MESH, bgp_peer("six", peerIP="2001:db8::1", asNumber=65001))) == []


def test_a_local_as_number_counts_for_its_session_alone() -> None:
    plan = compiled("a", A, NO_MESH, tor(localASNumber=65009))

    assert (plan.local_as, session(plan, "192.0.2.1").local_as) == (64512, 65009)


def test_a_local_as_number_makes_a_session_internal_or_external() -> None:
    assert to_tor(asn=64512).session_type == "ibgp"
    assert to_tor(asn=64512, localASNumber=65009).session_type == "ebgp"


def test_a_local_as_number_has_no_effect_with_a_peer_selector() -> None:
    peer = bgp_peer("others", peerSelector="all()", localASNumber=65009)

    assert session(compiled("a", A, B, NO_MESH, peer), "10.0.0.2").local_as == 64512


def test_a_node_has_its_own_as_number() -> None:
    plan = compiled("own", node("own", "10.0.0.7/24", asn=65007), B)

    assert (plan.local_as, session(plan, "10.0.0.2").local_as, session(plan, "10.0.0.2").peer_as) == (
        65007,
        65007,
        64512,
    )


@pytest.mark.parametrize(
    ("asn", "spec", "mode"),
    [
        (65001, {"nextHopMode": "Self"}, NextHopMode.SELF),
        (65001, {"nextHopMode": "Keep"}, NextHopMode.KEEP),
        (64512, {"nextHopMode": "Self"}, NextHopMode.SELF),
        (64512, {"nextHopMode": "Keep"}, NextHopMode.KEEP),
        (65001, {"nextHopMode": "Auto"}, NextHopMode.AUTO),
        (65001, {"keepOriginalNextHop": True}, NextHopMode.KEEP),
        (64512, {"keepOriginalNextHop": True}, NextHopMode.AUTO),
    ],
)
def test_next_hop_modes(asn: int, spec: dict[str, object], mode: NextHopMode) -> None:
    assert to_tor(asn=asn, **spec).next_hop_mode is mode


def test_plain_numbers_are_taken_over() -> None:
    found = to_tor(ttlSecurity=2, numAllowedLocalASNumbers=3, maxRestartTime="15s", keepaliveTime="10s")

    assert (found.ttl_security, found.allow_local_as, found.restart_time, found.keepalive_time) == (2, 3, 15, 10)


@pytest.mark.parametrize(("text", "used"), [("0s", 0), ("4095s", 4095), ("4096s", 4095), ("-1s", 0)])
def test_a_restart_time_is_cut_to_fit_its_twelve_bits(text: str, used: int) -> None:
    assert to_tor(maxRestartTime=text).restart_time == used


@pytest.mark.parametrize(("text", "used"), [("0s", 0), ("5s", 5), ("21845s", 21845), ("21846s", 0), ("-1s", 0)])
def test_a_keepalive_time_that_cannot_be_kept_is_a_third_of_the_hold_time(text: str, used: int) -> None:
    assert to_tor(keepaliveTime=text).keepalive_time == used


def test_the_mesh_has_its_own_restart_time() -> None:
    assert session(compiled("a", A, B, configuration(nodeMeshMaxRestartTime="10s")), "10.0.0.2").restart_time == 10


def test_a_workload_gets_no_more_than_addresses_as_numbers_and_filters() -> None:
    peer = bgp_peer(
        "pods",
        localWorkloadSelector="all()",
        asNumber=65010,
        localASNumber=65009,
        filters=["f"],
        ttlSecurity=1,
        nextHopMode="Self",
        maxRestartTime="5s",
        keepaliveTime="5s",
        password=KEY,
    )
    rules = bgp_filter("f", importV4=[{"action": "Reject"}])
    options = CompileOptions(local_workloads=(LocalWorkload("pods", "cali1", ("10.65.0.5",)),))

    (found,) = compile_node(ResourceSet.of(A, NO_MESH, peer, rules), "a", options).plan.sessions

    assert (found.local_as, found.import_policies) == (65009, ("filter/f/import-v4",))
    assert (found.ttl_security, found.next_hop_mode, found.restart_time, found.keepalive_time, found.password) == (
        0,
        NextHopMode.AUTO,
        120,
        0,
        None,
    )


# ------------------------------------------------------------------------------------------- passwords


def test_a_password_is_read_from_its_secret() -> None:
    assert to_tor(secret("bgp", {"tor": "s3cret"}), password=KEY).password == Password("s3cret")


def test_the_mesh_has_its_own_password() -> None:
    plan = compiled("a", A, B, configuration(nodeMeshPassword=KEY), secret("bgp", {"tor": "m"}))

    assert session(plan, "10.0.0.2").password == Password("m")


def test_secrets_are_looked_for_in_the_namespace_that_is_given() -> None:
    elsewhere = secret("bgp", {"tor": "s3cret"}, namespace="calico-system")

    plan = compiled("a", A, NO_MESH, tor(password=KEY), elsewhere, secret_namespace="calico-system")  # noqa: S106  a namespace

    assert session(plan, "192.0.2.1").password == Password("s3cret")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("s3cret\n", "a line break at its end"),
        ("s3cret\r\n", "a carriage return at place 7"),
        (" s3cret", "a blank at place 1"),
        ("s3\tcret", "a tab at place 3"),
        ("s3cret\x00", "a U+0000 at its end"),
        ("s3cret\u00a0", "a no-break space at its end"),
        ("\ufeffs3cret", "a zero width no-break space at place 1"),
    ],
)
def test_a_key_with_what_nobody_types_is_named_where_a_session_refers_to_it(key: str, words: str) -> None:
    found = secret("bgp", {"tor": key, "other": "with a blank\n"})
    result = compile_node(ResourceSet.of(A, NO_MESH, tor(password=KEY), found), "a")
    (problem,) = result.problems
    assert (problem.code, problem.resource, problem.path) == (
        "odd-password",
        "Secret/kube-system/bgp",
        "$.stringData.tor",
    )
    assert words in problem.message
    assert "s3" not in problem.message
    assert session(result.plan, "192.0.2.1").password == Password(key)
    assert compile_node(ResourceSet.of(A, NO_MESH, tor(), found), "a").problems == ()


def test_a_key_of_letters_digits_and_signs_is_as_people_type_it() -> None:
    result = compile_node(ResourceSet.of(A, NO_MESH, tor(password=KEY), secret("bgp", {"tor": "Aa0!§é漢"})), "a")
    assert result.problems == ()


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ((), "Secret kube-system/bgp does not exist"),
        ((secret("bgp", {"other": "x"}),), "Secret kube-system/bgp has no key 'tor'"),
        ((secret("bgp", {"tor": ""}),), "key 'tor' of Secret kube-system/bgp is empty"),
        (
            (secret("bgp", {"tor": "x" * 81}),),
            "key 'tor' of Secret kube-system/bgp is 81 octets long, TCP-MD5 takes 80",
        ),
        ((secret("bgp", {"tor": "s"}, namespace="elsewhere"),), "Secret kube-system/bgp does not exist"),
    ],
)
def test_a_session_whose_password_is_missing_is_held_and_never_open(found: tuple[Resource, ...], reason: str) -> None:
    result = compile_node(ResourceSet.of(A, NO_MESH, tor(password=KEY), *found), "a")

    assert result.plan.sessions == ()
    assert suppressed(result.plan, "192.0.2.1").reason == f"BGPPeer tor: {reason}"
    assert [(each.resource, each.path, each.code) for each in result.problems] == [
        ("BGPPeer/tor", "$.spec.password.secretKeyRef", "password-missing")
    ]


def test_a_password_that_is_no_text_holds_the_session() -> None:
    octets = secret("bgp", {}).model_copy(update={"data": {"tor": "/w=="}})

    assert "is not UTF-8 text" in suppressed(compiled("a", A, NO_MESH, tor(password=KEY), octets), "192.0.2.1").reason


def test_a_password_that_names_no_secret_holds_the_session() -> None:
    assert suppressed(compiled("a", A, NO_MESH, tor(password={})), "192.0.2.1").reason.endswith(
        "the password names no Secret"
    )


def test_a_mesh_without_its_password_is_held_as_a_whole_and_reported_once() -> None:
    result = compile_node(ResourceSet.of(A, B, node("c", "10.0.0.3/24"), configuration(nodeMeshPassword=KEY)), "a")

    assert result.plan.sessions == ()
    assert [each.peer_address for each in result.plan.suppressed] == ["10.0.0.2", "10.0.0.3"]
    assert [(each.resource, each.message) for each in result.problems] == [
        (
            "BGPConfiguration/default",
            "Secret kube-system/bgp does not exist; sessions are suppressed until this is corrected",
        )
    ]


def test_a_held_session_has_the_name_it_will_run_under() -> None:
    waiting = suppressed(compiled("a", A, NO_MESH, tor(password=KEY)), "192.0.2.1")

    assert waiting.name == to_tor(secret("bgp", {"tor": "s"}), password=KEY).name


def test_no_password_shows_in_the_text_form_of_a_plan() -> None:
    plan = compiled("a", A, NO_MESH, tor(password=KEY), secret("bgp", {"tor": "hush-hush"}))

    assert "hush" not in repr(plan)


# --------------------------------------------------------------------------------------------- filters


def test_filters_are_asked_in_the_order_of_the_bgp_peer_and_before_the_export_policy() -> None:
    both = [bgp_filter(name, exportV4=[{"action": "Accept"}], importV4=[{"action": "Accept"}]) for name in ("x", "y")]

    found = to_tor(*both, filters=["y", "x"])

    assert found.import_policies == ("filter/y/import-v4", "filter/x/import-v4")
    assert found.export_policies == ("filter/y/export-v4", "filter/x/export-v4", "export-v4")


def test_a_filter_takes_part_only_where_it_has_rules() -> None:
    rules = bgp_filter("f", exportV6=[{"action": "Accept"}], importV4=[{"action": "Accept"}])

    found = to_tor(rules, filters=["f"])

    assert (found.import_policies, found.export_policies) == (("filter/f/import-v4",), ("export-v4",))


def test_a_filter_that_does_not_exist_is_left_out() -> None:
    assert to_tor(filters=["gone"]).export_policies == ("export-v4",)


def test_the_plan_carries_the_policies_that_are_asked_and_no_others() -> None:
    used = bgp_filter("used", importV4=[{"action": "Accept"}], exportV6=[{"action": "Accept"}])
    unused = bgp_filter("unused", importV4=[{"action": "Accept"}])

    plan = compiled("a", A, NO_MESH, tor(filters=["used"]), used, unused)

    assert [each.name for each in plan.policies] == ["export-v4", "filter/used/import-v4"]


# --------------------------------------------------------------------------------------- reachable by


def test_a_router_behind_a_gateway_gets_a_host_route() -> None:
    plan = compiled("a", A, NO_MESH, tor(reachableBy="10.0.0.254"))

    assert [(each.address, each.gateway) for each in plan.kernel.host_routes] == [("192.0.2.1", "10.0.0.254")]


def test_another_nodes_router_needs_no_host_route_here() -> None:
    assert compiled("b", A, B, NO_MESH, tor(node="a", reachableBy="10.0.0.254")).kernel.host_routes == ()


def test_the_way_to_a_node_itself_is_not_through_a_gateway() -> None:
    peer = bgp_peer("to-b", peerIP="10.0.0.2", asNumber=64512, reachableBy="10.0.0.254")

    assert compiled("b", A, B, NO_MESH, peer).kernel.host_routes == ()


# -------------------------------------------------------------------------------------------- WireGuard


def test_what_is_reached_through_wireguard_is_left_alone() -> None:
    guarded = [
        node(name, f"10.0.0.{number}/24", wireguard={"interfaceIPv4Address": f"192.168.9.{number}"})
        for number, name in enumerate(("g1", "g2"), 1)
    ]

    assert compiled("g1", *guarded, node("plain", "10.0.0.9/24")).kernel.excluded_next_hops == ("10.0.0.2",)
    assert compiled("plain", *guarded, node("plain", "10.0.0.9/24")).kernel.excluded_next_hops == ()
