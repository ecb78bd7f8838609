"""Originations and kernel routes that a wanted plan takes."""

from __future__ import annotations

from braked_node import BrakedNode, assert_valid
from compiler_makers import block, configuration, endpoint_slice, exports, node, pool, service

N1 = node("n1", "192.0.2.1/24", ipv4VXLANTunnelAddr="10.244.1.0", vxlanTunnelMACAddr="66:00:00:00:00:01")
N2 = node("n2", "192.0.2.2/24", ipv4VXLANTunnelAddr="10.244.2.0", vxlanTunnelMACAddr="66:00:00:00:00:02")
N3 = node("n3", "192.0.2.3/24", ipv4VXLANTunnelAddr="10.244.3.0", vxlanTunnelMACAddr="66:00:00:00:00:03")
NODES = [N1, N2, N3]
PODS = pool("pods", "10.244.0.0/16")
ONE, TWO, THREE = (block("n1", f"10.244.{place}.0/26") for place in (1, 2, 3))
TEXTS = ["10.244.1.0/26", "10.244.2.0/26", "10.244.3.0/26"]


def test_half_of_the_blocks_may_go() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE, TWO)
    n1.apply(*NODES, PODS, ONE)
    assert (n1.held, n1.prefixes) == ([], TEXTS[:1])


def test_more_than_half_of_the_blocks_are_held() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE, TWO, THREE)
    n1.apply(*NODES, PODS, ONE)
    assert (n1.held, n1.prefixes) == (["originations"], TEXTS)
    assert n1.changes[0].sentence == (
        "2 of 3 prefixes of this node are no longer originated (10.244.2.0/26, 10.244.3.0/26)"
    )


def test_the_only_block_is_held() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE)
    n1.apply(*NODES, PODS)
    assert (n1.held, n1.prefixes) == (["originations"], TEXTS[:1])


def test_blocks_that_go_one_by_one_count_together() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE, TWO, THREE)
    n1.apply(*NODES, PODS, ONE, TWO)
    assert n1.held == []
    n1.wait(300)
    n1.apply(*NODES, PODS, ONE)
    assert n1.held == ["originations"]
    assert n1.prefixes == TEXTS[:2]


def test_block_that_moved_to_another_node_is_never_held() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE)
    n1.apply(*NODES, PODS, block("n2", "10.244.1.0/26"))
    assert (n1.held, n1.prefixes) == ([], [])


def test_held_block_of_which_another_node_gets_a_part_is_let_go() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE)
    n1.apply(*NODES, PODS)
    assert n1.held
    n1.apply(*NODES, PODS, block("n2", "10.244.1.32/27"))
    assert (n1.held, n1.prefixes) == ([], [])


def test_block_that_was_given_back_in_order_is_never_held() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE)
    n1.apply(*NODES, PODS, block("n1", "10.244.1.0/26", state="pendingDeletion"))
    n1.apply(*NODES, PODS)
    assert (n1.held, n1.prefixes) == ([], [])


def test_empty_blocks_are_released_at_once() -> None:
    """Everyday life of an address manager: no workload has an address of them."""
    n1 = BrakedNode("n1", *NODES, PODS, ONE, TWO, THREE)
    n1.unused = frozenset(TEXTS[1:])
    n1.apply(*NODES, PODS, ONE)
    assert (n1.held, n1.prefixes) == ([], TEXTS[:1])


def test_empty_block_that_went_is_no_part_of_what_counts_later() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE, TWO, THREE)
    n1.unused = frozenset(TEXTS[2:])
    n1.apply(*NODES, PODS, ONE, TWO)
    n1.restart()
    n1.apply(*NODES, PODS, ONE)
    assert (n1.held, n1.prefixes) == ([], TEXTS[:1])
    n1.apply(*NODES, PODS)
    assert (n1.held, n1.prefixes) == (["originations"], TEXTS[:1])


def test_used_blocks_are_held_among_empty_ones() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE, TWO, THREE)
    n1.unused = frozenset(TEXTS[1:])
    n1.apply(*NODES, PODS)
    assert (n1.held, n1.prefixes) == (["originations"], TEXTS[:1])
    assert n1.changes[0].sentence == "1 of 1 prefixes of this node are no longer originated (10.244.1.0/26)"


def test_empty_block_that_came_back_counts_when_it_is_used() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE)
    n1.unused = frozenset(TEXTS[:1])
    n1.apply(*NODES, PODS)
    n1.apply(*NODES, PODS, ONE)
    n1.unused = frozenset()
    n1.apply(*NODES, PODS)
    assert (n1.held, n1.prefixes) == (["originations"], TEXTS[:1])


def test_block_that_was_empty_once_counts_when_it_is_used() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE)
    n1.unused = frozenset(TEXTS[:1])
    n1.wait(5)
    n1.unused = frozenset()
    n1.apply(*NODES, PODS)
    assert n1.held == ["originations"]


def test_address_of_a_service_follows_its_endpoints() -> None:
    external = configuration(serviceExternalIPs=[{"cidr": "203.0.113.0/24"}])
    local = service(
        "web",
        type="LoadBalancer",
        clusterIP="10.96.0.1",
        externalIPs=["203.0.113.7"],
        externalTrafficPolicy="Local",
        ipFamilies=["IPv4"],
    )
    n1 = BrakedNode("n1", *NODES, external, local, endpoint_slice("web-1", "web", "n1"))
    assert "203.0.113.7/32" in n1.prefixes
    n1.apply(*NODES, external, local, endpoint_slice("web-1", "web", "n2"))
    assert n1.held == []
    assert "203.0.113.7/32" not in n1.prefixes


def test_networks_of_services_are_held() -> None:
    services = configuration(serviceClusterIPs=[{"cidr": "10.96.0.0/12"}])
    n1 = BrakedNode("n1", *NODES, services)
    n1.apply(*NODES, configuration())
    assert (n1.held, n1.prefixes) == (["originations"], ["10.96.0.0/12"])
    assert n1.running is not None
    assert exports(n1.running, "192.0.2.2", "10.96.0.0/12") == ["10.96.0.0/12"]


def test_held_blocks_are_advertised_beside_new_ones_though_pools_are_missing() -> None:
    """A directory of which only nodes and one new block are left."""
    n1 = BrakedNode("n1", *NODES, PODS, ONE, TWO)
    n1.apply(*NODES, THREE)
    assert n1.held == ["originations", "kernel-routes"]
    assert n1.running is not None
    assert exports(n1.running, "192.0.2.2", *TEXTS) == TEXTS
    assert n1.running.kernel.blackholes == tuple(TEXTS)
    assert_valid(n1.running)
    once = n1.running
    n1.wait(5)
    assert n1.running == once
    n1.apply(*NODES, PODS, ONE, TWO)
    assert n1.held == []


def test_pool_that_vanishes_is_held_with_its_kernel_rule() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE)
    before = n1.running
    n1.apply(*NODES, ONE)
    assert n1.held == ["kernel-routes"]
    assert before is not None
    assert n1.running is not None
    assert n1.running.kernel == before.kernel
    assert [str(each) for each in n1.changes[0].causes] == ["IPPool 10.244.0.0/16: it is missing"]


def test_pool_without_routes_in_the_kernel_is_no_loss() -> None:
    n1 = BrakedNode("n1", *NODES, PODS)
    n1.installed = {"10.244.0.0/16": 0, "": 3}
    n1.apply(*NODES)
    assert n1.held == []


def test_another_encapsulation_is_held_and_a_new_pool_goes_on() -> None:
    n1 = BrakedNode("n1", *NODES, PODS, ONE, without_felix=True)
    before = n1.running
    more = pool("more", "10.245.0.0/16")
    n1.apply(*NODES, pool("pods", "10.244.0.0/16", vxlanMode="Always"), more, ONE)
    assert n1.held == ["kernel-routes"]
    assert before is not None
    assert n1.running is not None
    assert [rule.network for rule in n1.running.kernel.rules] == ["10.244.0.0/16", "10.245.0.0/16"]
    assert n1.running.kernel.rules[0] == before.kernel.rules[0]


def test_tunnel_endpoints_that_vanish_are_held() -> None:
    vxlan = pool("pods", "10.244.0.0/16", vxlanMode="Always")
    n1 = BrakedNode("n1", *NODES, vxlan, without_felix=True)
    before = n1.running
    without = [node("n2", "192.0.2.2/24"), node("n3", "192.0.2.3/24")]
    n1.apply(N1, *without, vxlan)
    assert n1.held == ["kernel-routes"]
    assert n1.running == before


def test_own_tunnel_address_that_vanishes_is_held_with_the_device() -> None:
    vxlan = pool("pods", "10.244.0.0/16", vxlanMode="Always")
    n1 = BrakedNode("n1", *NODES, vxlan, without_felix=True)
    before = n1.running
    n1.apply(node("n1", "192.0.2.1/24"), N2, N3, vxlan)
    assert n1.held == ["kernel-routes"]
    assert n1.running == before


def test_tunnel_endpoints_of_missing_nodes_are_held_until_they_are_somebody_elses() -> None:
    vxlan = pool("pods", "10.244.0.0/16", vxlanMode="Always")
    n1 = BrakedNode("n1", *NODES, vxlan, without_felix=True)
    n1.apply(N1, vxlan)
    assert n1.held == ["nodes", "last-session"] or n1.held == ["nodes"]
    assert n1.running is not None
    assert [each.node for each in n1.running.kernel.vxlans[0].vteps] == ["n2", "n3"]
    renamed = node("n4", "192.0.2.4/24", ipv4VXLANTunnelAddr="10.244.2.0", vxlanTunnelMACAddr="66:00:00:00:00:04")
    n1.apply(N1, renamed, vxlan)
    assert [each.node for each in n1.running.kernel.vxlans[0].vteps] == ["n3", "n4"]
    assert_valid(n1.running)


def test_cross_subnet_instead_of_always_is_no_loss() -> None:
    n1 = BrakedNode("n1", *NODES, pool("pods", "10.244.0.0/16", vxlanMode="Always"), without_felix=True)
    n1.apply(*NODES, pool("pods", "10.244.0.0/16", vxlanMode="CrossSubnet"))
    assert n1.held == []
