"""Addresses to which no session can be set up, by what addresses are: no host answers at them, or not through TCP.

unspecified, loopback, multicast, broadcast    no other router has them
the network's own, and its broadcast address   of an IPv4 subnet that a node is in
link-local of IPv6                             means nothing without an interface, which no resource names
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address, ip_address, ip_network

from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding
from bgpctl.resources.values.model import Resource
from reflector.addresses import FAMILIES, canonical_address, parse_peer_ip

# A subnet of one or two addresses has no broadcast address (RFC 3021).
LONGEST_WITH_BROADCAST = 30
BROADCAST = "255.255.255.255"


def impossible_addresses(cluster: ClusterSessions) -> Iterator[Finding]:
    """Of nodes, and of what BGPPeers name."""
    edges = _edges(cluster)
    for resource, path, address in _addresses(cluster):
        reason = _reason(address, edges)
        if reason:
            message = f"no session can be set up with {address}: {reason}; write the address of the router itself"
            yield Finding("impossible-address", resource, path, message)


def _addresses(cluster: ClusterSessions) -> Iterator[tuple[Resource, str, str]]:
    for facts in cluster.index.nodes.values():
        for family in FAMILIES:
            if facts.addresses[family]:
                yield facts.node, f"$.spec.bgp.ipv{family}Address", facts.addresses[family]
    for peer in cluster.resources.bgp_peers.values():
        if peer.spec.peer_ip:
            yield peer, "$.spec.peerIP", parse_peer_ip(peer.spec.peer_ip)[0]
        if peer.spec.reachable_by:
            yield peer, "$.spec.reachableBy", canonical_address(peer.spec.reachable_by)


def _edges(cluster: ClusterSessions) -> dict[str, str]:
    """First and last addresses of the nodes' subnets, with what they are."""
    found: dict[str, str] = {}
    for subnet in {facts.subnets[4] for facts in cluster.index.nodes.values()} - {""}:
        network = ip_network(subnet)
        if isinstance(network, IPv4Network) and network.prefixlen <= LONGEST_WITH_BROADCAST:
            found[str(network.network_address)] = f"it is the address of the network {subnet} itself"
            found[str(network.broadcast_address)] = f"it is the broadcast address of {subnet}"
    return found


def _reason(text: str, edges: dict[str, str]) -> str:
    address = ip_address(text)
    kinds = (
        (address.is_unspecified, "it stands for any address"),
        (address.is_loopback, "it is a loopback address"),
        (address.is_multicast, "it is a multicast address"),
        (text == BROADCAST, "it is the broadcast address"),
        (isinstance(address, IPv6Address) and address.is_link_local, "it is link-local, and names no interface"),
    )
    return next((reason for holds, reason in kinds if holds), edges.get(text, ""))
