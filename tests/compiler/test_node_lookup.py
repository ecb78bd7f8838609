"""Whose an address is, and which networks are the cluster's own."""

from __future__ import annotations

from compiler_makers import configuration, node, pool

from bgpctl.compiler.cluster.node_lookup import NodeLookup
from bgpctl.resources.resource_set import ResourceSet
from reflector.addresses import pack_address
from reflector.wire.nlri import pack_nlri


def test_every_address_that_a_node_says_is_its_own() -> None:
    spec = {
        "ipv4VXLANTunnelAddr": "10.64.0.1",
        "ipv6VXLANTunnelAddr": "fd00:64::1",
        "wireguard": {"interfaceIPv4Address": "10.64.0.2"},
        "addresses": [
            {"address": "192.0.2.7", "type": "InternalIP"},
            {"address": "host.example", "type": "ExternalIP"},
        ],
        "interfaces": [{"name": "eth1", "addresses": ["198.51.100.7/24"]}],
    }
    of_a = ("10.0.0.1", "fd00::1", "10.64.0.3", "10.64.0.1", "fd00:64::1", "10.64.0.2", "192.0.2.7", "198.51.100.7")
    found = NodeLookup(
        ResourceSet.of(node("a", "10.0.0.1/24", "fd00::1/64", ipip="10.64.0.3", **spec), node("b", "10.0.0.2"))
    )
    assert found.owner == dict.fromkeys(map(pack_address, of_a), "a") | {pack_address("10.0.0.2"): "b"}


def test_the_networks_are_those_of_pools_and_services() -> None:
    services = configuration(
        serviceClusterIPs=[{"cidr": "10.96.0.0/12"}],
        serviceExternalIPs=[{"cidr": "203.0.113.0/24"}],
        serviceLoadBalancerIPs=[{"cidr": "fd00:96::/108"}],
    )
    found = NodeLookup(ResourceSet.of(pool("pods", "10.64.0.0/16"), pool("six", "fd00:64::/48"), services))
    texts = {4: ("10.64.0.0/16", "10.96.0.0/12", "203.0.113.0/24"), 6: ("fd00:64::/48", "fd00:96::/108")}
    assert set(found.networks) == {(family, pack_nlri(text)) for family, some in texts.items() for text in some}


def test_reflectors_are_the_nodes_with_a_cluster_id() -> None:
    found = NodeLookup(ResourceSet.of(node("a", "10.0.0.1"), node("r", "10.0.0.9", cluster_id="224.0.0.1")))
    assert found.reflectors == {"r"}


def test_only_nodes_that_changed_are_looked_at_again() -> None:
    """One changed Node of thousands costs that Node."""
    a, b, moved = node("a", "10.0.0.1"), node("b", "10.0.0.2"), node("b", "10.0.0.3")
    before = NodeLookup(ResourceSet.of(a, b))
    after = NodeLookup(ResourceSet.of(a, moved), before)
    assert after.known["a"] is before.known["a"]
    assert set(after.owner) == {pack_address("10.0.0.1"), pack_address("10.0.0.3")}
