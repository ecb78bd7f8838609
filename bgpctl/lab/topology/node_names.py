"""Names for nodes in expectations and actions: the nodes of the topology, and sets of them (the section `sets`).

The rule: a name that is neither is a problem with file, line and field, and with the name that was perhaps meant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bgpctl.lab.topology.document import Element, suggestion
from bgpctl.lab.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class NodeNames:
    """What a name in the file can be. `sets` maps the name of a set to its nodes."""

    topology: Topology
    sets: Mapping[str, tuple[str, ...]]

    @property
    def nodes(self) -> set[str]:
        return {node.name for node in self.topology.nodes}

    @property
    def speakers(self) -> set[str]:
        return {node.name for node in self.topology.nodes if node.role.speaks_bgp}

    def expand(self, element: Element, among: Collection[str], what: str) -> tuple[str, ...]:
        """The nodes of a list of names (or of one name), in its order, each once."""
        items = element.items() if isinstance(element.data, tuple) else [element]
        found: dict[str, None] = {}
        for item in items:
            for name in self.sets.get(item.text(), (item.text(),)):
                if name not in among:
                    item.complain(f"{what} {name!r}{suggestion(name, (*among, *self.sets))}")
                found[name] = None
        return tuple(found)


def read_sets(element: Element | None, topology: Topology) -> Mapping[str, tuple[str, ...]]:
    """NodeNames for several nodes at once. A set may have earlier sets in it."""
    sets: dict[str, tuple[str, ...]] = {}
    for name, child in element.fields().items() if element else ():
        names = NodeNames(topology, dict(sets))
        if name in names.nodes:
            child.complain(f"{name!r} is a node already")
        sets[name] = names.expand(child, names.nodes, "the topology has no node")
    return sets
