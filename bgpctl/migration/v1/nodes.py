"""Nodes of Calico v1, of which each field has a key of its own.

A node is what has a directory under /calico/v1/host. What has keys under /calico/bgp/v1/host only is one as well: BIRD
of Calico 2.6 peers with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bgpctl.migration.fate import Note, NoteKind, Origin
from bgpctl.migration.source.etcd_value import EtcdValue
from bgpctl.migration.source.fields import Fields, address, as_number, network, text
from bgpctl.migration.source.sources import Entry
from bgpctl.migration.v1.objects import Interface, Node
from bgpctl.yaml_source.problem import Problem
from bgpctl.yaml_source.shown import name_shown

_HOST = re.compile(r"/calico/v1/host/([^/]+)/")
# What a key of a node has -> its reader, and the field of the resource.
FIELDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "ip_addr_v4": (address, "$.spec.bgp.ipv4Address"),
    "network_v4": (network, "$.spec.bgp.ipv4Address"),
    "ip_addr_v6": (address, "$.spec.bgp.ipv6Address"),
    "network_v6": (network, "$.spec.bgp.ipv6Address"),
    "as_num": (as_number, "$.spec.bgp.asNumber"),
}
TUNNEL, ORCHESTRATORS = "$.spec.bgp.ipv4IPIPTunnelAddr", "$.spec.orchRefs"
IN_BGP_ONLY = "it has no key under /calico/v1/host, so Calico's own upgrade leaves it out; BIRD peers with it"


@dataclass(slots=True)
class _Gathered:
    """Values by the name of their field, and where they stood. `file`: the first that has a key of this host."""

    values: dict[str, Any] = field(default_factory=dict)
    parts: list[tuple[Origin, str]] = field(default_factory=list)
    file: str = ""
    is_host: bool = False


class Nodes:
    """Takes keys one by one. `problems` grows."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._nodes: dict[str, _Gathered] = {}

    def see(self, entry: Entry) -> None:
        """Any key: it may show that there is a host."""
        if found := _HOST.match(entry.key):
            gathered = self._of(found[1])
            gathered.is_host, gathered.file = True, gathered.file or entry.origin.file

    def take(self, value: EtcdValue, node: str) -> None:
        """A key that has no value of interest."""
        self._of(node).parts.append((value.origin, ""))

    def take_field(self, value: EtcdValue, node: str, name: str) -> None:
        gathered = self._of(node)
        if name in FIELDS:
            as_type, place = FIELDS[name]
            found = value.read(as_type)
            host = found[0] if isinstance(found, tuple) else found
            if name[-2] == "v" and host is not None and not value.is_of_family(host, name[-1]):
                found = None
            gathered.values[name] = found
        else:
            place = ORCHESTRATORS
            gathered.values["names"] = self._orchestrators(value)
        gathered.parts.append((value.origin, place))

    def take_tunnel(self, value: EtcdValue, node: str) -> None:
        found = value.read(address)
        self._of(node).values["tunnel"] = "" if found is None else str(found)
        self._of(node).parts.append((value.origin, TUNNEL))

    def objects(self) -> list[Node]:
        return [self._node(name, gathered) for name, gathered in sorted(self._nodes.items())]

    def _of(self, node: str) -> _Gathered:
        return self._nodes.setdefault(node, _Gathered())

    def _orchestrators(self, value: EtcdValue) -> tuple[tuple[str, str], ...]:
        fields = Fields(value.origin, {"orchRefs": value.json()}, self._problems)
        return tuple(
            (each.needed("orchestrator", text) or "", each.read("nodeName", text, ""))
            for each in fields.each_within("orchRefs")
        )

    def _node(self, name: str, gathered: _Gathered) -> Node:
        values = gathered.values
        notes = [] if gathered.is_host else [Note(NoteKind.REMARK, IN_BGP_ONLY)]
        parts = tuple(sorted(gathered.parts))
        return Node(
            Origin(parts[0][0].file if parts else gathered.file, 0, name_shown(f"/calico/v1/host/{name}")),
            name,
            _interface(values, "v4", notes),
            _interface(values, "v6", notes),
            values.get("as_num"),
            values.get("tunnel", ""),
            values.get("names", ()),
            parts,
            tuple(notes),
        )


def _interface(values: Mapping[str, Any], family: str, notes: list[Note]) -> Interface | None:
    found, around = values.get(f"ip_addr_{family}"), values.get(f"network_{family}")
    if found is None:
        if around:
            notes.append(Note(NoteKind.LOSS, f"its network {around[0]}/{around[1]} has no address, so it is not kept"))
        return None
    return Interface(found, around[1] if around else None)
