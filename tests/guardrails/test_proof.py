"""The proof of clusters that a person can follow by hand, and how it is told."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from compiler_makers import bgp_peer, block, configuration, node, pool, secret

from bgpctl.guardrails.proof.proof_text import REMEDIES, proof_data, render_proof, verdict
from bgpctl.guardrails.proof.propagation import Obstacle
from bgpctl.guardrails.proof.prove import FailureDepth, FamilyProof, prove
from bgpctl.resources.model import Resource
from bgpctl.resources.resource_set import ResourceSet

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
    assert (split.gaps[0].teller, split.gaps[0].receiver) == ("rr1", "rr2")
    assert gaps(proved(*shared, reflector(1, "224.0.0.1"), reflector(2, "224.0.0.2", "2"))) == []


def test_a_chain_of_ordinary_nodes_stops_at_the_split_horizon() -> None:
    peer = bgp_peer("middle", node="n2", peerSelector="all()")
    assert gaps(proved(NO_MESH, peer, leaf(1), leaf(2), leaf(3))) == [("n1", "n1", Obstacle.SPLIT_HORIZON)]


def test_a_node_between_two_sites_of_one_as_is_an_as_loop() -> None:
    peer = bgp_peer("middle", node="n2", peerSelector="all()")
    assert gaps(proved(NO_MESH, peer, leaf(1), leaf(2, asn=65001), leaf(3))) == [("n1", "n1", Obstacle.AS_LOOP)]


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
        "    n1 and 1 more like it do not hear each other",
        f"    to do: {REMEDIES[Obstacle.SPLIT_HORIZON]}",
    ]
    assert proof_data(proof)["complete"] is False


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
