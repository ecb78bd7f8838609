"""What a node is to others: its session addresses, as the far end of a session, its address blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bgpctl.compiler.cluster.vtep import vtep
from bgpctl.resources.kinds.node import Node
from reflector.addresses import canonical_address, canonical_prefix
from reflector.plan import Family, Vtep


@dataclass(frozen=True, slots=True)
class PeerEndpoint:
    """A node as the far end of a session in one family. Port 0: none is set, so 179."""

    node: str
    family: Family
    address: str
    port: int
    as_number: int
    cluster_id: str


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node's addresses in canonical text, "" where it has none, and its ends of the VXLAN."""

    node: Node
    name: str
    addresses: Mapping[Family, str]
    subnets: Mapping[Family, str]
    vteps: Mapping[Family, Vtep | None]
    cluster_id: str

    @property
    def is_reflector(self) -> bool:
        return bool(self.cluster_id)


@dataclass(frozen=True, slots=True)
class Block:
    """An address block of a node. A block that is being given back is still announced, but no longer as one."""

    prefix: str
    aggregated: bool


def node_facts(node: Node) -> NodeFacts:
    """Raises ValueError when an address is none."""
    bgp = node.spec.bgp
    texts: dict[Family, str] = {4: bgp.ipv4_address, 6: bgp.ipv6_address} if bgp else {4: "", 6: ""}
    addresses = {family: canonical_address(text) if text else "" for family, text in texts.items()}
    return NodeFacts(
        node=node,
        name=node.name,
        addresses=addresses,
        subnets={family: canonical_prefix(text) if text else "" for family, text in texts.items()},
        vteps={family: vtep(node, family, address) for family, address in addresses.items()},
        cluster_id=node.cluster_id,
    )
