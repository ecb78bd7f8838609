"""Nodes without a BGP speaker: what validation finds about them, and what the topology proof says of them."""

from __future__ import annotations

import pytest
from compiler_makers import annotated, bgp_peer, block, configuration, felix, node, pool

from bgpctl.compiler import CompileOptions
from bgpctl.guardrails import check_cluster
from bgpctl.guardrails.proof.lost_pairs import lost_pairs
from bgpctl.guardrails.proof.obstacle import Obstacle
from bgpctl.guardrails.proof.proof_text import proof_data, render_proof, verdict
from bgpctl.guardrails.proof.prove import FamilyProof, Verdict, prove
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

OURS, FELIX = CompileOptions(without_felix=True), CompileOptions()
WINDOWS = {"kubernetes.io/os": "windows"}
PODS = pool("pods", "10.244.0.0/16", vxlanMode="Always")
W_BLOCK = block("w1", "10.244.9.0/26")


def speaker(number: int, *, tunnel: bool = True) -> Node:
    return node(f"n{number}", f"10.0.{number}.1/24", ipv4VXLANTunnelAddr=f"10.244.{number}.0" if tunnel else "")


def windows(number: int = 1, *, address: str = "", mac: str = "00:15:5d:00:00:01", **spec: str) -> Node:
    return node(
        f"w{number}",
        address or f"10.0.9.{number}/24",
        labels=WINDOWS,
        ipv4VXLANTunnelAddr=f"10.244.9.{number}",
        vxlanTunnelMACAddr=mac,
        **spec,
    )


CLUSTER: tuple[Resource, ...] = (
    speaker(1),
    speaker(2),
    windows(),
    PODS,
    W_BLOCK,
    *(block(f"n{each}", f"10.244.{each}.0/26") for each in (1, 2)),
)


def findings(*resources: Resource, options: CompileOptions = OURS) -> list[tuple[str, str, str]]:
    """Code, resource and path of every finding."""
    return [(each.code, each.resource, each.path) for each in check_cluster(ResourceSet.of(*resources), options)]


def proved(*resources: Resource, options: CompileOptions = OURS, failures: int = 0) -> FamilyProof:
    (found,) = prove(ResourceSet.of(*resources), options, 1 if failures else 0).families
    return found


def gaps(found: FamilyProof) -> list[tuple[str, str, Obstacle]]:
    return [(*gap.pair, gap.obstacle) for gap in found.gaps]


# ------------------------------------------------------------------------------------------ findings


@pytest.mark.parametrize("options", [OURS, FELIX], ids=["ours", "Felix"])
def test_nothing_is_found_about_one_that_is_reached(options: CompileOptions) -> None:
    assert findings(*CLUSTER, options=options) == []


def test_no_session_is_missed_where_only_one_node_speaks() -> None:
    assert findings(speaker(1), windows(), PODS, W_BLOCK) == []


def test_no_part_of_the_cluster_is_cut_off_for_it() -> None:
    peers = bgp_peer("p", nodeSelector="all()", peerSelector="all()")
    off = configuration(nodeToNodeMeshEnabled=False)
    several = [windows(each) for each in (1, 2, 3)]
    assert findings(*(speaker(each) for each in (1, 2, 3, 4)), *several, peers, off, PODS) == []


@pytest.mark.parametrize("lacking", [{"ipv4": ""}, {"tunnel": ""}])
def test_without_an_end_of_the_vxlan_it_is_not_reached(lacking: dict[str, str]) -> None:
    given = {"ipv4": "10.0.9.1/24", "tunnel": "10.244.9.1"} | lacking
    bare = annotated(node("w1", given["ipv4"], ipv4VXLANTunnelAddr=given["tunnel"]), speaker="false")
    assert findings(speaker(1), speaker(2), bare, PODS, W_BLOCK) == [
        ("unreachable-node", "Node/w1", "$.metadata.annotations['bgpctl.io/speaker']")
    ]


def test_a_block_that_no_vxlan_leads_to_is_named() -> None:
    plain, outside, six = pool("plain", "10.7.0.0/16"), block("w1", "10.9.0.0/26"), block("w1", "fd00:9::/122")
    pools = plain, pool("six", "fd00:9::/64", vxlanMode="Always")
    found = findings(*CLUSTER, *pools, block("w1", "10.7.0.0/26"), outside, six)
    assert found == [
        ("block-outside-vxlan", "BlockAffinity/w1-10.7.0.0-26", "$.spec.cidr"),
        ("block-outside-vxlan", "BlockAffinity/w1-10.9.0.0-26", "$.spec.cidr"),
        ("block-outside-vxlan", "BlockAffinity/w1-fd00-9---122", "$.spec.cidr"),
    ]


def test_pod_cidrs_are_looked_at_where_they_count() -> None:
    hosted = windows().model_copy(
        update={"status": windows().status.model_copy(update={"pod_cidrs": ("10.9.0.0/24",)})}
    )
    options = CompileOptions(without_felix=True, use_pod_cidr=True)
    assert findings(speaker(1), speaker(2), hosted, PODS, options=options) == [
        ("block-outside-vxlan", "Node/w1", "$.status.podCIDRs")
    ]
    assert findings(speaker(1), speaker(2), hosted, PODS) == []


def test_what_windows_takes_no_part_in_is_named() -> None:
    settings = felix(vxlanVNI=4095, vxlanPort=8472)
    assert findings(*CLUSTER, settings) == [
        ("windows-vxlan", "FelixConfiguration/default", "$.spec.vxlanPort"),
        ("windows-vxlan", "FelixConfiguration/default", "$.spec.vxlanVNI"),
    ]
    assert findings(*CLUSTER, settings, felix("node.w1", vxlanVNI=4096, vxlanPort=4789)) == []
    bare = [each for each in CLUSTER if each.name != "w1"]
    assert findings(*bare, windows(mac="")) == [("windows-vxlan", "Node/w1", "$.spec.vxlanTunnelMACAddr")]


def test_within_a_subnet_felix_sends_without_the_vxlan() -> None:
    cross = [each for each in CLUSTER if each is not PODS] + [pool("pods", "10.244.0.0/16", vxlanMode="CrossSubnet")]
    assert findings(*cross, options=FELIX) == [("windows-vxlan", "IPPool/pods", "$.spec.vxlanMode")]
    assert findings(*cross, options=OURS) == []


def test_a_bgp_peer_to_it_is_named_once() -> None:
    peer = bgp_peer("to-w1", peerIP="10.0.9.1", asNumber=65009)
    assert findings(*CLUSTER, peer) == [("peer-without-speaker", "BGPPeer/to-w1", "$.spec.peerIP")]


def test_a_reflector_without_a_speaker_reflects_nothing() -> None:
    both = annotated(
        node("rr", "10.0.8.1/24", cluster_id="224.0.0.1", ipv4VXLANTunnelAddr="10.244.8.0"), speaker="false"
    )
    found = findings(*CLUSTER, both)
    assert found == [("reflector-without-speaker", "Node/rr", "$.spec.bgp.routeReflectorClusterID")]


# ------------------------------------------------------------------------------------------ the proof


@pytest.mark.parametrize("options", [OURS, FELIX], ids=["ours", "Felix"])
def test_its_blocks_count_as_reached_through_the_tunnel(options: CompileOptions) -> None:
    found = proved(*CLUSTER, options=options)
    assert (found.verdict, found.without_speaker, found.nodes) == (Verdict.COMPLETE, ("w1",), 3)
    cluster = prove(ResourceSet.of(*CLUSTER), options)
    assert "w1 is reached through the VXLAN alone" in verdict(cluster)
    assert proof_data(cluster)["families"][0]["without_speaker"] == ["w1"]


def test_reflectors_that_fail_cost_it_nothing() -> None:
    reflectors = [node(f"rr{each}", f"10.0.8.{each}/24", cluster_id="224.0.0.1", labels={"rr": ""}) for each in (1, 2)]
    peer = bgp_peer("rr", nodeSelector="all()", peerSelector="has(rr)")
    found = proved(*CLUSTER, *reflectors, peer, configuration(nodeToNodeMeshEnabled=False), failures=1)
    assert (found.verdict, found.gaps) == (Verdict.COMPLETE, ())
    assert found.single is not None
    assert found.single.breaking == ()


def test_two_such_nodes_reach_each_other() -> None:
    assert proved(*CLUSTER, windows(2), block("w2", "10.244.9.64/26")).verdict is Verdict.COMPLETE


def test_a_node_without_an_end_of_the_vxlan_is_cut_off_from_it() -> None:
    found = proved(*CLUSTER, node("n3", "10.0.1.3/24"), block("n3", "10.244.3.0/26"))
    assert {("n3", "w1", Obstacle.NO_VXLAN_END), ("w1", "n3", Obstacle.NO_VXLAN_END)} <= set(gaps(found))
    felix = proved(*CLUSTER, node("n3", "10.0.1.3/24"), block("n3", "10.244.3.0/26"), options=FELIX)
    assert ("w1", "n3") in [gap.pair for gap in felix.unknown]


def test_a_block_outside_the_vxlan_is_not_reached_and_the_proof_says_what_to_do() -> None:
    cluster = [*CLUSTER, pool("plain", "10.7.0.0/16"), block("w1", "10.7.0.0/26")]
    found = proved(*cluster)
    assert gaps(found) == [("w1", "n1", Obstacle.OUTSIDE_VXLAN)]
    assert found.gaps[0].prefix == "10.7.0.0/26"
    assert "to do: let the blocks of both nodes come from pools with vxlanMode" in render_proof(
        prove(ResourceSet.of(*cluster), OURS)
    )


def test_it_reaches_no_block_outside_the_vxlan() -> None:
    found = proved(*CLUSTER, pool("plain", "10.7.0.0/16"), block("n1", "10.7.0.0/26"))
    assert gaps(found) == [("n1", "w1", Obstacle.OUTSIDE_VXLAN)]


def test_a_dedicated_reflector_needs_no_way_to_it() -> None:
    reflector = node("rr", "10.0.8.1/24", cluster_id="224.0.0.1", labels={"rr": ""})
    peer = bgp_peer("rr", nodeSelector="all()", peerSelector="has(rr)")
    off = configuration(nodeToNodeMeshEnabled=False)
    assert proved(*CLUSTER, reflector, peer, off).verdict is Verdict.COMPLETE


def test_a_change_that_cuts_it_off_names_the_pairs() -> None:
    without_end = annotated(node("w1", "10.0.9.1/24", labels=WINDOWS), speaker="false")
    after = [*(each for each in CLUSTER if each.name != "w1"), without_end]
    found = lost_pairs(ResourceSet.of(*CLUSTER), ResourceSet.of(*after), OURS)
    assert found.count == 4
    assert {(each.origin, each.destination) for each in found.first} == {
        ("w1", "n1"),
        ("w1", "n2"),
        ("n1", "w1"),
        ("n2", "w1"),
    }


def test_a_node_that_loses_its_speaker_and_has_no_end_of_the_vxlan_is_cut_off() -> None:
    """The label alone makes no node of Windows one without a speaker; the annotation does."""
    off = annotated(speaker(2, tunnel=False), speaker="false")
    bare = [each for each in CLUSTER if each.name != "n2"]
    assert ("n2", "n1", Obstacle.NO_VXLAN_END) in gaps(proved(*bare, off))
