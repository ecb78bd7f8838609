"""Nodes without a BGP speaker: no session with them, and their blocks in the plans of all others."""

from __future__ import annotations

import pytest
from compiler_makers import (
    Route,
    annotated,
    ask,
    bgp_filter,
    bgp_peer,
    block,
    compiled,
    configuration,
    exports,
    node,
    peers,
    pool,
    session,
)

from bgpctl.compiler import CompileOptions, compile_node
from bgpctl.compiler.cluster.vtep import derived_mac
from bgpctl.resources.kinds.kubernetes_node import merge_nodes
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.plan import (
    KernelPlan,
    NodePlan,
    Origination,
    RouteSource,
    SessionKind,
    TunnelRoute,
    decode_plan,
    encode_plan,
)

WINDOWS = {"kubernetes.io/os": "windows"}
MAC = "00:15:5d:0a:0b:0c"
W1 = node(
    "w1", "10.0.0.9/24", labels=WINDOWS, ipv4VXLANTunnelAddr="192.168.9.1", vxlanTunnelMACAddr="00:15:5D:0A:0B:0C"
)
A = node("a", "10.0.0.1/24", ipv4VXLANTunnelAddr="192.168.1.0")
B = node("b", "10.0.1.2/24", ipv4VXLANTunnelAddr="192.168.2.0")
POOL = pool("pods", "192.168.0.0/16", vxlanMode="Always")
BLOCK = block("w1", "192.168.9.0/26")
CLUSTER: tuple[Resource, ...] = (A, B, W1, POOL, BLOCK, block("a", "192.168.1.0/26"))
TOR = bgp_peer("tor", nodeSelector="all()", peerIP="10.0.0.254", asNumber=65001)
ROUTE = TunnelRoute("192.168.9.0/26", "192.168.9.1", "w1", "block of w1, no BGP speaker")


def plan_of(name: str, *others: Resource, without_felix: bool = True) -> NodePlan:
    return compiled(name, *CLUSTER, *others, without_felix=without_felix)


# ------------------------------------------------------------------------------------------ who has none


def speaks(*resources: Resource) -> bool:
    """Whether the mesh of `a` has a session with w1."""
    return "10.0.0.9" in peers(compiled("a", A, *resources))


def test_a_windows_node_has_no_speaker_if_it_has_an_end_of_the_vxlan() -> None:
    """With the backend windows-bgp Calico writes no tunnel address, and the node speaks BGP."""
    assert not speaks(W1)
    assert speaks(node("w1", "10.0.0.9/24", labels=WINDOWS))
    assert speaks(node("w1", "10.0.0.9/24", labels={"kubernetes.io/os": "linux"}, ipv4VXLANTunnelAddr="192.168.9.1"))


def test_the_annotation_stands_above_the_label() -> None:
    assert speaks(annotated(W1, speaker="true"))
    assert not speaks(annotated(node("w1", "10.0.0.9/24"), speaker="false"))


def test_the_annotation_of_a_kubernetes_node_counts_beside_calicos_own_node() -> None:
    calico, kubernetes = node("w1", "10.0.0.9/24"), annotated(node("w1"), speaker="false")
    assert not speaks(merge_nodes(calico, kubernetes))
    assert speaks(merge_nodes(annotated(calico, speaker="true"), kubernetes))


# ------------------------------------------------------------------------------------------ sessions


def test_such_a_node_is_in_no_mesh() -> None:
    assert peers(plan_of("a")) == ["10.0.1.2"]
    assert {each.kind for each in plan_of("a").sessions} == {SessionKind.MESH}


def test_such_a_node_is_no_client_of_a_reflector_and_nothing_is_suppressed() -> None:
    reflector = node("rr", "10.0.0.8/24", cluster_id="224.0.0.1", labels={"rr": ""})
    to_reflectors = bgp_peer("rr", nodeSelector="all()", peerSelector="has(rr)")
    from_reflectors = bgp_peer("back", nodeSelector="has(rr)", peerSelector="all()")
    for peer in (to_reflectors, from_reflectors):
        plan = plan_of("rr", reflector, peer, configuration(nodeToNodeMeshEnabled=False))
        assert (peers(plan), plan.suppressed) == (["10.0.0.1", "10.0.1.2"], ())


def test_a_bgp_peer_with_its_address_makes_no_session() -> None:
    named = bgp_peer("w1", peerIP="10.0.0.9", asNumber=64512)
    assert peers(plan_of("a", named)) == ["10.0.1.2"]
    assert peers(plan_of("a", bgp_peer("of-w1", node="w1", peerIP="10.0.0.1"))) == ["10.0.1.2"]


def test_nothing_runs_on_it() -> None:
    plan = plan_of("w1", TOR)
    assert plan == NodePlan("w1", "10.0.0.9", kernel=KernelPlan())


# ------------------------------------------------------------------------------------------ its blocks


def test_its_block_is_routed_to_its_end_of_the_vxlan_by_every_node_that_programs_one() -> None:
    for name in ("a", "b"):
        kernel = plan_of(name).kernel
        assert kernel.tunnel_routes == (ROUTE,)
        (end,) = (each for each in kernel.vxlans[0].vteps if each.node == "w1")
        assert (end.node_address, end.tunnel_address, end.mac) == ("10.0.0.9", "192.168.9.1", MAC)


def test_with_felix_the_route_is_felixs() -> None:
    plan = plan_of("a", without_felix=False)
    assert plan.kernel.tunnel_routes == ()
    assert "192.168.9.0/26" in [each.prefix for each in plan.originations]


def test_a_node_that_has_no_end_of_the_vxlan_neither_routes_nor_originates_it() -> None:
    plan = compiled("bare", node("bare", "10.0.0.7/24"), *CLUSTER, without_felix=True)
    assert (plan.kernel.tunnel_routes, plan.originations) == ((), ())


@pytest.mark.parametrize("mode", ["Always", "CrossSubnet"])
def test_the_tunnel_is_used_whatever_subnet_the_node_is_in(mode: str) -> None:
    kernel = compiled("a", A, W1, BLOCK, pool("pods", "192.168.0.0/16", vxlanMode=mode), without_felix=True).kernel
    assert kernel.tunnel_routes == (ROUTE,)


def test_a_block_outside_vxlan_pools_has_no_way() -> None:
    others = pool("plain", "10.7.0.0/16"), block("w1", "10.7.1.0/26"), block("w1", "10.9.1.0/26")
    assert plan_of("a", *others).kernel.tunnel_routes == (ROUTE,)


def test_a_block_of_one_address_is_routed_as_well_and_a_pending_one_is_not() -> None:
    others = block("w1", "192.168.9.64/32"), block("w1", "192.168.9.128/26", state="pending")
    found = [each.prefix for each in plan_of("a", *others).kernel.tunnel_routes]
    assert found == ["192.168.9.0/26", "192.168.9.64/32"]


def test_host_local_addresses_are_its_pod_cidrs() -> None:
    hosted = W1.model_copy(update={"status": W1.status.model_copy(update={"pod_cidrs": ("192.168.77.0/24",)})})
    plan = compiled("a", A, hosted, POOL, BLOCK, without_felix=True, use_pod_cidr=True)
    assert [each.prefix for each in plan.kernel.tunnel_routes] == ["192.168.77.0/24"]


def test_a_block_that_this_node_has_as_well_stays_its_own() -> None:
    plan = plan_of("a", block("a", "192.168.9.0/26"))
    assert plan.kernel.tunnel_routes == ()
    assert "192.168.9.0/26" in plan.kernel.blackholes


def test_ipv6_blocks_lead_through_the_ipv6_vxlan() -> None:
    ends = [
        annotated(node("w6", "", "fd00::9/64", ipv6VXLANTunnelAddr="fd09::1"), speaker="false"),
        node("a6", "", "fd00::1/64", ipv6VXLANTunnelAddr="fd01::1"),
    ]
    plan = compiled(
        "a6", *ends, pool("six", "fd00:9::/64", vxlanMode="Always"), block("w6", "fd00:9::/122"), without_felix=True
    )
    assert [(each.prefix, each.gateway) for each in plan.kernel.tunnel_routes] == [("fd00:9::/122", "fd09::1")]
    assert [each.interface for each in plan.originations] == ["vxlan-v6.calico"]


def test_the_plan_reads_back() -> None:
    plan = plan_of("a")
    assert decode_plan(encode_plan(plan)) == plan


def test_a_cluster_without_such_nodes_has_the_plan_that_it_had() -> None:
    """An agent or a speaker of before reads it."""
    assert b"tunnel_routes" not in encode_plan(compiled("a", A, B, POOL, without_felix=True))


# --------------------------------------------------------------------------------- who is advertised it


@pytest.mark.parametrize("without_felix", [True, False], ids=["without Felix", "with Felix"])
def test_routers_of_another_as_are_advertised_it_and_nodes_and_reflectors_are_not(without_felix: bool) -> None:
    """As with BIRD, which learns Felix's route from the kernel: a node that has a way in carries what comes from
    outside, and whoever has a way of its own needs no other."""
    plan = plan_of("a", TOR, without_felix=without_felix)
    (origination,) = (each for each in plan.originations if each.prefix == "192.168.9.0/26")
    assert origination == Origination(
        "192.168.9.0/26", RouteSource.STATIC, 1024, "vxlan.calico", defined_by="block of w1, no BGP speaker"
    )
    route = Route("192.168.9.0/26", RouteSource.STATIC, origination.interface)
    assert exports(plan, "10.0.0.254", route) == ["192.168.9.0/26"]
    assert exports(plan, "10.0.1.2", route) == []


def test_a_pool_that_is_not_exported_and_a_filter_keep_it_from_routers() -> None:
    hidden = pool("pods", "192.168.0.0/16", vxlanMode="Always", disableBGPExport=True)
    plan = compiled("a", A, W1, hidden, BLOCK, TOR, without_felix=True)
    assert exports(plan, "10.0.0.254", Route("192.168.9.0/26", RouteSource.STATIC, "vxlan.calico")) == []

    no_tunnels = bgp_filter("no-tunnels", exportV4=[{"action": "Reject", "interface": "vxlan.calico"}])
    peer = bgp_peer("tor", peerIP="10.0.0.254", asNumber=65001, filters=["no-tunnels"])
    plan = plan_of("a", peer, no_tunnels)
    assert (
        ask(plan, session(plan, "10.0.0.254").peer_address, Route("192.168.9.0/26", RouteSource.STATIC, "vxlan.calico"))
        is None
    )


# ------------------------------------------------------------------------------------------ the MAC


@pytest.mark.parametrize(
    ("name", "family", "mac"),
    [
        ("remotehostname", 4, "66:3e:ca:a4:db:65"),
        ("remotehostname2", 4, "66:40:18:59:1f:16"),
        ("remotehostname", 6, "66:a0:68:c9:4c:79"),
    ],
)
def test_a_mac_that_no_node_names_is_the_one_that_felix_derives(name: str, family: int, mac: str) -> None:
    """What a Windows node sends to our nodes goes to this MAC (felix/calc/states_for_test.go has these)."""
    assert derived_mac(name, 4 if family == 4 else 6) == mac


def test_a_missing_end_is_reported_for_nodes_that_program_the_vxlan_only() -> None:
    result = compile_node(
        ResourceSet.of(A, POOL, node("w2", "10.0.0.8/24", labels=WINDOWS)), "a", CompileOptions(without_felix=True)
    )
    assert result.problems == ()
