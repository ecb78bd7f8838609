"""A node's end of the cluster's VXLAN (RFC 7348).

A node has an end when it has an address, to send from, and a tunnel address, for its own packets into the tunnel.
The MAC is that of the Node if it has one; otherwise it follows from the node's name as Felix derives it, so that all
nodes know it without asking, those that run Felix as well: five octets of a hash behind 66, locally administered and
unicast.
"""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING

from reflector.addresses import canonical_address
from reflector.plan import Family, Vtep

if TYPE_CHECKING:
    from bgpctl.resources.kinds.node import Node

DEVICES: dict[Family, str] = {4: "vxlan.calico", 6: "vxlan-v6.calico"}
FIRST_OCTET = 0x66
HASHED: dict[Family, str] = {4: "{}", 6: "{}-v6"}


def vtep(node: Node, family: Family, address: str) -> Vtep | None:
    """The node's end, `address` being its session address; None when it has none in this family."""
    spec = node.spec
    tunnel = spec.ipv4_vxlan_tunnel_addr if family == 4 else spec.ipv6_vxlan_tunnel_addr
    mac = spec.vxlan_tunnel_mac_addr if family == 4 else spec.vxlan_tunnel_mac_addr_v6
    if not tunnel or not address:
        return None
    return Vtep(
        node=node.name,
        node_address=address,
        tunnel_address=canonical_address(tunnel),
        mac=mac.lower() or derived_mac(node.name, family),
    )


def derived_mac(node: str, family: Family) -> str:
    """A MAC that follows from the node's name alone. Nothing is secret about it."""
    hashed = sha1(HASHED[family].format(node).encode(), usedforsecurity=False)
    return bytes([FIRST_OCTET, *hashed.digest()[:5]]).hex(":")
