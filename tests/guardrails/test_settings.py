"""Guardrails about annotations: a cluster that each warns about, and one like it that it has nothing to say to."""

from __future__ import annotations

import time
from typing import Any

import pytest
from compiler_makers import annotated, bgp_peer, block, configuration, node, pool

from bgpctl.guardrails import check_cluster
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.problem import Problem

NO_MESH = configuration(nodeToNodeMeshEnabled=False)
A, B = node("a", "10.0.0.1/24", labels={"x": ""}), node("b", "10.0.0.2/24", labels={"x": ""})
OTHER_AS = node("far", "10.0.0.9/24", asn=65001, labels={"far": ""})
REFLECTOR = node("rr", "10.0.0.8/24", cluster_id="224.0.0.1", labels={"rr": ""})


def findings(*resources: Resource) -> list[tuple[str, str]]:
    """Code and resource of every finding."""
    return [(each.code, each.resource) for each in check_cluster(ResourceSet.of(*resources))]


def only(*resources: Resource) -> Problem:
    (found,) = check_cluster(ResourceSet.of(*resources))
    return found


def to_tor(spec: dict[str, Any] | None = None, **annotations: str) -> Resource:
    peer = bgp_peer("tor", **({"peerIP": "192.0.2.1", "asNumber": 65001} | (spec or {})))
    return annotated(peer, **annotations)


def test_a_finding_names_the_annotation() -> None:
    found = only(NO_MESH, A, to_tor({"asNumber": 64512}, role="customer"))
    assert (found.code, found.resource) == ("role-on-ibgp", "BGPPeer/tor")
    assert found.path == "$.metadata.annotations['bgpctl.io/role']"
    assert found.message.startswith("the session of a with 192.0.2.1 is within one AS")


# ---------------------------------------------------------------------------------------------- roles


def test_a_role_is_for_sessions_between_ases() -> None:
    """RFC 9234 4.1"""
    assert findings(NO_MESH, A, to_tor({"asNumber": 64512}, role="peer")) == [("role-on-ibgp", "BGPPeer/tor")]
    assert findings(NO_MESH, A, to_tor(role="peer")) == []


def test_roles_of_the_two_ends_must_be_a_pair() -> None:
    """RFC 9234 4.2"""
    given = {"reversePeering": "Manual"}

    def ends(here: str, there: str) -> list[tuple[str, str]]:
        one = bgp_peer("one", node="a", peerIP="10.0.0.9", asNumber=65001, **given)
        other = bgp_peer("other", node="far", peerIP="10.0.0.1", asNumber=64512, **given)
        return findings(NO_MESH, A, OTHER_AS, annotated(one, role=here), annotated(other, role=there))

    assert ends("customer", "customer") == [("role-mismatch", "BGPPeer/one"), ("role-mismatch", "BGPPeer/other")]
    assert ends("customer", "provider") == []
    assert ends("peer", "peer") == []


def test_a_bgp_peer_gives_its_two_sides_the_two_roles() -> None:
    peer = bgp_peer("p", nodeSelector="has(x)", peerSelector="has(far)")
    assert findings(NO_MESH, A, OTHER_AS, annotated(peer, role="customer", role_strict="true")) == []


def test_nodes_on_both_sides_of_a_bgp_peer_can_only_be_peers() -> None:
    peer = bgp_peer("all", nodeSelector="all()", peerSelector="all()")
    assert findings(NO_MESH, A, OTHER_AS, annotated(peer, role="customer")) == [("role-mismatch", "BGPPeer/all")]
    assert findings(NO_MESH, A, OTHER_AS, annotated(peer, role="peer")) == []


def test_a_strict_role_wants_a_role_at_the_other_end() -> None:
    """RFC 9234 4.2"""
    given = {"reversePeering": "Manual"}
    one = bgp_peer("one", node="a", peerIP="10.0.0.9", asNumber=65001, **given)
    other = bgp_peer("other", node="far", peerIP="10.0.0.1", asNumber=64512, **given)
    strict = annotated(one, role="customer", role_strict="true")
    assert ("role-mismatch", "BGPPeer/one") in findings(NO_MESH, A, OTHER_AS, strict, other)
    assert findings(NO_MESH, A, OTHER_AS, annotated(one, role="customer"), other) == []


# ----------------------------------------------------------------------------------------------- times


def test_long_lived_needs_a_restart_time() -> None:
    """RFC 9494 4.1"""
    code = "long-lived-without-restart-time"
    assert findings(NO_MESH, A, to_tor({"maxRestartTime": "0s"}, long_lived_stale_time="1h")) == [(code, "BGPPeer/tor")]
    assert findings(NO_MESH, A, to_tor(long_lived_stale_time="1h")) == []
    assert findings(NO_MESH, A, to_tor({"maxRestartTime": "0s"}, long_lived_stale_time="0s")) == []


def test_the_mesh_is_asked_as_well() -> None:
    mesh = annotated(configuration(nodeMeshMaxRestartTime="0s"), long_lived_stale_time="1h")
    assert findings(mesh, A, B) == [("long-lived-without-restart-time", "BGPConfiguration/default")]
    assert findings(mesh, A, B, annotated(configuration("node.a"), long_lived_stale_time="0s")) == [
        ("long-lived-without-restart-time", "BGPConfiguration/default")
    ]


@pytest.mark.parametrize(
    ("annotations", "keepalive", "warned"),
    [({}, "80s", False), ({}, "81s", True), ({"hold_time": "30s"}, "10s", False), ({"hold_time": "30s"}, "11s", True)],
)
def test_three_keepalives_fit_into_a_hold_time(annotations: dict[str, str], keepalive: str, warned: bool) -> None:
    """RFC 4271 4.4"""
    found = findings(NO_MESH, A, to_tor({"keepaliveTime": keepalive}, **annotations))
    assert found == ([("keepalive-above-hold-time", "BGPPeer/tor")] if warned else [])


def test_without_hold_time_there_are_no_keepalives_to_fit() -> None:
    """RFC 4271 4.4"""
    assert findings(NO_MESH, A, to_tor({"keepaliveTime": "90s"}, hold_time="0s")) == []


# ------------------------------------------------------------------------------------------- no effect


@pytest.mark.parametrize(
    ("alone", "with_company"),
    [
        ({"maximum_prefixes_warning": "80"}, {"maximum_prefixes": "10"}),
        ({"maximum_prefixes_restart": "5m", "maximum_prefixes": "10 drop"}, {"maximum_prefixes": "10 cease"}),
        ({"role_strict": "true"}, {"role": "customer"}),
    ],
)
def test_an_annotation_that_wants_company(alone: dict[str, str], with_company: dict[str, str]) -> None:
    assert findings(NO_MESH, A, to_tor(**alone)) == [("annotation-without-effect", "BGPPeer/tor")]
    assert findings(NO_MESH, A, to_tor(**(alone | with_company))) == []


def test_the_company_may_stand_in_the_configuration() -> None:
    cluster = annotated(NO_MESH, maximum_prefixes="10")
    assert findings(cluster, A, to_tor(maximum_prefixes_warning="80")) == []


def test_a_cluster_id_wants_a_client() -> None:
    two = bgp_peer("p", nodeSelector="has(x)", peerSelector="has(rr)")
    pair = bgp_peer("p", nodeSelector="has(x)", peerSelector="has(x)")
    found = findings(NO_MESH, A, B, REFLECTOR, annotated(two, cluster_id="224.0.0.2"))
    assert "annotation-without-effect" not in [code for code, _ in found]
    assert findings(NO_MESH, A, B, annotated(pair, cluster_id="224.0.0.2")) == [
        ("annotation-without-effect", "BGPPeer/p")
    ]


# ------------------------------------------------------------------------------------------- families

DUAL = [node("c", "10.0.0.3/24", "fd00::3/64"), node("d", "10.0.0.4/24", "fd00::4/64")]
MANUAL = {"reversePeering": "Manual", "asNumber": 64512}


def test_ipv6_on_an_ipv4_session_has_no_next_hop_of_its_own() -> None:
    """RFC 8950 is for IPv4 routes on IPv6 sessions only."""
    six = annotated(bgp_peer("six", node="c", peerIP="2001:db8::1", asNumber=65001), families="ipv4,ipv6")
    assert findings(NO_MESH, A, to_tor(families="ipv4,ipv6")) == [("family-without-next-hop", "BGPPeer/tor")]
    assert findings(NO_MESH, DUAL[0], six) == []


def test_what_one_end_does_not_carry_does_not_travel() -> None:
    """RFC 4760 8, RFC 8950 4"""
    one = annotated(bgp_peer("one", node="c", peerIP="fd00::4", **MANUAL), families="ipv4,ipv6")
    other = bgp_peer("other", node="d", peerIP="fd00::3", **MANUAL)

    assert findings(NO_MESH, *DUAL, one, other) == [("families-mismatch", "BGPPeer/one")]
    assert findings(NO_MESH, *DUAL, one, annotated(other, families="ipv4")) == []


def test_both_ends_of_one_bgp_peer_carry_the_same() -> None:
    both = annotated(bgp_peer("both", node="c", peerIP="fd00::4", asNumber=64512), families="ipv4,ipv6")
    assert findings(NO_MESH, *DUAL, both) == []


def test_a_configuration_of_one_node_is_one_end_of_the_mesh() -> None:
    six = [node("e", "", "fd00::5/64"), node("f", "", "fd00::6/64"), node("g", "", "fd00::7/64")]
    found = findings(*six, annotated(configuration("node.e"), families="ipv4"))
    assert found == [("families-mismatch", "BGPConfiguration/node.e")]
    assert findings(*six, annotated(configuration(), families="ipv4")) == []


# --------------------------------------------------------------------------------------------- limits


def with_blocks(count: int, name: str) -> list[Resource]:
    third = sum(map(ord, name)) % 256
    return [block(name, f"10.244.{third}.{number * 64}/26") for number in range(count)]


def test_a_limit_below_the_blocks_of_the_far_end() -> None:
    resources = [pool("p", "10.244.0.0/16"), A, B, *with_blocks(3, "a"), *with_blocks(2, "b")]

    found = only(*resources, annotated(configuration(), maximum_prefixes="2"))

    assert (found.code, found.resource) == ("maximum-prefixes-too-low", "BGPConfiguration/default")
    assert found.message == "a advertises 3 IPv4 blocks to b, more than the 2 allowed"
    assert findings(*resources, annotated(configuration(), maximum_prefixes="3")) == []


def test_a_reflector_tells_its_clients_of_the_whole_cluster() -> None:
    peer = bgp_peer("p", nodeSelector="has(x)", peerSelector="has(rr)")
    resources = [NO_MESH, pool("p", "10.244.0.0/16"), A, B, REFLECTOR, *with_blocks(3, "a"), *with_blocks(2, "b")]

    def codes(limit: str) -> list[str]:
        return [code for code, _ in findings(*resources, annotated(peer, maximum_prefixes=limit))]

    assert "maximum-prefixes-too-low" in codes("4")
    assert "maximum-prefixes-too-low" not in codes("5")


def test_what_routers_outside_send_is_not_known() -> None:
    assert findings(NO_MESH, A, *with_blocks(3, "a"), pool("p", "10.244.0.0/16"), to_tor(maximum_prefixes="1")) == []


# ------------------------------------------------------------------------------ two that ask for one


def test_two_bgp_peers_that_want_one_session_with_other_annotations() -> None:
    first = annotated(bgp_peer("a", node="a", peerSelector="has(x)"), hold_time="30s")
    second = annotated(bgp_peer("b", node="a", peerSelector="has(x)"), hold_time="90s")

    found = only(NO_MESH, A, B, first, second)

    assert (found.code, found.resource) == ("options-differ", "BGPPeer/b")
    assert "bgpctl.io/hold-time" in found.message


# ---------------------------------------------------------------------------------------------- speed


@pytest.mark.slow
def test_five_thousand_nodes_with_annotations_take_seconds() -> None:
    labels = {"x": ""}
    nodes = [node(f"n{each}", f"10.0.{each // 250}.{each % 250 + 1}/16", labels=labels) for each in range(5000)]
    cluster = annotated(configuration(), maximum_prefixes="100", families="ipv4", hold_time="90s", add_path="2")
    peer = bgp_peer("p", nodeSelector="has(x)", peerSelector="has(rr)")

    started = time.process_time()
    check_cluster(ResourceSet.of(cluster, *nodes, REFLECTOR, peer))

    # Below 2 s on the machine that this was written on.
    assert time.process_time() - started < 10
