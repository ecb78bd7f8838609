"""Objects of Calico v1 as values, and each as the v3 resource that it becomes.

    BGP peer    global: named after its address; of a node: NODE.ADDRESS
    IP pool     named after its network; IPIP with no mode is Always; blocks have Calico's sizes, 26 and 122
    node        its name in v3's letters; an address without a network is a /32 or /128; without an address no BGP
    affinity    named as Calico names it where the Kubernetes API is its datastore, NODE-NETWORK

Rule: nothing is checked here. What the conversion gives is judged as v3 resources are, by the rules of `validate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bgpctl.migration.fate import Converted, Note, NoteKind, Origin, renamed
from bgpctl.migration.names import address_name, network_name, node_name
from reflector.addresses import Address

V3 = "projectcalico.org/v3"
BLOCK_SIZES = {4: 26, 6: 122}
CROSS_SUBNET = "cross-subnet"


def v3_object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": V3, "kind": kind, "metadata": {"name": name}, "spec": spec}


@dataclass(frozen=True, slots=True)
class Peer:
    """`node` is "" for a global one."""

    origin: Origin
    node: str
    address: Address
    as_number: int | None

    def converted(self) -> Converted:
        node = node_name(self.node)
        spec: dict[str, Any] = {"node": node} if self.node else {}
        spec["peerIP"] = str(self.address)
        if self.as_number is not None:
            spec["asNumber"] = self.as_number
        name = f"{node}.{address_name(self.address)}" if self.node else address_name(self.address)
        return Converted(v3_object("BGPPeer", name, spec), "BGP peer", self.origin, notes=renamed(self.node, node))


@dataclass(frozen=True, slots=True)
class Pool:
    """address, length   as they are written, with bits behind the length if there are some
    ipip              whether it is on; `mode` counts only then
    """

    origin: Origin
    address: Address
    length: int
    ipip: bool = False
    mode: str = ""
    nat_outgoing: bool = False
    disabled: bool = False

    def converted(self) -> Converted:
        cidr = f"{self.address}/{self.length}"
        always = "CrossSubnet" if self.mode == CROSS_SUBNET else "Always"
        spec = {
            "cidr": cidr,
            "ipipMode": always if self.ipip else "Never",
            "vxlanMode": "Never",
            "blockSize": BLOCK_SIZES[self.address.version],
            "nodeSelector": "all()",
            "allowedUses": ["Workload", "Tunnel"],
            "assignmentMode": "Automatic",
            **({"natOutgoing": True} if self.nat_outgoing else {}),
            **({"disabled": True} if self.disabled else {}),
        }
        lost = f"IPIP is off, so its mode {self.mode!r} is not kept"
        notes = (Note(NoteKind.LOSS, lost),) if self.mode and not self.ipip else ()
        return Converted(v3_object("IPPool", network_name(cidr), spec), "IP pool", self.origin, notes=notes)


@dataclass(frozen=True, slots=True)
class Interface:
    """A node's address, and the length of its network: None for none."""

    address: Address
    length: int | None = None

    def __str__(self) -> str:
        return f"{self.address}/{self.address.max_prefixlen if self.length is None else self.length}"


@dataclass(frozen=True, slots=True)
class Node:
    """`parts` are the places of single fields; `names` what orchestrators call it: (orchestrator, name)."""

    origin: Origin
    name: str
    ipv4: Interface | None = None
    ipv6: Interface | None = None
    as_number: int | None = None
    tunnel: str = ""
    names: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[Origin, str], ...] = ()
    notes: tuple[Note, ...] = ()

    def converted(self) -> Converted:
        has_address = self.ipv4 is not None or self.ipv6 is not None
        bgp = {
            "asNumber": self.as_number,
            "ipv4Address": str(self.ipv4) if self.ipv4 else None,
            "ipv6Address": str(self.ipv6) if self.ipv6 else None,
            "ipv4IPIPTunnelAddr": self.tunnel or None,
        }
        spec: dict[str, Any] = {"bgp": {k: v for k, v in bgp.items() if v is not None}} if has_address else {}
        if self.names:
            spec["orchRefs"] = [{"nodeName": name, "orchestrator": kind} for kind, name in self.names]
        name = node_name(self.name)
        notes = (*renamed(self.name, name), *self.notes, *(() if has_address else self._without_address()))
        return Converted(v3_object("Node", name, spec), "node", self.origin, self.parts, notes)

    def _without_address(self) -> tuple[Note, ...]:
        gone = {"AS number": self.as_number, "IPIP tunnel address": self.tunnel}
        had = [f"its {what} {value}" for what, value in gone.items() if value not in (None, "")]
        return (Note(NoteKind.LOSS, f"it has no address, so {' and '.join(had)} is not kept"),) if had else ()


@dataclass(frozen=True, slots=True)
class Affinity:
    """`state` is "" where the block has been confirmed since before there were states; `type` is host or virtual."""

    origin: Origin
    node: str
    cidr: str
    state: str
    type: str = "host"

    def converted(self) -> Converted:
        node = node_name(self.node)
        spec = {"node": node, "cidr": self.cidr, "type": self.type, **({"state": self.state} if self.state else {})}
        name = f"{node}-{network_name(self.cidr)}"
        value = v3_object("BlockAffinity", name, spec)
        return Converted(value, "block affinity", self.origin, notes=renamed(self.node, node))


@dataclass(frozen=True, slots=True)
class Settings:
    """Single settings that make one resource: (field, value, where it stood). At least one."""

    kind: str
    name: str
    fields: tuple[tuple[str, Any, Origin], ...]
    notes: tuple[Note, ...] = ()

    def converted(self) -> Converted:
        spec = {field: value for field, value, _ in self.fields}
        parts = tuple((origin, f"$.spec.{field}") for field, _, origin in self.fields)
        return Converted(v3_object(self.kind, self.name, spec), self.kind, parts[0][0], parts, self.notes)


Object = Peer | Pool | Node | Affinity | Settings
