"""Each guardrail: a cluster that it warns about, and one like it that it has nothing to say to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from compiler_makers import (
    bgp_filter,
    bgp_peer,
    block,
    configuration,
    felix,
    node,
    pool,
    secret,
    service,
)

from bgpctl.compiler import CompileOptions
from bgpctl.datastore.directory import read_directory
from bgpctl.guardrails import check_cluster, nothing_read
from bgpctl.resources.kinds.node import NodeStatus
from bgpctl.resources.resource_set import ResourceSet, build_resource_set
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.problem import Location, Problem, Severity

NO_MESH = configuration(nodeToNodeMeshEnabled=False)
TO_REFLECTORS = bgp_peer("to-reflectors", nodeSelector="!has(rr)", peerSelector="has(rr)")
BETWEEN_REFLECTORS = bgp_peer("between-reflectors", nodeSelector="has(rr)", peerSelector="has(rr)")


def nodes(count: int, **labels: str) -> list[Resource]:
    return [node(f"n{number}", f"10.0.{number // 250}.{number % 250 + 1}/16", labels=labels) for number in range(count)]


def reflector(name: str, address: str, cluster_id: str = "224.0.0.1", **labels: str) -> Resource:
    return node(name, address, cluster_id=cluster_id, labels={"rr": ""} | labels)


def findings(*resources: Resource) -> list[tuple[str, str]]:
    """Code and resource of every finding."""
    return [(each.code, each.resource) for each in check_cluster(ResourceSet.of(*resources))]


def only(*resources: Resource) -> Problem:
    (found,) = check_cluster(ResourceSet.of(*resources))
    return found


def test_a_finding_names_file_and_line_of_its_resource() -> None:
    peer = bgp_peer("p", nodeSelector="has(a)", peerSelector="has(a)")
    placed = [(each, Location("cluster.yaml", line)) for line, each in enumerate([NO_MESH, *nodes(1, a=""), peer], 1)]

    (found,) = check_cluster(build_resource_set(placed))

    assert str(found).startswith("cluster.yaml:3: warning: BGPPeer/p $.spec: this defines no session")


# ---------------------------------------------------------------------------------------------- meshes


def test_a_mesh_of_more_than_a_hundred_nodes_is_large() -> None:
    assert findings(*nodes(101)) == [("large-mesh", "")]
    assert findings(*nodes(100)) == []


def test_a_mesh_made_of_a_bgp_peer_counts_as_well() -> None:
    peer = bgp_peer("all", nodeSelector="all()", peerSelector="all()")
    assert findings(NO_MESH, peer, *nodes(101)) == [("large-mesh", "BGPPeer/all")]
    assert findings(NO_MESH, peer, *nodes(100)) == []


def test_a_bgp_peer_that_repeats_the_mesh_is_named() -> None:
    peer = bgp_peer("again", node="n0", peerSelector="all()")
    assert findings(*nodes(2), peer) == [("mesh-doubled", "BGPPeer/again")]
    assert findings(NO_MESH, *nodes(2), peer) == []


def test_sessions_without_end_are_not_examined_and_that_is_said() -> None:
    peer = bgp_peer("all", nodeSelector="all()", peerSelector="all()")
    assert ("sessions-not-examined", "") in findings(NO_MESH, peer, *nodes(650))


# ------------------------------------------------------------------------------------------------ idle


def test_a_node_without_address_has_no_session() -> None:
    found = only(*nodes(2), node("bare"))
    assert (found.code, found.resource, found.path) == ("node-without-session", "Node/bare", "$.spec.bgp")


def test_a_node_that_no_bgp_peer_selects_has_no_session() -> None:
    peer = bgp_peer("pair", nodeSelector="has(a)", peerSelector="has(a)")
    assert findings(NO_MESH, peer, *nodes(2, a=""), node("other", "10.9.0.1")) == [
        ("node-without-session", "Node/other")
    ]


def test_a_cluster_in_which_nobody_talks_is_one_finding() -> None:
    assert findings(NO_MESH, *nodes(30)) == [("node-without-session", "BGPConfiguration/default")]
    assert findings(NO_MESH, *nodes(1)) == []


def test_a_bgp_peer_that_joins_a_node_with_itself_makes_no_session() -> None:
    me = node("me", "10.0.0.9", labels={"a": ""})
    assert findings(*nodes(2), me, bgp_peer("p", nodeSelector="has(a)", peerSelector="has(a)")) == [
        ("peer-without-session", "BGPPeer/p")
    ]


# ------------------------------------------------------------------------------------- sessions' ends


def test_two_bgp_peers_that_want_one_session_with_other_options() -> None:
    first = bgp_peer("a", node="n0", peerSelector="all()", ttlSecurity=1)
    second = bgp_peer("b", node="n0", peerSelector="all()", ttlSecurity=2)

    found = only(NO_MESH, *nodes(2), first, second)

    assert (found.code, found.resource) == ("options-differ", "BGPPeer/b")
    assert "'a' defines the session" in found.message
    assert "ttlSecurity" in found.message
    assert findings(NO_MESH, *nodes(2), first, bgp_peer("b", node="n0", peerSelector="all()", ttlSecurity=1)) == []


def test_an_as_number_that_is_not_the_nodes() -> None:
    wrong = bgp_peer("p", node="n0", peerIP="10.0.0.2", asNumber=65001)

    (found,) = [each for each in check_cluster(ResourceSet.of(*nodes(3), wrong)) if each.severity is Severity.ERROR]

    assert (found.code, found.path) == ("as-number-mismatch", "$.spec.asNumber")
    assert "'n1', whose AS is 64512" in found.message
    assert findings(NO_MESH, *nodes(2), bgp_peer("p", node="n0", peerIP="10.0.0.2", asNumber=64512)) == []


def test_a_session_that_only_one_end_asks_for() -> None:
    one = bgp_peer("p", node="n0", peerIP="10.0.0.2", asNumber=64512, reversePeering="Manual")
    other = bgp_peer("q", node="n1", peerIP="10.0.0.1", asNumber=64512, reversePeering="Manual")
    assert ("one-sided-session", "BGPPeer/p") in findings(NO_MESH, *nodes(2), one)
    assert findings(NO_MESH, *nodes(2), one, other) == []


@pytest.mark.parametrize(
    ("here", "there", "code"),
    [
        ({"ttlSecurity": 1}, {}, "ttl-security-mismatch"),
        ({"password": {"secretKeyRef": {"name": "s", "key": "a"}}}, {}, "password-mismatch"),
        ({"localASNumber": 65009}, {}, "as-number-mismatch"),
        ({"peerIP": "10.0.0.2:1790"}, {"peerIP": "10.0.0.1:1790"}, "port-mismatch"),
    ],
)
def test_two_ends_that_do_not_fit(here: dict[str, Any], there: dict[str, Any], code: str) -> None:
    given = {"asNumber": 64512, "reversePeering": "Manual"}
    one = bgp_peer("p", **({"node": "n0", "peerIP": "10.0.0.2"} | given | here))
    other = bgp_peer("q", **({"node": "n1", "peerIP": "10.0.0.1"} | given | there))
    found = check_cluster(ResourceSet.of(NO_MESH, *nodes(2), one, other, secret("s", {"a": "hush"})))
    assert {(each.code, each.severity) for each in found} == {(code, Severity.ERROR)}


def test_two_nodes_with_one_router_id_have_no_session() -> None:
    given = {"asNumber": 64512, "reversePeering": "Manual"}
    one = bgp_peer("p", node="n0", peerIP="10.0.0.2", **given)
    other = bgp_peer("q", node="n1", peerIP="10.0.0.1", **given)
    resources = ResourceSet.of(NO_MESH, *nodes(2), one, other)

    found = check_cluster(resources, CompileOptions(router_id="10.9.9.9"))

    assert {each.code for each in found} == {"shared-router-id"}
    assert check_cluster(resources) == ()


def test_a_missing_password_is_said_in_the_compilers_words() -> None:
    wanted = {"password": {"secretKeyRef": {"name": "s", "key": "k"}}}
    peer = bgp_peer("p", nodeSelector="all()", peerSelector="all()", **wanted)
    assert findings(NO_MESH, *nodes(2), peer) == [("password-missing", "BGPPeer/p")]
    assert findings(NO_MESH, *nodes(2), peer, secret("s", {"k": "hush"})) == []


def test_a_missing_password_of_the_mesh_is_said() -> None:
    mesh = configuration(nodeMeshPassword={"secretKeyRef": {"name": "s", "key": "k"}})
    assert findings(mesh, *nodes(2)) == [("password-missing", "BGPConfiguration/default")]


def test_two_sessions_between_one_pair_of_addresses() -> None:
    first = bgp_peer("a", node="n0", peerIP="192.0.2.1", asNumber=65001)
    second = bgp_peer("b", node="n0", peerIP="192.0.2.1:1790", asNumber=65001)
    assert findings(*nodes(2), first, second) == [("session-doubled", "BGPPeer/b")]


# ------------------------------------------------------------------------------------------ reflectors


def test_clients_with_one_reflector_are_named_at_it() -> None:
    found = only(NO_MESH, TO_REFLECTORS, *nodes(5), reflector("rr1", "10.1.0.1"))
    assert (found.code, found.resource) == ("single-reflector", "Node/rr1")
    assert "n0, n1, n2 and 2 more" in found.message


def test_a_reflector_without_its_label_has_no_clients() -> None:
    """The order in which Calico's documentation sets the two: the cluster ID is there, the label is not yet."""
    bare = node("rr2", "10.9.0.2", cluster_id="224.0.0.1")
    everyone = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(rr)")
    shared = [NO_MESH, everyone, *nodes(3), reflector("rr1", "10.9.0.1")]
    assert ("reflector-without-clients", "Node/rr2") in findings(*shared, bare)
    assert "reflector-without-clients" not in dict(findings(*shared, reflector("rr2", "10.9.0.2")))


def test_clients_with_two_reflectors_of_one_cluster_are_fine() -> None:
    two = [reflector("rr1", "10.1.0.1"), reflector("rr2", "10.1.0.2")]
    assert findings(NO_MESH, TO_REFLECTORS, BETWEEN_REFLECTORS, *nodes(3), *two) == []


def test_reflectors_of_the_same_clients_need_one_cluster_id() -> None:
    two = [reflector("rr1", "10.1.0.1"), reflector("rr2", "10.1.0.2", "224.0.0.2")]
    assert findings(NO_MESH, TO_REFLECTORS, BETWEEN_REFLECTORS, *nodes(3), *two) == [
        ("redundant-cluster-id", "Node/rr2")
    ]


def two_racks(first_id: str, second_id: str, *more: Resource) -> list[Resource]:
    """Each rack has two nodes and two reflectors of one cluster ID."""
    found: list[Resource] = [NO_MESH, *more]
    for rack, cluster_id in (("1", first_id), ("2", second_id)):
        found += [node(f"n{rack}{i}", f"10.{rack}.0.{i}", labels={"rack": rack}) for i in (1, 2)]
        found += [reflector(f"rr{rack}{i}", f"10.{rack}.1.{i}", cluster_id, rack=rack) for i in (1, 2)]
        scope, far = f"rack == '{rack}' && !has(rr)", f"rack == '{rack}' && has(rr)"
        found.append(bgp_peer(f"rack-{rack}", nodeSelector=scope, peerSelector=far))
    return found


def test_reflectors_of_two_clusters_need_a_session() -> None:
    codes = [code for code, _ in findings(*two_racks("224.0.0.1", "224.0.0.2"))]
    assert "reflectors-not-peered" in codes
    assert findings(*two_racks("224.0.0.1", "224.0.0.2", BETWEEN_REFLECTORS)) == []


def test_one_cluster_id_splits_clients_even_if_the_reflectors_have_sessions() -> None:
    found = findings(*two_racks("224.0.0.1", "224.0.0.1", BETWEEN_REFLECTORS))
    assert found == [("cluster-id-splits-clients", "Node/rr21")]


def test_a_part_without_a_session_to_the_rest_is_cut_off() -> None:
    assert ("partition", "Node/n21") in findings(*two_racks("224.0.0.1", "224.0.0.2"))
    assert ("partition", "Node/n21") not in findings(*two_racks("224.0.0.1", "224.0.0.2", BETWEEN_REFLECTORS))


def test_parts_that_routers_outside_may_join_are_not_called_cut_off() -> None:
    fabric = bgp_peer("fabric", peerIP="192.0.2.1", asNumber=65001)
    assert "partition" not in [code for code, _ in findings(*two_racks("224.0.0.1", "224.0.0.2", fabric))]


# --------------------------------------------------------------------------------------------- filters

INSIDE = {"action": "Accept", "cidr": "10.0.0.0/8", "matchOperator": "In"}
NARROW = {"action": "Reject", "cidr": "10.1.0.0/16", "matchOperator": "In"}
ALL = {"action": "Reject"}
FROM_ONE = {"action": "Accept", "asPathPrefix": [1]}


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        ([ALL, INSIDE], "$.spec.exportV4[1]"),
        ([INSIDE, NARROW], "$.spec.exportV4[1]"),
        ([NARROW, INSIDE, {**NARROW, "peerType": "eBGP"}], "$.spec.exportV4[2]"),
        ([FROM_ONE, {"action": "Reject", "asPathPrefix": [1, 2]}], "$.spec.exportV4[1]"),
    ],
)
def test_a_rule_behind_one_that_covers_it_never_applies(rules: list[dict[str, Any]], path: str) -> None:
    found = only(bgp_filter("f", exportV4=rules))
    assert (found.code, found.path) == ("shadowed-rule", path)


@pytest.mark.parametrize(
    "rules",
    [
        [NARROW, INSIDE, ALL],
        [{**INSIDE, "peerType": "eBGP"}, NARROW],
        [{**INSIDE, "prefixLength": {"min": 24}}, NARROW],
        [{**INSIDE, "matchOperator": "NotIn"}, NARROW],
        [{"action": "Accept", "interface": "*"}, ALL],
        [{"action": "Accept", "asPathPrefix": [1, 2]}, {"action": "Reject", "asPathPrefix": [1]}],
    ],
)
def test_a_rule_that_some_route_reaches_is_not_shadowed(rules: list[dict[str, Any]]) -> None:
    assert findings(bgp_filter("f", exportV4=rules)) == []


def test_a_filter_behind_one_that_decides_everything_never_applies() -> None:
    closing = bgp_filter("closing", exportV4=[ALL])
    other = bgp_filter("other", exportV4=[INSIDE])
    both_ways = bgp_filter("both", exportV4=[INSIDE], importV4=[INSIDE])
    peer = {"peerIP": "192.0.2.1", "asNumber": 65001}

    found = only(closing, other, bgp_peer("p", filters=["closing", "other"], **peer))

    assert (found.code, found.path) == ("shadowed-filter", "$.spec.filters[1]")
    assert findings(closing, other, bgp_peer("p", filters=["other", "closing"], **peer)) == []
    assert findings(closing, both_ways, bgp_peer("p", filters=["closing", "both"], **peer)) == []


# ------------------------------------------------------------------------------- addresses and tunnels


def test_an_advertised_prefix_that_nothing_has() -> None:
    advertised = configuration(prefixAdvertisements=[{"cidr": "10.7.0.0/16", "communities": ["64512:1"]}])
    found = only(advertised, pool("p", "10.8.0.0/16"))
    assert (found.code, found.path) == ("advertisement-without-pool", "$.spec.prefixAdvertisements[0].cidr")


@pytest.mark.parametrize(
    "owner",
    [
        pool("p", "10.7.0.0/16"),
        pool("wide", "10.0.0.0/8"),
        pool("narrow", "10.7.1.0/24"),
        block("n", "10.7.1.0/26"),
        service("s", clusterIP="10.7.0.9"),
    ],
)
def test_an_advertised_prefix_that_something_has(owner: Resource) -> None:
    advertised = configuration(prefixAdvertisements=[{"cidr": "10.7.0.0/16", "communities": ["64512:1"]}])
    assert findings(advertised, owner) == []


def test_a_pool_whose_tunnel_felix_switches_off() -> None:
    vxlan = pool("p", "10.7.0.0/16", vxlanMode="Always")
    assert findings(vxlan, felix(vxlanEnabled=False)) == [("encapsulation-disabled", "FelixConfiguration/default")]
    assert findings(vxlan, felix(vxlanEnabled=True)) == []
    assert findings(pool("p", "10.7.0.0/16", ipipMode="Always"), felix(vxlanEnabled=False)) == []


def test_tunnel_mtus_that_stand_for_different_underlays() -> None:
    pools = pool("a", "10.7.0.0/16", vxlanMode="Always"), pool("b", "10.8.0.0/16", ipipMode="Always")
    assert findings(*pools, felix(vxlanMTU=1480, ipipMTU=1480)) == [("mtu-mismatch", "FelixConfiguration/default")]
    assert findings(*pools, felix(vxlanMTU=1450, ipipMTU=1480)) == []
    assert findings(pools[0], felix(vxlanMTU=1480, ipipMTU=1480)) == []


def test_a_node_with_a_tunnel_mtu_of_its_own() -> None:
    vxlan = pool("a", "10.7.0.0/16", vxlanMode="Always")
    assert findings(vxlan, felix(vxlanMTU=1450), felix("node.n0", vxlanMTU=8950)) == [
        ("mtu-mismatch", "FelixConfiguration/node.n0")
    ]


# ---------------------------------------------------------------------------------------------- speed


@pytest.mark.slow
@pytest.mark.parametrize("mesh", [True, False])
def test_five_thousand_nodes_take_seconds(mesh: bool) -> None:
    reflectors = [reflector(f"rr{number}", f"10.100.0.{number + 1}") for number in range(0 if mesh else 6)]
    resources = ResourceSet.of(*nodes(5000), *reflectors, *(() if mesh else (NO_MESH, TO_REFLECTORS)))

    started = time.process_time()
    check_cluster(resources)

    # 1.0 to 1.5 s on the machine that this was written on; pairs of nodes would take minutes.
    assert time.process_time() - started < 10


# ---------------------------------------------------------------------- addresses, networks, AS numbers


def found_codes(*resources: Resource, **options: bool) -> set[str]:
    return {each.code for each in check_cluster(ResourceSet.of(*resources), CompileOptions(**options))}


def test_two_nodes_with_one_address_are_an_error() -> None:
    twins = node("a", "10.0.0.1/24"), node("b", "10.0.0.1/16"), node("c", "10.0.0.2/24")
    (problem,) = [each for each in check_cluster(ResourceSet.of(*twins)) if each.code == "shared-address"]
    assert (problem.resource, problem.path, problem.severity) == ("Node/b", "$.spec.bgp.ipv4Address", Severity.ERROR)
    assert "shared-address" not in found_codes(*twins[:1], *twins[2:])


@pytest.mark.parametrize("state", ["confirmed", "pendingDeletion", ""])
def test_a_block_that_two_nodes_originate(state: str) -> None:
    """Also while one of them gives it back."""
    shared = [*nodes(2), block("n0", "10.244.0.0/26")]
    assert ("shared-block", "BlockAffinity/n1-10.244.0.0-26") in findings(
        *shared, block("n1", "10.244.0.0/26", state=state)
    )
    assert "shared-block" not in found_codes(*shared, block("n1", "10.244.0.0/26", state="pending"))
    assert "shared-block" not in found_codes(*shared, block("gone", "10.244.0.0/26"))


def test_pod_cidrs_are_blocks_where_they_are_used_as_such() -> None:
    twins = [node(f"n{each}", f"10.9.0.{each}/24").model_copy(update={"status": PODS}) for each in (1, 2)]
    assert "shared-block" in found_codes(*twins, use_pod_cidr=True)
    assert "shared-block" not in found_codes(*twins)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  nothing listens here
        "127.0.0.1",
        "224.0.0.5",
        "255.255.255.255",
        "10.0.0.0",
        "10.0.255.255",
        "::",
        "::1",
        "ff02::5",
        "fe80::1",
    ],
)
def test_a_peer_address_that_cannot_work(address: str) -> None:
    peer = bgp_peer("p", node="n0", peerIP=address, asNumber=65001)
    assert ("impossible-address", "BGPPeer/p") in findings(*nodes(2), peer)


@pytest.mark.parametrize("address", ["10.0.0.99", "169.254.0.1", "192.0.2.0", "10.1.255.255", "fd00::1"])
def test_a_peer_address_that_can(address: str) -> None:
    assert "impossible-address" not in found_codes(*nodes(2), bgp_peer("p", peerIP=address, asNumber=65001))


def test_a_node_with_the_address_of_its_network_and_a_gateway_that_is_none() -> None:
    assert ("impossible-address", "Node/a") in findings(node("a", "10.3.0.0/24"), node("b", "10.3.0.2/24"))
    assert "impossible-address" not in found_codes(node("a", "10.3.0.0/31"), node("b", "10.3.0.1/31"))
    peer = bgp_peer("p", peerIP="10.7.0.1", asNumber=65001, reachableBy="127.0.0.1")
    assert "impossible-address" in found_codes(*nodes(2), peer)


PODS = NodeStatus(pod_cidrs=("10.244.0.0/24",))
NODES_NETWORK = node("a", "192.0.2.1/24"), node("b", "192.0.2.2/24")


@pytest.mark.parametrize("cidr", ["192.0.0.0/16", "192.0.2.0/24", "192.0.2.128/25"])
def test_a_pool_over_the_nodes_own_network(cidr: str) -> None:
    found = [
        each for each in check_cluster(ResourceSet.of(*NODES_NETWORK, pool("p", cidr))) if each.severity == "error"
    ]
    assert [(each.code, each.resource, each.path) for each in found] == [
        ("network-over-nodes", "IPPool/p", "$.spec.cidr")
    ]
    assert "network-over-nodes" not in found_codes(*NODES_NETWORK, pool("p", "192.1.0.0/16"))


@pytest.mark.parametrize("field", ["serviceClusterIPs", "serviceExternalIPs", "serviceLoadBalancerIPs"])
def test_a_service_network_over_nodes(field: str) -> None:
    def over(cidr: str) -> list[tuple[str, str]]:
        wanted = configuration(**{field: [{"cidr": "203.0.113.0/24"}, {"cidr": cidr}]})
        found = check_cluster(ResourceSet.of(*NODES_NETWORK, wanted))
        return [(each.code, each.path) for each in found if each.severity == "error"]

    assert over("192.0.2.0/24") == [("network-over-nodes", f"$.spec.{field}[1].cidr")]
    assert over("192.0.2.64/26") == [], "addresses of the subnet that no node has"
    assert over("0.0.0.0/0") == [("service-network-too-wide", f"$.spec.{field}[1].cidr")]
    assert over("2000::/3") == [("service-network-too-wide", f"$.spec.{field}[1].cidr")]


def test_pools_and_service_networks_over_each_other() -> None:
    services = {"serviceClusterIPs": [{"cidr": "10.96.0.0/12"}], "serviceExternalIPs": [{"cidr": "203.0.113.0/24"}]}
    shared = [*NODES_NETWORK, configuration(**services)]
    assert "networks-overlap" in found_codes(*shared, pool("p", "10.96.0.0/16"))
    assert "networks-overlap" in found_codes(*shared, pool("p", "203.0.113.0/25"))
    assert "networks-overlap" not in found_codes(*shared, pool("p", "10.244.0.0/16"))
    both = configuration(**services, serviceLoadBalancerIPs=services["serviceExternalIPs"])
    assert "networks-overlap" not in found_codes(*NODES_NETWORK, both)
    inside = configuration(**services, serviceLoadBalancerIPs=[{"cidr": "10.100.0.0/16"}])
    assert "networks-overlap" in found_codes(*NODES_NETWORK, inside)
    balancers = pool("p", "203.0.113.0/25", allowedUses=["LoadBalancer"])
    assert "networks-overlap" not in found_codes(*shared, balancers)


@pytest.mark.parametrize("number", [23456, 65535, 4294967295])
def test_a_reserved_as_number_wherever_it_stands(number: int) -> None:
    named = {
        "Node/a": (node("a", "192.0.2.1/24", asn=number),),
        "BGPConfiguration/default": (configuration(asNumber=number),),
        "BGPPeer/p": (bgp_peer("p", peerIP="192.0.2.9", asNumber=number),),
        "BGPPeer/q": (bgp_peer("q", peerIP="192.0.2.9", asNumber=65001, localASNumber=number),),
    }
    for name, resources in named.items():
        assert ("reserved-as-number", name) in findings(*NODES_NETWORK[1:], *resources)


def test_as_0_is_reserved_where_it_does_not_mean_that_none_is_set() -> None:
    assert "reserved-as-number" in found_codes(*NODES_NETWORK, configuration(asNumber=0))
    assert "reserved-as-number" in found_codes(*NODES_NETWORK, bgp_peer("p", peerIP="192.0.2.9", localASNumber=0))
    assert "reserved-as-number" not in found_codes(*NODES_NETWORK, bgp_peer("p", peerIP="192.0.2.2", asNumber=0))
    assert "reserved-as-number" not in found_codes(*NODES_NETWORK, configuration(asNumber=65534))


def test_a_node_of_another_as_among_reflectors_in_a_vxlan_cluster() -> None:
    """It is cut off: the reflectors make themselves the next hop, and they have no tunnel."""

    def cluster(asn: int | None, **spec: Any) -> list[Resource]:
        ends = [node(f"w{each}", f"192.0.2.{each}/24", ipv4VXLANTunnelAddr=f"10.244.{each}.0") for each in (1, 2)]
        other = node("b1", "198.51.100.3/24", asn=asn, ipv4VXLANTunnelAddr="10.244.3.0")
        peers = bgp_peer("to-reflectors", nodeSelector="!has(rr)", peerSelector="has(rr)", **spec)
        return [
            NO_MESH,
            peers,
            *ends,
            other,
            reflector("rr1", "192.0.2.9"),
            pool("p", "10.244.0.0/16", vxlanMode="Always"),
        ]

    (found,) = [each for each in check_cluster(ResourceSet.of(*cluster(64599))) if "vxlan" in each.message.lower()]
    assert (found.code, found.resource, found.path) == ("next-hop-needs-felix", "Node/b1", "$.spec.bgp.asNumber")
    assert "next-hop-without-vxlan-end" in found_codes(*cluster(64599), without_felix=True)
    for fine in (cluster(None), cluster(64599, nextHopMode="Keep")):
        assert not {"next-hop-without-vxlan-end", "next-hop-needs-felix"} & found_codes(*fine, without_felix=True)


def test_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    def codes() -> list[str]:
        return [each.code for each in nothing_read(read_directory(tmp_path))]

    assert codes() == ["no-resources"]
    (tmp_path / "node.txt").write_text("kind: Node")
    assert codes() == ["no-resources"]
    (tmp_path / "node.yaml").write_text("apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: a, nane: b}\n")
    assert codes() == [], "what has errors is not nothing"
