"""The node that an address belongs to, and the cluster's own networks: what shows that a retained route leads nowhere.

A route between nodes has a node's session address as its next hop, and in the kernel perhaps its end of a tunnel.
Every address in a Node counts, so that a route is taken for one to nowhere only if no node has its next hop:

    spec.bgp             session addresses, IPIP tunnel address
    spec                 VXLAN tunnel addresses, WireGuard interface addresses, other addresses of the host

The cluster's networks are its IP pools and the networks of its services. What leads elsewhere may have a next hop that
is no node's - a switch, another cluster - and is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bgpctl.compiler.cluster.configuration import service_prefixes
from bgpctl.compiler.cluster.pools import read_pools
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.resource_set import ResourceSet
from reflector.addresses import canonical_address, family_of, pack_address
from reflector.plan import Family
from reflector.wire.nlri import pack_nlri


class KnownNode(NamedTuple):
    """A Node and its addresses, packed."""

    node: Node
    addresses: tuple[bytes, ...]


class NodeLookup:
    """Of one ResourceSet. Given the one before, only Nodes that have changed are looked at: a Node is a value."""

    def __init__(self, resources: ResourceSet, previous: NodeLookup | None = None) -> None:
        old = previous.known if previous else {}
        self.known: dict[str, KnownNode] = {
            name: old[name] if name in old and old[name].node is node else KnownNode(node, tuple(addresses_of(node)))
            for name, node in resources.nodes.items()
        }
        self.owner: dict[bytes, str] = {
            address: name for name, known in self.known.items() for address in known.addresses
        }
        self.networks: tuple[tuple[Family, bytes], ...] = tuple(_networks(resources))
        self.reflectors = frozenset(name for name, node in resources.nodes.items() if node.cluster_id)


def addresses_of(node: Node) -> Iterator[bytes]:
    """All addresses in the Node, packed; text that is no address is skipped."""
    spec, bgp, wireguard = node.spec, node.spec.bgp, node.spec.wireguard
    if bgp is not None:
        yield from _packed(bgp.ipv4_address, bgp.ipv6_address, bgp.ipv4_ipip_tunnel_addr)
    if wireguard is not None:
        yield from _packed(wireguard.interface_ipv4_address, wireguard.interface_ipv6_address)
    yield from _packed(spec.ipv4_vxlan_tunnel_addr, spec.ipv6_vxlan_tunnel_addr)
    for other in spec.addresses:
        yield from _packed(other.address)
    for interface in spec.interfaces:
        yield from _packed(*interface.addresses)


def _packed(*texts: str) -> Iterator[bytes]:
    for text in filter(None, texts):
        try:
            yield pack_address(canonical_address(text))
        except ValueError:
            continue  # a host name, which Calico allows here


def _networks(resources: ResourceSet) -> Iterator[tuple[Family, bytes]]:
    prefixes = [pool.prefix for pool in read_pools(resources)]
    for configuration in resources.bgp_configurations.values():
        spec = configuration.spec
        for entries in (spec.service_cluster_ips, spec.service_external_ips, spec.service_load_balancer_ips):
            prefixes += service_prefixes(entries)
    for prefix in dict.fromkeys(prefixes):
        yield family_of(prefix), pack_nlri(prefix)
