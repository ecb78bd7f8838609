"""Where actions are read: the names that they may have in them, and the directory that files are in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bgpctl.lab.actions.grammar import ActionError
from bgpctl.lab.topology.document import suggestion
from bgpctl.lab.topology.node_names import NodeNames
from bgpctl.lab.topology.topology import Node


@dataclass(frozen=True, slots=True)
class ActionScope:
    """The topology with its sets, and the directory of expectations.yml."""

    names: NodeNames
    directory: Path

    def node(self, name: str) -> Node:
        """Raises ActionError."""
        found = {node.name: node for node in self.names.topology.nodes}
        if name not in found:
            raise ActionError(f"the topology has no node {name!r}{suggestion(name, found)}")
        return found[name]
