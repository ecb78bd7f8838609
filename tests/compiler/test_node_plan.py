"""Everything of a plan that is not a session: identity, blocks, the kernel, VXLAN."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest
from compiler_makers import block, cluster_information, compiled, configuration, felix, node, pool

from bgpctl.compiler import CompileError, CompileOptions, compile_node
from bgpctl.compiler.identity import ALL_ADDRESSES, hashed_router_id
from bgpctl.resources.resource_set import ResourceSet
from reflector.plan import (
    Encapsulation,
    KernelVerdict,
    Listen,
    NodePlan,
    RouteSource,
    Vtep,
    decode_plan,
    encode_plan,
)

A, B = node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24")


def rule(plan: NodePlan, network: str) -> tuple[KernelVerdict, Encapsulation, bool]:
    (found,) = (each for each in plan.kernel.rules if each.network == network)
    return (found.verdict, found.encapsulation, found.cross_subnet)


PROGRAM, LEAVE = KernelVerdict.PROGRAM, KernelVerdict.LEAVE
PLAIN, IPIP, VXLAN = Encapsulation.NONE, Encapsulation.IPIP, Encapsulation.VXLAN


# -------------------------------------------------------------------------------------------- identity


def test_a_node_that_does_not_exist_has_no_plan() -> None:
    with pytest.raises(CompileError, match="there is no Node resource named 'z' among 2 nodes"):
        compile_node(ResourceSet.of(A, B), "z")


def test_the_router_id_is_the_ipv4_address() -> None:
    assert compiled("a", A).router_id == "10.0.0.1"


def test_the_router_id_can_be_given() -> None:
    assert compiled("a", A, router_id="192.0.2.9").router_id == "192.0.2.9"


def test_a_hashed_router_id_follows_from_the_name() -> None:
    # sha256("b") begins with 3e 23 e8 16
    assert compiled("b", B, router_id="hash").router_id == "62.35.232.22"


def test_a_hashed_router_id_is_never_multicast() -> None:
    names = [f"node-{number}" for number in range(200)]
    high = [name for name in names if sha256(name.encode()).digest()[0] > 223]

    assert high
    assert all(int(hashed_router_id(name).split(".")[0]) in range(192, 224) for name in high)


def test_a_node_without_ipv4_gets_a_router_id_and_a_warning() -> None:
    result = compile_node(ResourceSet.of(node("six", "", "fd00::6/64")), "six")

    assert result.plan.router_id == compiled("six", node("six", "", "fd00::6/64"), router_id="hash").router_id
    assert [(each.resource, each.code) for each in result.problems] == [("Node/six", "router-id-derived")]


def test_a_router_id_that_is_no_address_is_refused() -> None:
    with pytest.raises(CompileError, match="the router ID 'x' is neither"):
        compile_node(ResourceSet.of(A), "a", CompileOptions(router_id="x"))


def test_a_node_listens_in_the_families_in_which_it_has_an_address() -> None:
    dual = node("dual", "10.0.0.4/24", "fd00::4/64")

    assert compiled("a", A).listen == (Listen(ALL_ADDRESSES[4]),)
    assert compiled("dual", dual).listen == (Listen(ALL_ADDRESSES[4]), Listen(ALL_ADDRESSES[6]))
    assert compiled("dual", dual, configuration(bindMode="NodeIP", listenPort=1790)).listen == (
        Listen("10.0.0.4", 1790),
        Listen("fd00::4", 1790),
    )


def test_the_log_level_of_the_node_wins_over_the_clusters() -> None:
    objects = (configuration(logSeverityScreen="Warning"), configuration("node.a", logSeverityScreen="Debug"))

    assert compiled("a", A, *objects).log_level == "debug"
    assert compiled("b", B, *objects).log_level == "warning"


# ---------------------------------------------------------------------------------------------- blocks


def test_a_nodes_blocks_are_originated_and_end_in_a_blackhole() -> None:
    plan = compiled("a", A, pool("p", "192.168.0.0/16"), block("a", "192.168.1.0/26"), block("b", "192.168.2.0/26"))

    assert [(each.prefix, each.source, each.priority) for each in plan.originations] == [
        ("192.168.1.0/26", RouteSource.BLOCK, 1024)
    ]
    assert plan.kernel.blackholes == ("192.168.1.0/26",)


@pytest.mark.parametrize(
    ("state", "originated", "aggregated"),
    [("", True, True), ("confirmed", True, True), ("pendingDeletion", True, False), ("pending", False, False)],
)
def test_the_state_of_a_block_decides_what_becomes_of_it(state: str, originated: bool, aggregated: bool) -> None:
    plan = compiled("a", A, B, pool("p", "192.168.0.0/16"), block("a", "192.168.1.0/26", state=state))

    reasons = {each.defined_by for policy in plan.policies for each in policy.rules}
    assert [each.prefix for each in plan.originations] == ["192.168.1.0/26"] * originated
    assert ("block 192.168.1.0/26" in reasons) is aggregated


def test_a_block_of_one_address_is_left_to_its_workload() -> None:
    plan = compiled("a", A, block("a", "192.168.1.1/32"))

    assert (plan.originations, plan.kernel.blackholes) == ((), ())


def test_routes_of_workloads_are_looked_for_in_every_pool_beside_the_nodes_blocks() -> None:
    """A pool that is not exported as well: what is advertised is the policies' decision. A block that is given back
    stands for nothing, nor does one of a single address."""
    pools = (
        pool("p", "192.168.0.0/16"),
        pool("hidden", "10.9.0.0/16", disableBGPExport=True),
        pool("six", "fd64::/48"),
    )
    blocks = (
        block("a", "192.168.1.0/26"),
        block("a", "192.168.1.64/26", state="pendingDeletion"),
        block("a", "192.168.3.1/32"),
        block("a", "fd64::/122"),
        block("b", "192.168.2.0/26"),
    )
    kernel = compiled("a", A, B, *pools, *blocks).kernel
    assert kernel.workload_networks == ("10.9.0.0/16", "192.168.0.0/16", "fd64::/48")
    assert kernel.aggregated_blocks == ("192.168.1.0/26", "fd64::/122")


def test_virtual_affinities_are_nobodys_blocks() -> None:
    assert compiled("a", A, block("a", "192.168.1.0/26", type="virtual")).originations == ()


def test_with_host_local_ipam_the_pod_cidrs_are_the_blocks() -> None:
    pods = A.model_copy(update={"status": A.status.model_copy(update={"pod_cidrs": ("10.244.1.0/24",)})})

    plan = compiled("a", pods, block("a", "192.168.1.0/26"), use_pod_cidr=True)

    assert [each.prefix for each in plan.originations] == ["10.244.1.0/24"]


# ---------------------------------------------------------------------------------------------- kernel


@pytest.mark.parametrize(
    ("program", "no_encapsulation", "ipip"),
    [
        (None, (PROGRAM, PLAIN, False), (LEAVE, PLAIN, False)),
        ("EnabledNoEncapOnly", (PROGRAM, PLAIN, False), (LEAVE, PLAIN, False)),
        ("EnabledIPIPOnly", (LEAVE, PLAIN, False), (PROGRAM, IPIP, True)),
        ("Enabled", (PROGRAM, PLAIN, False), (PROGRAM, IPIP, True)),
        ("Disabled", (LEAVE, PLAIN, False), (LEAVE, PLAIN, False)),
    ],
)
def test_program_cluster_routes_decides_whose_a_pool_is(
    program: str | None,
    no_encapsulation: tuple[KernelVerdict, Encapsulation, bool],
    ipip: tuple[KernelVerdict, Encapsulation, bool],
) -> None:
    pools = (pool("plain", "10.1.0.0/16"), pool("ipip", "10.2.0.0/16", ipipMode="CrossSubnet"))

    plan = compiled("a", A, *pools, configuration(programClusterRoutes=program))

    assert (rule(plan, "10.1.0.0/16"), rule(plan, "10.2.0.0/16")) == (no_encapsulation, ipip)


def test_a_blackhole_is_set_only_where_the_pools_routes_are_ours() -> None:
    pools = (pool("plain", "10.1.0.0/16"), pool("ipip", "10.2.0.0/16", ipipMode="Always"))
    blocks = (block("a", "10.1.1.0/26"), block("a", "10.2.1.0/26"), block("a", "10.3.1.0/26"))

    assert compiled("a", A, *pools, *blocks).kernel.blackholes == ("10.1.1.0/26", "10.3.1.0/26")


def test_the_local_subnets_are_those_of_the_nodes_addresses() -> None:
    assert compiled("a", node("a", "10.0.0.1/24", "fd00::1/64")).kernel.local_subnets == (
        "10.0.0.0/24",
        "fd00::/64",
    )


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("v3.26.4", PROGRAM), ("v3.32.0", PROGRAM), ("3.31", PROGRAM), ("v3.33.0", LEAVE), ("v4.0.0", LEAVE), ("", LEAVE)],
)
def test_before_calico_3_33_bgp_programs_the_routes_of_ipip_pools(version: str, verdict: KernelVerdict) -> None:
    pools = (pool("plain", "10.1.0.0/16"), pool("ipip", "10.2.0.0/16", ipipMode="Always"))
    plan = compiled("a", A, *pools, cluster_information(version))
    assert [each.verdict for each in plan.kernel.rules] == [PROGRAM, verdict]
    asked = configuration(programClusterRoutes="EnabledIPIPOnly")
    assert [each.verdict for each in compiled("a", A, *pools, asked, cluster_information(version)).kernel.rules] == [
        LEAVE,
        PROGRAM,
    ]


def test_the_ipip_address_is_told_when_tunnels_are_ours() -> None:
    tunnelled = node("a", "10.0.0.1/24", ipip="10.2.0.1")
    ipip = pool("ipip", "10.2.0.0/16", ipipMode="Always")

    assert compiled("a", tunnelled, ipip).kernel.ipip_address == ""
    enabled = configuration(programClusterRoutes="Enabled")
    assert compiled("a", tunnelled, ipip, enabled).kernel.ipip_address == "10.2.0.1"


def test_priorities_reach_the_kernel_and_the_originations() -> None:
    priorities = configuration(ipv4NormalRoutePriority=5000, ipv6NormalRoutePriority=80)

    plan = compiled("a", A, block("a", "10.1.1.0/26"), block("a", "fd00:1::/122"), priorities)

    assert (plan.kernel.normal_priority_v4, plan.kernel.normal_priority_v6) == (5000, 80)
    assert [each.priority for each in plan.originations] == [5000, 80]


# ----------------------------------------------------------------------------------------------- VXLAN

VXLAN_POOL = pool("vx", "192.168.0.0/16", vxlanMode="CrossSubnet")
LEFT = node("left", "10.0.0.1/24", ipv4VXLANTunnelAddr="192.168.0.1", vxlanTunnelMACAddr="66:AA:00:00:00:01")
RIGHT = node("right", "10.0.1.1/24", ipv4VXLANTunnelAddr="192.168.0.2")


def test_without_being_asked_to_vxlan_is_felix() -> None:
    plan = compiled("left", LEFT, RIGHT, VXLAN_POOL)

    assert rule(plan, "192.168.0.0/16")[0] is LEAVE
    assert plan.kernel.vxlans == ()


def test_a_node_that_programs_vxlan_knows_its_end_and_all_others() -> None:
    plan = compiled("left", LEFT, RIGHT, VXLAN_POOL, without_felix=True)

    assert rule(plan, "192.168.0.0/16") == (PROGRAM, VXLAN, True)
    (vxlan,) = plan.kernel.vxlans
    assert (vxlan.device, vxlan.vni, vxlan.port, vxlan.family) == ("vxlan.calico", 4096, 4789, 4)
    assert (vxlan.local_address, vxlan.tunnel_address, vxlan.mac) == (
        "10.0.0.1",
        "192.168.0.1",
        "66:aa:00:00:00:01",
    )
    assert [(each.node, each.node_address, each.tunnel_address) for each in vxlan.vteps] == [
        ("right", "10.0.1.1", "192.168.0.2")
    ]


def test_both_ends_derive_the_same_mac_for_a_node_that_has_none() -> None:
    (seen,) = compiled("left", LEFT, RIGHT, VXLAN_POOL, without_felix=True).kernel.vxlans
    (own,) = compiled("right", LEFT, RIGHT, VXLAN_POOL, without_felix=True).kernel.vxlans

    assert seen.vteps == (Vtep("right", "10.0.1.1", "192.168.0.2", own.mac),)
    assert int(own.mac.split(":")[0], 16) & 0b11 == 0b10


def test_felix_configuration_sets_the_vxlan_and_the_nodes_own_wins() -> None:
    objects = (felix(vxlanVNI=7, vxlanPort=8472, vxlanMTU=1400), felix("node.left", vxlanVNI=9))

    (vxlan,) = compiled("left", LEFT, VXLAN_POOL, *objects, without_felix=True).kernel.vxlans

    assert (vxlan.vni, vxlan.port, vxlan.mtu) == (9, 8472, 1400)


def test_felix_configuration_sets_the_mtu_of_ipip_where_its_routes_are_ours() -> None:
    pools, mtu = pool("ipip", "10.2.0.0/16", ipipMode="Always"), felix(ipipMTU=1400)

    ours = compiled("a", A, pools, mtu, configuration(programClusterRoutes="Enabled"))
    felixs = compiled("a", A, pools, mtu)

    assert (ours.kernel.ipip_mtu, felixs.kernel.ipip_mtu) == (1400, 0)


def test_protocol_number_and_table_are_the_nodes_environments() -> None:
    plan = compiled("a", A, route_protocol=180, route_table=100)

    assert (plan.kernel.protocol, plan.kernel.table) == (180, 100)


def test_a_node_without_a_tunnel_address_leaves_vxlan_pools_alone_and_is_told() -> None:
    result = compile_node(ResourceSet.of(A, RIGHT, VXLAN_POOL), "a", CompileOptions(without_felix=True))

    assert rule(result.plan, "192.168.0.0/16")[0] is LEAVE
    assert result.plan.kernel.vxlans == ()
    assert [(each.resource, each.path, each.code) for each in result.problems] == [
        ("Node/a", "$.spec.ipv4VXLANTunnelAddr", "no-vxlan-tunnel-address")
    ]


def test_a_route_reflector_needs_no_tunnel_address() -> None:
    reflector = node("rr", "10.0.0.9/24", cluster_id="224.0.0.1")

    assert not compile_node(ResourceSet.of(reflector, VXLAN_POOL), "rr", CompileOptions(without_felix=True)).problems


def test_ipv6_has_its_own_device() -> None:
    six = node("six", "", "fd00::6/64", ipv6VXLANTunnelAddr="fd01::1")

    (vxlan,) = compiled("six", six, pool("vx6", "fd01::/64", vxlanMode="Always"), without_felix=True).kernel.vxlans

    assert (vxlan.device, vxlan.family, vxlan.tunnel_address) == ("vxlan-v6.calico", 6, "fd01::1")


def test_a_plan_survives_the_way_to_the_speaker() -> None:
    plan = compiled("left", LEFT, RIGHT, A, VXLAN_POOL, block("left", "192.168.1.0/26"), without_felix=True)

    assert decode_plan(encode_plan(plan)) == plan


@pytest.mark.parametrize(
    ("text", "version"), [(b'{"node":"a","held":[]}', 1), (b'{"node":"a","version":3,"weather":"fine"}', 3)]
)
def test_a_plan_of_another_version_is_refused_with_that_version(text: bytes, version: int) -> None:
    with pytest.raises(msgspec.ValidationError, match=f"the plan has version {version}; this program reads version 2"):
        decode_plan(text)
