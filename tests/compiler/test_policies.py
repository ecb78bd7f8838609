"""What a node tells its peers and takes from them. The engine's own evaluator gives the answers."""

from __future__ import annotations

from typing import Any

import pytest
from compiler_makers import (
    Route,
    ask,
    bgp_filter,
    bgp_peer,
    block,
    compiled,
    configuration,
    exports,
    learned,
    node,
    pool,
)

from reflector.plan import PRIORITY_BASE, NodePlan, RouteSource
from reflector.wire.attributes import format_as_path
from reflector.wire.communities import format_communities

A, B = node("a", "10.0.0.1/24", "fd00::1/64"), node("b", "10.0.0.2/24")
MESH, TOR = "10.0.0.2", "192.0.2.1"
POOL, BLOCK = pool("pool", "192.168.0.0/16"), block("a", "192.168.1.0/26")
TO_TOR = bgp_peer("tor", peerIP=TOR, asNumber=65001)


def workload(prefix: str, metric: int = 1024) -> Route:
    """The route of a pod on this node."""
    return Route(prefix, RouteSource.KERNEL, "cali0123", metric)


# -------------------------------------------------------------------------------------- blocks, pools


def test_a_block_stands_for_everything_in_it() -> None:
    plan = compiled("a", A, B, POOL, BLOCK)

    assert exports(plan, MESH, "192.168.1.0/26", workload("192.168.1.5/32")) == ["192.168.1.0/26"]


def test_a_workload_on_the_move_is_told_beside_its_block() -> None:
    plan = compiled("a", A, B, POOL, BLOCK)

    assert exports(plan, MESH, workload("192.168.1.5/32", 512), workload("192.168.1.6/32")) == ["192.168.1.5/32"]


def test_an_address_borrowed_from_another_nodes_block_is_told() -> None:
    assert exports(compiled("a", A, B, POOL, BLOCK), MESH, workload("192.168.2.5/32")) == ["192.168.2.5/32"]


def test_a_block_that_is_given_back_no_longer_stands_for_its_workloads() -> None:
    plan = compiled("a", A, B, POOL, block("a", "192.168.1.0/26", state="pendingDeletion"))

    assert exports(plan, MESH, "192.168.1.0/26", workload("192.168.1.5/32")) == ["192.168.1.0/26", "192.168.1.5/32"]


def test_what_is_in_no_pool_is_told_to_nobody() -> None:
    assert exports(compiled("a", A, B, POOL), MESH, "0.0.0.0/0", "203.0.113.0/24", "192.168.0.0/15") == []


def test_a_pool_that_is_not_exported_is_told_to_nobody_not_even_its_blocks() -> None:
    hidden = pool("hidden", "192.168.0.0/16", disableBGPExport=True)

    assert exports(compiled("a", A, B, hidden, BLOCK), MESH, "192.168.1.0/26", workload("192.168.2.5/32")) == []


def test_a_disabled_pool_is_exported_all_the_same() -> None:
    assert exports(compiled("a", A, B, pool("off", "192.168.0.0/16", disabled=True)), MESH, "192.168.2.0/26")


@pytest.mark.parametrize(
    ("interface", "to_mesh", "to_tor"),
    [("eth0", True, True), ("vxlan.calico", False, True), ("tunl0", False, True), ("bpfin.cali", False, False)],
)
def test_routes_out_of_devices_of_the_cluster_stay_inside_it(interface: str, to_mesh: bool, to_tor: bool) -> None:
    plan = compiled("a", A, B, POOL, TO_TOR)
    route = Route("192.168.9.0/26", RouteSource.KERNEL, interface)

    assert (bool(exports(plan, MESH, route)), bool(exports(plan, TOR, route))) == (to_mesh, to_tor)


def test_routes_out_of_the_ipip_device_are_told_when_bgp_programs_ipip() -> None:
    plan = compiled("a", A, B, POOL, configuration(programClusterRoutes="EnabledIPIPOnly"))

    assert exports(plan, MESH, Route("192.168.9.0/26", RouteSource.KERNEL, "tunl0"))


def test_the_priority_that_counts_as_ordinary_can_be_set_for_each_family() -> None:
    plan = compiled("a", A, B, POOL, BLOCK, configuration(ipv4NormalRoutePriority=5000, ipv6NormalRoutePriority=80))

    assert exports(plan, MESH, workload("192.168.1.5/32", 4999), workload("192.168.1.6/32", 5000)) == ["192.168.1.5/32"]


# ----------------------------------------------------------------------------------------- communities

ADVERTISEMENT = configuration(
    communities=[{"name": "blue", "value": "65000:1"}, {"name": "large", "value": "65000:1:2"}],
    prefixAdvertisements=[{"cidr": "192.168.0.0/16", "communities": ["large", "blue", "65000:7", "blue"]}],
)


def tags(plan: NodePlan, prefix: str) -> tuple[str, ...]:
    attributes = ask(plan, MESH, Route(prefix))
    assert attributes is not None
    return format_communities(attributes)


def test_advertised_prefixes_carry_communities_by_name_and_by_value() -> None:
    plan = compiled("a", A, B, POOL, pool("other", "10.9.0.0/16"), BLOCK, ADVERTISEMENT)

    assert tags(plan, "192.168.1.0/26") == ("65000:1", "65000:7", "65000:1:2")
    assert tags(plan, "10.9.1.0/26") == ()


def test_a_nodes_own_advertisements_replace_the_clusters() -> None:
    own = configuration("node.a", prefixAdvertisements=[{"cidr": "192.168.0.0/16", "communities": ["65000:9"]}])

    assert tags(compiled("a", A, B, POOL, ADVERTISEMENT, own), "192.168.1.0/26") == ("65000:9",)


def test_a_nodes_own_advertisements_hide_the_clusters_of_both_families() -> None:
    own = configuration("node.a", prefixAdvertisements=[{"cidr": "fd00:1::/64", "communities": ["65000:9"]}])

    assert tags(compiled("a", A, B, POOL, ADVERTISEMENT, own), "192.168.1.0/26") == ()


# --------------------------------------------------------------------------------------------- filters


def to_filtered_tor(asn: int = 65001, **rules: list[dict[str, Any]]) -> NodePlan:
    """Node a, with a session to a router through one filter."""
    peer = bgp_peer("tor", peerIP=TOR, asNumber=asn, filters=["f"])
    return compiled("a", A, configuration(nodeToNodeMeshEnabled=False), POOL, BLOCK, peer, bgp_filter("f", **rules))


def accepts(rule: dict[str, Any], route: Route, asn: int = 65001) -> bool:
    """Whether an import rule matches a route; what it does not match is rejected behind it."""
    plan = to_filtered_tor(asn, importV4=[{"action": "Accept", **rule}, {"action": "Reject"}])
    return ask(plan, TOR, route, "import") is not None


@pytest.mark.parametrize(
    ("rule", "prefix", "matches"),
    [
        ({"matchOperator": "In"}, "10.1.0.0/16", True),
        ({"matchOperator": "In"}, "10.1.2.0/24", True),
        ({"matchOperator": "In"}, "10.0.0.0/15", False),
        ({"matchOperator": "In"}, "10.2.0.0/24", False),
        ({"matchOperator": "NotIn"}, "10.1.2.0/24", False),
        ({"matchOperator": "NotIn"}, "10.2.0.0/24", True),
        ({"matchOperator": "Equal"}, "10.1.0.0/16", True),
        ({"matchOperator": "Equal"}, "10.1.2.0/24", False),
        ({"matchOperator": "NotEqual"}, "10.1.0.0/16", False),
        ({"matchOperator": "NotEqual"}, "10.1.2.0/24", True),
        ({"matchOperator": "In", "prefixLength": {"min": 24, "max": 26}}, "10.1.2.0/24", True),
        ({"matchOperator": "In", "prefixLength": {"min": 24, "max": 26}}, "10.1.2.0/26", True),
        ({"matchOperator": "In", "prefixLength": {"min": 24, "max": 26}}, "10.1.0.0/23", False),
        ({"matchOperator": "In", "prefixLength": {"min": 24, "max": 26}}, "10.1.2.0/27", False),
        ({"matchOperator": "In", "prefixLength": {"min": 8}}, "10.1.0.0/16", True),
        ({"matchOperator": "In", "prefixLength": {"min": 8}}, "10.0.0.0/8", False),
        ({"matchOperator": "In", "prefixLength": {"max": 8}}, "10.1.0.0/16", False),
        ({"matchOperator": "NotIn", "prefixLength": {"min": 24}}, "10.1.2.0/23", True),
        ({"matchOperator": "NotIn", "prefixLength": {"min": 24}}, "10.1.2.0/24", False),
        ({"matchOperator": "NotIn", "prefixLength": {"max": 8}}, "10.1.0.0/16", True),
        ({"matchOperator": "Equal", "prefixLength": {"min": 16, "max": 16}}, "10.1.0.0/16", True),
        ({"matchOperator": "Equal", "prefixLength": {"min": 17}}, "10.1.0.0/16", False),
        ({"matchOperator": "NotEqual", "prefixLength": {"min": 17}}, "10.1.0.0/16", True),
    ],
)
def test_prefix_conditions(rule: dict[str, Any], prefix: str, matches: bool) -> None:
    assert accepts({"cidr": "10.1.0.0/16", **rule}, learned(prefix)) is matches


@pytest.mark.parametrize(
    ("rule", "route", "matches"),
    [
        ({}, learned("10.1.0.0/16"), True),
        ({"source": "RemotePeers"}, learned("10.1.0.0/16"), True),
        ({"source": "RemotePeers"}, Route("10.1.0.0/16"), False),
        ({"interface": "eth*"}, learned("10.1.0.0/16", interface="eth0"), True),
        ({"interface": "eth1"}, learned("10.1.0.0/16", interface="eth10"), False),
        ({"interface": "*"}, learned("10.1.0.0/16", interface="eth0"), True),
        ({"interface": "*"}, Route("10.1.0.0/16"), False),
        ({"communities": {"values": ["65000:1"]}}, learned("10.1.0.0/16", communities=("65000:1",)), True),
        ({"communities": {"values": ["65000:1"]}}, learned("10.1.0.0/16", communities=("65000:1:1",)), False),
        ({"communities": {"values": ["65000:1:1"]}}, learned("10.1.0.0/16", communities=("65000:1:1",)), True),
        ({"asPathPrefix": [65001, 65002]}, learned("10.1.0.0/16", as_path=(65001, 65002, 65003)), True),
        ({"asPathPrefix": [65002]}, learned("10.1.0.0/16", as_path=(65001, 65002)), False),
        ({"priority": 100}, learned("10.1.0.0/16", local_pref=PRIORITY_BASE - 100), True),
        ({"priority": 100}, learned("10.1.0.0/16", local_pref=100), False),
        ({"peerType": "eBGP"}, learned("10.1.0.0/16"), True),
        ({"peerType": "iBGP"}, learned("10.1.0.0/16"), False),
        ({"peerType": "eBGP", "source": "RemotePeers", "priority": 7}, learned("10.1.0.0/16"), False),
    ],
)
def test_other_conditions(rule: dict[str, Any], route: Route, matches: bool) -> None:
    assert accepts(rule, route) is matches


def test_the_peer_type_is_that_of_the_session_that_asks() -> None:
    assert accepts({"peerType": "iBGP"}, learned("10.1.0.0/16"), asn=64512) is True


def test_operations_are_done_in_order_when_the_rule_accepts() -> None:
    operations = [
        {"addCommunity": {"value": "65000:1"}},
        {"prependASPath": {"prefix": [65010, 65011]}},
        {"setPriority": {"value": 200}},
        {"prependASPath": {"prefix": [65012]}},
    ]
    plan = to_filtered_tor(importV4=[{"action": "Accept", "operations": operations}])

    attributes = ask(plan, TOR, learned("10.1.0.0/16", as_path=(65001,)), "import")

    assert attributes is not None
    assert format_communities(attributes) == ("65000:1",)
    assert format_as_path(attributes.as_path) == "65012 65010 65011 65001"
    assert attributes.local_pref == PRIORITY_BASE - 200


def test_the_first_rule_that_matches_decides() -> None:
    plan = to_filtered_tor(
        importV4=[
            {"action": "Reject", "cidr": "10.1.0.0/16", "matchOperator": "In"},
            {"action": "Accept", "cidr": "10.1.0.0/16", "matchOperator": "Equal"},
        ]
    )

    assert ask(plan, TOR, learned("10.1.0.0/16"), "import") is None


def test_what_no_import_rule_matches_is_accepted() -> None:
    plan = to_filtered_tor(importV4=[{"action": "Reject", "cidr": "10.1.0.0/16", "matchOperator": "In"}])

    assert ask(plan, TOR, learned("0.0.0.0/0"), "import") is not None


def test_an_accepting_export_filter_passes_by_everything_behind_it() -> None:
    plan = to_filtered_tor(exportV4=[{"action": "Accept", "cidr": "203.0.113.0/24", "matchOperator": "In"}])

    assert exports(plan, TOR, "203.0.113.0/24", "198.51.100.0/24", "192.168.1.0/26") == [
        "203.0.113.0/24",
        "192.168.1.0/26",
    ]


def test_rules_for_one_family_say_nothing_about_the_other() -> None:
    plan = to_filtered_tor(exportV6=[{"action": "Reject"}])

    assert exports(plan, TOR, "192.168.1.0/26") == ["192.168.1.0/26"]
