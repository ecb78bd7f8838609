"""Node: where a router sits, what it is called in BGP, and its tunnel ends.

A Calico Node and a Kubernetes Node of the same name (kubernetes_node.py) are one Node here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bgpctl.resources.values.fields import (
    CIDR,
    AsNumberOrText,
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    MACAddress,
    WireguardKey,
)
from bgpctl.resources.values.model import Resource, ResourcePart
from bgpctl.resources.values.rules import Rule, RuledValue
from reflector.addresses import canonical_prefix
from reflector.plan import Family

NODE_BGP_RULES = (
    Rule(
        "empty-value",
        "",
        ("asNumber", "ipv4Address", "ipv6Address", "ipv4IPIPTunnelAddr", "routeReflectorClusterID"),
        lambda bgp: not any(vars(bgp).values()),
        "bgp is empty; give the node an address or leave bgp out",
    ),
)


class NodeBGPSpec(RuledValue):
    """`ipv4_address` and `ipv6_address` are an address with or without a prefix length: the address is that of
    the sessions, its network the node's own subnet. A cluster ID makes the node a route reflector (RFC 4456)."""

    RULES: ClassVar = NODE_BGP_RULES

    as_number: AsNumberOrText | None = None
    ipv4_address: IPv4Interface = ""
    ipv6_address: IPv6Interface = ""
    ipv4_ipip_tunnel_addr: IPv4Address = ""
    route_reflector_cluster_id: IPv4Address = ""


class OrchRef(ResourcePart):
    node_name: str = ""
    orchestrator: str


class WireguardSpec(ResourcePart):
    interface_ipv4_address: IPv4Address = ""
    interface_ipv6_address: IPv6Address = ""


class NodeAddress(ResourcePart):
    """Another address of the host."""

    address: str
    type: Literal["CalicoNodeIP", "InternalIP", "ExternalIP", ""] = ""


class NodeInterface(ResourcePart):
    name: str = ""
    addresses: tuple[str, ...] = ()


class NodeSpec(ResourcePart):
    bgp: NodeBGPSpec | None = None
    ipv4_vxlan_tunnel_addr: IPv4Address = ""
    ipv6_vxlan_tunnel_addr: IPv6Address = ""
    vxlan_tunnel_mac_addr: MACAddress = ""
    vxlan_tunnel_mac_addr_v6: MACAddress = ""
    orch_refs: tuple[OrchRef, ...] = ()
    wireguard: WireguardSpec | None = None
    addresses: tuple[NodeAddress, ...] = ()
    interfaces: tuple[NodeInterface, ...] = ()


class NodeStatus(ResourcePart):
    wireguard_public_key: WireguardKey = ""
    wireguard_public_key_v6: WireguardKey = ""
    pod_cidrs: tuple[Annotated[CIDR, Field(min_length=1)], ...] = ()


class Node(Resource):
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    def address(self, family: Family) -> str:
        """The session address, canonical; "" when the node has none in this family."""
        return self._bgp_address(family).partition("/")[0]

    def subnet(self, family: Family) -> str:
        """The node's own network, canonical ("10.0.0.0/24"); a bare address is its own /32 or /128."""
        text = self._bgp_address(family)
        return canonical_prefix(text) if text else ""

    def with_addresses(self, addresses: Mapping[Family, str]) -> Node:
        """With these session addresses ("10.0.0.1/24") in place of its own ones."""
        changed = {"ipv4_address" if family == 4 else "ipv6_address": text for family, text in addresses.items()}
        bgp = (self.spec.bgp or NodeBGPSpec.model_construct()).model_copy(update=changed)
        return self.model_copy(update={"spec": self.spec.model_copy(update={"bgp": bgp})})

    @property
    def as_number(self) -> int | None:
        return self.spec.bgp.as_number if self.spec.bgp else None

    @property
    def cluster_id(self) -> str:
        """The route reflector cluster ID; "" for a node that is no reflector."""
        return self.spec.bgp.route_reflector_cluster_id if self.spec.bgp else ""

    def _bgp_address(self, family: Family) -> str:
        if self.spec.bgp is None:
            return ""
        return self.spec.bgp.ipv4_address if family == 4 else self.spec.bgp.ipv6_address
