"""What a node is to others: its session addresses, as the far end of a session, its address blocks.

A node has a BGP speaker unless it is one of Windows with an end of the VXLAN: there Calico runs BGP only without an
overlay. The annotation `bgpctl.io/speaker` of the Node stands above that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bgpctl.compiler.cluster.vtep import vtep
from bgpctl.resources.annotations.table import settings_of
from bgpctl.resources.kinds.node import Node
from reflector.addresses import canonical_address, canonical_prefix
from reflector.plan import Family, Vtep

OS_LABEL, WINDOWS = "kubernetes.io/os", "windows"


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
    """A node's addresses in canonical text, "" where it has none, and its ends of the VXLAN. Without a speaker it has
    no session, and what it has is reached through the VXLAN alone."""

    node: Node
    name: str
    addresses: Mapping[Family, str]
    subnets: Mapping[Family, str]
    vteps: Mapping[Family, Vtep | None]
    cluster_id: str
    has_speaker: bool

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
        has_speaker=_has_speaker(node),
    )


def _has_speaker(node: Node) -> bool:
    chosen = settings_of(node).speaker
    if chosen is not None:
        return chosen
    is_windows = node.metadata.labels.get(OS_LABEL) == WINDOWS
    return not (is_windows and node.spec.ipv4_vxlan_tunnel_addr)
