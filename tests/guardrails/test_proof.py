"""The proof of clusters that a person can follow by hand, and how it is printed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from compiler_makers import annotated, bgp_peer, block, configuration, node, pool, secret

from bgpctl.guardrails.proof.proof_text import REMEDIES, proof_data, render_proof, verdict
from bgpctl.guardrails.proof.propagation import Obstacle
from bgpctl.guardrails.proof.prove import FailureDepth, FamilyProof, prove
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
    fabric = bgp_peer("fabric", peerIP="192.0.2.1", asNumber=65001)
    found = proved(NO_MESH, fabric, leaf(1), leaf(2))
    assert (found.gaps, [gap.pair for gap in found.unknown]) == ((), [("n1", "n1")])


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
    assert json.loads(done.stdout)["complete"] is False


def test_the_command_takes_a_label_for_racks() -> None:
    done = bgpctl("proof", str(QUICKSTART), "--failures", "1", "--rack-label", "nothing-has-this")
    assert "(2 tried)" in done.stdout


@pytest.mark.parametrize("arguments", [("proof", "/nowhere-at-all"), ("proof", str(QUICKSTART), "--failures", "3")])
def test_the_command_is_not_ready_for_nonsense(arguments: tuple[str, ...]) -> None:
    assert bgpctl(*arguments).returncode == 2
