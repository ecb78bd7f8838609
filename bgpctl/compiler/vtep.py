"""A node's end of the cluster's VXLAN (RFC 7348).

A node has an end when it has an address, to send from, and a tunnel address, for its own packets into the tunnel.
The MAC is the node's if it says one; otherwise it follows from the node's name, so that all nodes know it without
asking: five octets of a hash behind 02, locally administered and unicast.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from bgpctl.compiler.addresses import canonical_address
from bgpctl.compiler.facts import NodeFacts
from reflector.plan import Family, Vtep

LOCALLY_ADMINISTERED = 0x02


def all_vteps(nodes: Iterable[NodeFacts], family: Family) -> tuple[Vtep, ...]:
    """Every node's end, in the order of the nodes."""
    return tuple(end for end in (vtep(facts, family) for facts in nodes) if end is not None)


def vtep(facts: NodeFacts, family: Family) -> Vtep | None:
    """A node's end; None when it lacks an address or a tunnel address in this family."""
    spec = facts.node.spec
    tunnel = spec.ipv4_vxlan_tunnel_addr if family == 4 else spec.ipv6_vxlan_tunnel_addr
    mac = spec.vxlan_tunnel_mac_addr if family == 4 else spec.vxlan_tunnel_mac_addr_v6
    if not tunnel or not facts.addresses[family]:
        return None
    return Vtep(
        node=facts.name,
        node_address=facts.addresses[family],
        tunnel_address=canonical_address(tunnel),
        mac=mac.lower() or derived_mac(facts.name, family),
    )


def derived_mac(node: str, family: Family) -> str:
    """A MAC that follows from the node's name alone."""
    octets = bytes([LOCALLY_ADMINISTERED]) + sha256(f"vxlan-v{family} {node}".encode()).digest()[:5]
    return octets.hex(":")
