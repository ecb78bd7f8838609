"""The proof of clusters that a person can follow by hand, and how it is printed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from compiler_makers import annotated, bgp_filter, bgp_peer, block, configuration, node, pool, secret

from bgpctl.compiler import CompileOptions
from bgpctl.guardrails.proof.obstacle import Obstacle
from bgpctl.guardrails.proof.proof_text import REMEDIES, proof_data, render_proof, verdict
from bgpctl.guardrails.proof.prove import FailureDepth, FamilyProof, Verdict, prove
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

BGPCTL = Path(sys.executable).with_name("bgpctl")
QUICKSTART = Path(__file__).parents[2] / "labs" / "quickstart" / "resources"
NO_MESH = configuration(nodeToNodeMeshEnabled=False)
TO_REFLECTORS = bgp_peer("to-reflectors", nodeSelector="!has(rr)", peerSelector="has(rr)")
BETWEEN_REFLECTORS = bgp_peer("between-reflectors", nodeSelector="has(rr)", peerSelector="has(rr)")


def leaf(number: int, rack: str = "1", asn: int | None = None) -> Resource:
    return node(f"n{number}", f"10.0.{rack}.{number}", labels={"rack": rack}, asn=asn)


def reflector(number: int, cluster_id: str, rack: str = "1") -> Resource:
    return node(f"rr{number}", f"10.1.{rack}.{number}", cluster_id=cluster_id, labels={"rr": "", "rack": rack})


def proved(*resources: Resource, failures: FailureDepth = 0) -> FamilyProof:
    (found,) = prove(ResourceSet.of(*resources), failures=failures).families
    return found


def gaps(found: FamilyProof) -> list[tuple[str, str, Obstacle]]:
    return [(gap.origin.name, gap.destination.name, gap.obstacle) for gap in found.gaps]


def test_a_mesh_is_complete_and_all_its_nodes_are_of_one_kind() -> None:
    found = proved(*(leaf(number) for number in range(1, 6)))
    assert (found.nodes, found.kinds, found.gaps) == (5, 1, ())


def test_a_mesh_whose_password_is_missing_is_no_mesh() -> None:
    mesh = configuration(nodeMeshPassword={"secretKeyRef": {"name": "s", "key": "k"}})
    assert gaps(proved(mesh, leaf(1), leaf(2))) == [("n1", "n1", Obstacle.NO_SESSION)]
    assert gaps(proved(mesh, leaf(1), leaf(2), secret("s", {"k": "hush"}))) == []


@pytest.mark.parametrize("wrong", [{"asNumber": 65001}, {"peerIP": "10.0.1.1:1790", "asNumber": 64512}])
def test_a_mesh_takes_the_place_of_a_definition_that_its_node_does_not_agree_with(wrong: dict[str, Any]) -> None:
    found = proved(bgp_peer("wrong", **{"peerIP": "10.0.1.1"} | wrong), leaf(1), leaf(2), leaf(3), *pods(1, 2, 3))
    assert (found.verdict, gaps(found)) == (Verdict.COMPLETE, [])


def test_a_client_whose_session_never_comes_up_is_a_cluster_served_all_the_same() -> None:
    """So what another reflector of the cluster reflects is a loop there (RFC 4456 8)."""
    one_sided = bgp_peer("one-sided", peerSelector="!has(rr)", reversePeering="Manual")
    from_one = bgp_peer("from-one", node="rr1", peerSelector="all()")
    two = reflector(1, "224.0.0.1"), reflector(2, "224.0.0.1")
    found = proved(NO_MESH, one_sided, from_one, *two, leaf(1), block("rr2", "10.244.99.0/26"), *pods(1))
    assert gaps(found) == [("n1", "rr2", Obstacle.CLUSTER_LOOP)]


def test_reflected_routes_stop_at_a_reflector_of_the_same_cluster() -> None:
    one = bgp_peer("one", nodeSelector="rack == '1' && !has(rr)", peerSelector="has(rr) && rack == '1'")
    two = bgp_peer("two", nodeSelector="rack == '2' && !has(rr)", peerSelector="has(rr) && rack == '2'")
    shared = [NO_MESH, one, two, BETWEEN_REFLECTORS, leaf(1), leaf(2, "2")]

    split = proved(*shared, reflector(1, "224.0.0.1"), reflector(2, "224.0.0.1", "2"))

    assert gaps(split) == [
        ("n1", "n2", Obstacle.CLUSTER_LOOP),
        ("n1", "rr2", Obstacle.CLUSTER_LOOP),
        ("n2", "n1", Obstacle.CLUSTER_LOOP),
        ("n2", "rr1", Obstacle.CLUSTER_LOOP),
    ]
    assert (split.gaps[0].sender, split.gaps[0].receiver) == ("rr1", "rr2")
    assert gaps(proved(*shared, reflector(1, "224.0.0.1"), reflector(2, "224.0.0.2", "2"))) == []


def test_a_chain_of_ordinary_nodes_stops_at_the_split_horizon() -> None:
    peer = bgp_peer("middle", node="n2", peerSelector="all()")
    assert gaps(proved(NO_MESH, peer, leaf(1), leaf(2), leaf(3))) == [("n1", "n1", Obstacle.SPLIT_HORIZON)]


def test_a_node_between_two_sites_of_one_as_is_an_as_loop() -> None:
    peer = bgp_peer("middle", node="n2", peerSelector="all()")
    assert gaps(proved(NO_MESH, peer, leaf(1), leaf(2, asn=65001), leaf(3))) == [("n1", "n1", Obstacle.AS_LOOP)]


def six(number: int, cluster_id: str = "") -> Resource:
    """A node without an IPv4 address."""
    return node(f"n{number}", ipv6=f"fd00::{number}/64", cluster_id=cluster_id)


def by_family(*resources: Resource) -> dict[int, list[tuple[str, str, Obstacle]]]:
    return {found.family: gaps(found) for found in prove(ResourceSet.of(*resources)).families}


def test_a_mesh_of_ipv6_addresses_carries_ipv4_when_it_is_told_to() -> None:
    """RFC 8950"""
    blocks = block("n1", "10.244.1.0/26"), block("n2", "10.244.2.0/26")
    assert by_family(six(1), six(2), *blocks) == {
        4: [("n1", "n1", Obstacle.NO_SESSION)],
        6: [],
    }
    assert by_family(annotated(configuration(), families="ipv4,ipv6"), six(1), six(2), *blocks) == {4: [], 6: []}


def test_a_family_that_one_end_does_not_carry_does_not_travel() -> None:
    """RFC 4760 8"""
    own = annotated(configuration("node.n1"), families="ipv4")
    found = by_family(annotated(configuration(), families="ipv4"), own, six(1), six(2), six(3))
    assert found == {4: [], 6: []}

    odd = annotated(configuration("node.n1"), families="ipv6")
    nodes = six(1), six(2), six(3), block("n1", "10.7.0.0/26")
    found = by_family(annotated(configuration(), families="ipv4"), odd, *nodes)
    assert [pair[:2] for pair in found[4]] == [("n1", "n2"), ("n2", "n1")]


def test_ipv6_routes_of_a_node_have_no_next_hop_between_ipv4_addresses() -> None:
    peer = annotated(bgp_peer("p", nodeSelector="all()", peerSelector="all()"), families="ipv4,ipv6")
    found = by_family(NO_MESH, peer, leaf(1), leaf(2))
    assert found == {4: [], 6: [("n1", "n1", Obstacle.NO_NEXT_HOP)]}


def test_an_ipv4_route_with_an_ipv6_next_hop_goes_no_further_between_ipv4_addresses() -> None:
    """RFC 8950 4: it may only be advertised to a peer that offers such next hops."""
    dual = node("rr", "10.1.0.1", "fd00::9/64", cluster_id="224.0.0.1")
    peer = annotated(bgp_peer("p", node="rr", peerSelector="all()"), families="ipv4,ipv6")
    found = by_family(NO_MESH, peer, dual, six(1), six(2), leaf(3))
    assert found[4] == [("n1", "n3", Obstacle.NO_NEXT_HOP)]
    mode = annotated(bgp_peer("p", node="rr", peerSelector="all()", nextHopMode="Self"), families="ipv4,ipv6")
    assert by_family(NO_MESH, mode, dual, six(1), six(2), leaf(3))[4] == []


def test_of_two_sessions_of_a_pair_the_one_that_can_brings_the_route() -> None:
    """Between two dual-stack nodes both sessions carry IPv4; an IPv6 next hop passes one of them."""
    dual = node("rr", "10.1.0.1", "fd00::9/64", cluster_id="224.0.0.1"), node("n4", "10.1.0.4", "fd00::4/64")
    peer = annotated(bgp_peer("p", node="rr", peerSelector="all()"), families="ipv4,ipv6")
    assert by_family(NO_MESH, peer, *dual, six(1))[4] == []


def test_a_customer_does_not_join_its_providers() -> None:
    """RFC 9234 5: what comes from a provider goes to customers only."""
    up = bgp_peer("up", node="n2", peerSelector="all()")
    ends = leaf(1, asn=65001), leaf(2, asn=65002), leaf(3, asn=65003)

    found = gaps(proved(NO_MESH, annotated(up, role="customer"), *ends))

    assert found == [("n1", "n3", Obstacle.ROUTE_LEAK), ("n3", "n1", Obstacle.ROUTE_LEAK)]
    assert gaps(proved(NO_MESH, annotated(up, role="provider"), *ends)) == []
    assert gaps(proved(NO_MESH, up, *ends)) == []


def test_a_leak_is_refused_where_only_the_receiver_has_a_role() -> None:
    """RFC 9234 5: what a customer passes on although it is for customers only is not eligible."""
    given = {"reversePeering": "Manual"}
    below = annotated(bgp_peer("below", node="n2", peerIP="10.0.1.1", asNumber=65001), role="customer")
    plain = bgp_peer("plain", node="n2", peerIP="10.0.1.3", asNumber=65003, **given)
    above = bgp_peer("above", node="n3", peerIP="10.0.1.2", asNumber=65002, **given)
    ends = leaf(1, asn=65001), leaf(2, asn=65002), leaf(3, asn=65003)

    found = gaps(proved(NO_MESH, below, plain, annotated(above, role="provider"), *ends))

    assert found == [("n1", "n3", Obstacle.ROUTE_LEAK), ("n3", "n1", Obstacle.ROUTE_LEAK)]
    assert ("n1", "n3", Obstacle.ROUTE_LEAK) not in gaps(proved(NO_MESH, below, plain, above, *ends))


def test_roles_that_are_no_pair_make_no_session() -> None:
    """RFC 9234 4.2"""
    peer = bgp_peer("p", nodeSelector="all()", peerSelector="all()")
    ends = leaf(1, asn=65001), leaf(2, asn=65002)
    assert [pair[2] for pair in gaps(proved(NO_MESH, annotated(peer, role="customer"), *ends))] == [
        Obstacle.NO_SESSION,
        Obstacle.NO_SESSION,
    ]


def test_clusters_of_clients_are_where_their_routes_loop() -> None:
    """RFC 4456 8: the CLUSTER_LIST has the cluster of the client, not the node's own."""
    ends = leaf(1), leaf(2), reflector(1, "224.0.0.1"), reflector(2, "224.0.0.2")
    given = {"reversePeering": "Auto"}
    one = bgp_peer("one", node="n1", peerIP="10.1.1.1", asNumber=64512, **given)
    other = bgp_peer("other", node="n2", peerIP="10.1.1.2", asNumber=64512, **given)
    between = bgp_peer("between", node="rr1", peerIP="10.1.1.2", asNumber=64512)
    assert gaps(proved(NO_MESH, one, other, between, *ends)) == []

    shared = annotated(one, cluster_id="224.0.0.9"), annotated(other, cluster_id="224.0.0.9")
    found = gaps(proved(NO_MESH, *shared, between, *ends))

    assert ("n1", "n2", Obstacle.CLUSTER_LOOP) in found


def test_what_only_a_router_outside_could_carry_is_unknown() -> None:
    fabric = bgp_peer("fabric", peerIP="192.0.2.1", asNumber=65001, numAllowedLocalASNumbers=1)
    found = proved(NO_MESH, fabric, leaf(1), leaf(2))
    assert (found.gaps, [gap.pair for gap in found.unknown]) == ((), [("n1", "n1")])
    assert found.verdict is Verdict.NOT_KNOWN


def test_a_router_outside_brings_no_routes_back_into_the_as_they_come_from() -> None:
    """RFC 4271 9.1.2: nodes drop what has their own AS in AS_PATH, whichever way it went outside."""
    fabric = bgp_peer("fabric", peerIP="192.0.2.1", asNumber=65001)
    found = proved(NO_MESH, fabric, leaf(1), leaf(2))
    assert (gaps(found), found.verdict) == ([("n1", "n1", Obstacle.AS_LOOP)], Verdict.NOT_COMPLETE)
    racks = [
        bgp_peer(f"tor-{n}", nodeSelector=f"rack == '{n}'", peerIP=f"192.0.2.{n}", asNumber=65000 + n) for n in (1, 2)
    ]
    between = proved(NO_MESH, *racks, leaf(1, "1", 64601), leaf(2, "2", 64601))
    assert [pair[:2] for pair in gaps(between)] == [("n1", "n2"), ("n2", "n1")]
    assert proved(NO_MESH, *racks, leaf(1, "1", 64601), leaf(2, "2", 64602)).verdict is Verdict.NOT_KNOWN


def test_a_router_outside_takes_no_routes_of_its_own_as() -> None:
    one = bgp_peer("one", node="n1", peerSelector="rack == '2'")
    tor = bgp_peer("tor", node="n2", peerIP="192.0.2.1", asNumber=65001)
    other = bgp_peer("other", node="n3", peerIP="192.0.2.2", asNumber=65002)
    ends = leaf(2, "2", 64602), leaf(3, "3", 64603)
    assert ("n1", "n3", Obstacle.AS_LOOP) in gaps(proved(NO_MESH, one, tor, other, leaf(1, asn=65001), *ends))
    found = proved(NO_MESH, one, tor, other, leaf(1, asn=64601), *ends)
    assert (found.gaps, found.verdict) == ((), Verdict.NOT_KNOWN)


def test_a_node_without_a_way_to_the_fabric_is_not_unknown() -> None:
    fabric = bgp_peer("fabric", nodeSelector="rack == '1'", peerIP="192.0.2.1", asNumber=65001)
    assert ("n1", "n3", Obstacle.NO_SESSION) in gaps(proved(NO_MESH, fabric, leaf(1), leaf(2), leaf(3, "2")))


def test_a_reflector_is_asked_about_its_own_prefixes_only_when_it_has_some() -> None:
    shared = [NO_MESH, TO_REFLECTORS, leaf(1), leaf(2), reflector(1, "224.0.0.1"), reflector(2, "224.0.0.1")]
    assert gaps(proved(*shared)) == []
    assert gaps(proved(*shared, pool("p", "10.7.0.0/16"), block("rr1", "10.7.0.0/26"))) == [
        ("rr1", "rr2", Obstacle.SPLIT_HORIZON)
    ]


def test_one_reflector_is_a_single_point_of_failure() -> None:
    found = proved(NO_MESH, TO_REFLECTORS, leaf(1), leaf(2), reflector(1, "224.0.0.1"), failures=1)
    assert found.single is not None
    assert [each.units for each in found.single.breaking] == [("reflector rr1",)]


def test_two_reflectors_in_one_rack_fail_with_it() -> None:
    both = [reflector(1, "224.0.0.1"), reflector(2, "224.0.0.1")]
    found = proved(NO_MESH, TO_REFLECTORS, leaf(1, "2"), leaf(2, "2"), *both, failures=2)
    assert found.single is not None
    assert found.double is not None
    assert [each.units for each in found.single.breaking] == [("rack=1",)]
    assert [each.units for each in found.double.breaking] == [("reflector rr1", "reflector rr2")]
    (gap,) = found.single.breaking[0].gaps
    assert (gap.origin.name, gap.origin.count, gap.obstacle) == ("n1", 2, Obstacle.NO_SESSION)


def test_a_node_that_joins_two_ases_is_made_to_fail() -> None:
    resources = [NO_MESH, bgp_peer("middle", node="n2", peerSelector="all()")]
    found = proved(*resources, leaf(1, asn=65001), leaf(2, asn=65002), leaf(3, asn=65003), failures=1)
    assert found.gaps == ()
    assert found.single is not None
    assert [each.units for each in found.single.breaking] == [("node n2",)]


def test_of_several_nodes_between_ases_only_all_together_are_missed() -> None:
    resources = [NO_MESH, bgp_peer("middle", nodeSelector="rack == '2'", peerSelector="rack == '1'")]
    middle = [leaf(number, "2", asn=65002) for number in (5, 6, 7)]
    found = proved(*resources, leaf(1, asn=65001), leaf(3, asn=65003), *middle, failures=1)
    assert found.single is not None
    assert [each.units for each in found.single.breaking] == [("rack=2",)]


def test_every_obstacle_has_a_remedy() -> None:
    assert REMEDIES.keys() == set(Obstacle)


def test_the_verdict_says_what_is_broken_and_what_to_do() -> None:
    proof = prove(ResourceSet.of(NO_MESH, bgp_peer("middle", node="n2", peerSelector="all()"), *map(leaf, (1, 2, 3))))

    assert verdict(proof) == (
        "topology proof, IPv4: NOT COMPLETE: 2 pairs of nodes are not reached, among 3 nodes of 2 kinds"
    )
    assert render_proof(proof).splitlines()[1:] == [
        "  stopped between n2 and n3: iBGP split horizon: neither side is the other's client",
        "    n1 and 1 more like it do not receive each other's routes",
        f"    to do: {REMEDIES[Obstacle.SPLIT_HORIZON]}",
    ]
    assert proof_data(proof)["complete"] is False


def pods(*numbers: int, **spec: Any) -> list[Resource]:
    return [pool("pods", "10.244.0.0/16", **spec), *(block(f"n{each}", f"10.244.{each}.0/26") for each in numbers)]


REFLECTED = [NO_MESH, TO_REFLECTORS, BETWEEN_REFLECTORS, reflector(1, "224.0.0.1"), reflector(2, "224.0.0.1")]


@pytest.mark.parametrize(
    ("direction", "obstacle"), [("export", Obstacle.EXPORT_REJECTED), ("import", Obstacle.IMPORT_REJECTED)]
)
@pytest.mark.parametrize("far", ["nodeSelector", "peerSelector"])
def test_a_filter_at_either_end_and_in_either_direction_is_read(direction: str, obstacle: Obstacle, far: str) -> None:
    """Both ends of the sessions that a BGPPeer defines have its filters."""
    rules = {f"{direction}V4": [{"action": "Reject", "cidr": "10.244.1.0/24", "matchOperator": "In"}]}
    near = "peerSelector" if far == "nodeSelector" else "nodeSelector"
    peer = bgp_peer("p", filters=["no-one"], **{near: "!has(rr)", far: "has(rr)"})
    shared = [NO_MESH, peer, BETWEEN_REFLECTORS, reflector(1, "224.0.0.1"), leaf(1), leaf(2), leaf(3)]
    assert proved(*shared, *pods(1, 2, 3)).verdict is Verdict.COMPLETE

    found = proved(*shared, *pods(1, 2, 3), bgp_filter("no-one", **rules))

    assert {gap.pair for gap in found.gaps} == {("n1", "n2"), ("n1", "rr1")}
    assert {(gap.obstacle, gap.rule, gap.prefix) for gap in found.gaps} == {
        (obstacle, "BGPFilter no-one", "10.244.1.0/26")
    }


def test_a_filter_matters_to_the_block_that_it_is_about_and_every_block_of_a_node_counts() -> None:
    cidr = {"action": "Reject", "cidr": "10.244.9.0/24", "matchOperator": "In"}
    peers = bgp_peer("p", nodeSelector="all()", peerSelector="all()", filters=["one"])
    second = block("n1", "10.244.9.0/26")
    shared = [NO_MESH, peers, leaf(1), leaf(2), *pods(1, 2), bgp_filter("one", exportV4=[cidr])]
    assert proved(*shared).verdict is Verdict.COMPLETE
    assert [(gap.pair, gap.prefix) for gap in proved(*shared, second).gaps] == [(("n1", "n2"), "10.244.9.0/26")]


def test_a_community_that_keeps_routes_at_home_is_read() -> None:
    tag = [{"action": "Accept", "operations": [{"addCommunity": {"value": "65535:65281"}}]}]
    peer = bgp_peer("p", node="n2", peerSelector="all()", filters=["home"])
    ends = leaf(1, asn=64601), leaf(2, asn=64602), leaf(3, asn=64603)
    found = proved(NO_MESH, peer, *ends, *pods(1, 2, 3), bgp_filter("home", importV4=tag))
    assert ("n1", "n3", Obstacle.COMMUNITY) in gaps(found)


def test_pools_that_are_not_advertised_do_not_reach_other_nodes() -> None:
    """Unless Felix programs their VXLAN: then BGP has nothing to do with them."""
    shared = [*REFLECTED, leaf(1), leaf(2)]
    assert {gap.rule for gap in proved(*shared, *pods(1, 2, disableBGPExport=True)).gaps} == {
        "IPPool pods: disableBGPExport"
    }
    vxlan = pods(1, 2, disableBGPExport=True, vxlanMode="Always")
    assert proved(*shared, *vxlan).verdict is Verdict.COMPLETE
    (without_felix,) = prove(ResourceSet.of(*shared, *vxlan), CompileOptions(without_felix=True)).families
    assert without_felix.verdict is Verdict.NOT_COMPLETE


def tunnelled(number: int, asn: int | None = None, address: str = "") -> Resource:
    tunnel = address or f"10.244.{number}.0"
    return node(f"n{number}", f"10.0.{number}.1/24", asn=asn, ipv4VXLANTunnelAddr=tunnel)


def test_a_next_hop_without_an_end_of_the_vxlan_cuts_off() -> None:
    """A node of another AS has eBGP sessions with the reflectors, and they have no end of the VXLAN."""
    cluster = [*REFLECTED, tunnelled(1), tunnelled(2), *pods(1, 2, 3, vxlanMode="CrossSubnet")]
    ours = CompileOptions(without_felix=True)

    (one_as,) = prove(ResourceSet.of(*cluster, tunnelled(3)), ours).families
    (found,) = prove(ResourceSet.of(*cluster, tunnelled(3, 64599)), ours).families
    felix = proved(*cluster, tunnelled(3, 64599))

    assert one_as.verdict is Verdict.COMPLETE
    assert gaps(found) == [("n1", "n3", Obstacle.NO_VXLAN_END)]
    assert found.gaps[0].sender in ("rr1", "rr2")
    assert (felix.gaps, [each.obstacle for each in felix.unknown]) == ((), [Obstacle.PERHAPS_NO_VXLAN_END])
    assert felix.verdict is Verdict.NOT_KNOWN


def test_a_node_without_a_tunnel_address_is_reached_in_its_own_subnet_only() -> None:
    bare = node("n3", "10.0.1.3/24")
    ours = CompileOptions(without_felix=True)
    (found,) = prove(
        ResourceSet.of(tunnelled(1), tunnelled(2), bare, *pods(1, 2, 3, vxlanMode="CrossSubnet")), ours
    ).families
    assert {(gap.pair, gap.obstacle, gap.sender) for gap in found.gaps} == {
        (("n2", "n3"), Obstacle.NO_VXLAN_END, "n3"),
        (("n3", "n2"), Obstacle.NO_VXLAN_END, "n3"),
    }


def test_packets_through_a_dedicated_reflector_are_not_known_to_arrive() -> None:
    found = proved(*REFLECTED, leaf(1), leaf(2, asn=64599), *pods(1, 2))
    assert (found.gaps, {gap.obstacle for gap in found.unknown}) == ((), {Obstacle.THROUGH_REFLECTOR})


def test_reflectors_for_a_few_beside_a_live_mesh_are_no_failure() -> None:
    """What other nodes originate does not reach the reflectors, which have no pods."""
    few = bgp_peer("few", nodeSelector="canary == 'yes'", peerSelector="has(rr)")
    mesh = [node(f"n{each}", f"10.0.1.{each}", labels={"canary": "yes"} if each < 3 else {}) for each in (1, 2, 3, 4)]
    reflectors = reflector(1, "224.0.0.1"), reflector(2, "224.0.0.1")

    cluster = prove(ResourceSet.of(few, *mesh, *reflectors, *pods(1, 2, 3, 4)))

    assert cluster.verdict is Verdict.COMPLETE
    assert "but for routes of the mesh at rr1" in verdict(cluster)
    with_pods = prove(ResourceSet.of(few, *mesh, *reflectors, *pods(1, 2, 3, 4), block("rr1", "10.244.99.0/26")))
    assert with_pods.verdict is Verdict.NOT_COMPLETE


def test_a_reflector_whose_label_is_missing_is_a_node_like_the_others() -> None:
    """Its cluster ID makes no loop of what the other reflects, also beside a ToR that brings nothing back."""
    everyone = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(rr)")
    tor = bgp_peer("tor", nodeSelector="has(rr)", peerIP="192.0.2.1", asNumber=65001)
    bare = node("n9", "10.0.1.9", cluster_id="224.0.0.1")
    cluster = [NO_MESH, everyone, reflector(1, "224.0.0.1"), bare, leaf(1), leaf(2), *pods(1, 2, 9)]
    assert proved(*cluster, tor, block("rr1", "10.244.99.0/26")).verdict is Verdict.COMPLETE


def test_reflectors_of_one_cluster_with_clients_of_their_own_beside_a_tor_are_not_complete() -> None:
    """What they reflect loops between them, and what goes out by the ToR does not come back."""
    one = bgp_peer("one", nodeSelector="rack == '1' && !has(rr)", peerSelector="has(rr) && rack == '1'")
    two = bgp_peer("two", nodeSelector="rack == '2' && !has(rr)", peerSelector="has(rr) && rack == '2'")
    tor = bgp_peer("tor", nodeSelector="has(rr)", peerIP="192.0.2.1", asNumber=65001)
    ends = leaf(1), leaf(2, "2"), reflector(1, "224.0.0.1"), reflector(2, "224.0.0.1", "2")
    found = proved(NO_MESH, one, two, BETWEEN_REFLECTORS, tor, *ends)
    assert found.verdict is Verdict.NOT_COMPLETE
    assert ("n1", "n2", Obstacle.CLUSTER_LOOP) in gaps(found)


def test_what_was_not_looked_at_stands_in_the_verdict() -> None:
    cluster = [leaf(1), leaf(2)]
    assert verdict(prove(ResourceSet.of(*cluster))).startswith("topology proof, IPv4: complete: ")
    assert verdict(prove(ResourceSet.of(*cluster), unread=2)) == (
        "topology proof, IPv4: NOT KNOWN: 2 errors in the resources: what is wrong was left out, "
        "among 2 nodes of 1 kind"
    )
    bare = prove(ResourceSet.of(*cluster, node("bare")))
    assert bare.verdict is Verdict.NOT_KNOWN
    assert "bare has no address for BGP in the resources" in verdict(bare)
    assert verdict(prove(ResourceSet.of())) == "topology proof: NOT KNOWN: there is no Node"


def test_a_node_for_which_the_pool_has_no_block_is_named() -> None:
    small = pool("pods", "10.244.0.0/26")
    found = prove(ResourceSet.of(leaf(1), leaf(2), small, block("n1", "10.244.0.0/26")))
    assert found.verdict is Verdict.COMPLETE
    assert "no pool has a block for n2" in verdict(found)


@pytest.mark.slow
def test_five_thousand_nodes_with_six_reflectors_take_seconds() -> None:
    leaves = [node(f"n{i}", f"10.0.{i // 250}.{i % 250 + 1}", labels={"rack": f"r{i // 40}"}) for i in range(5000)]
    six = [reflector(number, "224.0.0.1", str(number)) for number in range(1, 7)]
    resources = ResourceSet.of(NO_MESH, TO_REFLECTORS, BETWEEN_REFLECTORS, *leaves, *six)

    started = time.process_time()
    (found,) = prove(resources, failures=2).families

    assert (found.nodes, found.gaps) == (5006, ())
    # 5 s on the machine that this was written on, nearly all of it compiling.
    assert time.process_time() - started < 30


# --------------------------------------------------------------------------------------------- command


def bgpctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BGPCTL), *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_the_command_says_that_the_quickstart_is_complete() -> None:
    done = bgpctl("proof", str(QUICKSTART))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("topology proof, IPv4: complete: every prefix reaches every node")


def test_the_command_answers_no_for_a_broken_cluster(tmp_path: Path) -> None:
    for file in QUICKSTART.glob("*.yaml"):
        if file.name != "bgppeer-nodes-to-reflectors.yaml":
            (tmp_path / file.name).write_text(file.read_text())

    done = bgpctl("proof", str(tmp_path), "-o", "json", "--failures", "0")

    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "not complete"


def test_the_command_does_not_answer_yes_where_it_does_not_know(tmp_path: Path) -> None:
    for file in QUICKSTART.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "broken.yaml").write_text("apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\n")

    done = bgpctl("proof", str(tmp_path))

    assert (done.returncode, done.stdout.splitlines()[0][:31]) == (4, "topology proof, IPv4: NOT KNOWN")


def test_the_command_takes_a_label_for_racks() -> None:
    done = bgpctl("proof", str(QUICKSTART), "--failures", "1", "--rack-label", "nothing-has-this")
    assert "(2 tried)" in done.stdout


@pytest.mark.parametrize("arguments", [("proof", "/nowhere-at-all"), ("proof", str(QUICKSTART), "--failures", "3")])
def test_the_command_is_not_ready_for_nonsense(arguments: tuple[str, ...]) -> None:
    assert bgpctl(*arguments).returncode == 2


def test_a_node_without_ipv6_addresses_takes_no_part_in_ipv6() -> None:
    dual = [node(f"n{number}", f"10.0.0.{number}", f"fd00::{number}", labels={"rr": ""}) for number in (1, 2)]
    everyone = bgp_peer("everyone", nodeSelector="all()", peerSelector="has(rr)")
    found = prove(ResourceSet.of(NO_MESH, everyone, *dual, leaf(3)))
    assert [each.nodes for each in found.families] == [3, 2]
