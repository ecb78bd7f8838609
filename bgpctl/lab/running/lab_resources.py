"""The resources of a running lab: copies in its own directory, made by `up`, so that no event changes the originals.

    <lab>/_resources/<name of the directory>/...      what the agents read and watch

Directories of the same name get a number. A file is replaced by a rename, so that an agent that is
reading reads a whole one.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.topology import Node, Topology

_RESOURCES = "_resources"


@dataclass(frozen=True, slots=True)
class LabResources:
    """`copies` maps what is written in the topology to where it is copied."""

    copies: Mapping[Path, Path]

    @classmethod
    def of(cls, topology: Topology) -> LabResources:
        sources = dict.fromkeys(node.resources for node in topology.agents if node.resources is not None)
        directory = LabState(topology.name).directory / _RESOURCES
        copies: dict[Path, Path] = {}
        for source in sources:
            taken = [copy.name for copy in copies.values()]
            name = source.name if source.name not in taken else f"{source.name}-{len(taken) + 1}"
            copies[source] = directory / name
        return cls(copies)

    def copy(self) -> None:
        """Makes those copies that are not there. Symbolic links are followed: what they lead to may change."""
        for source, copy in self.copies.items():
            if not copy.exists():
                copy.parent.mkdir(mode=0o700, exist_ok=True)
                (shutil.copytree if source.is_dir() else shutil.copy2)(source, copy)

    def read_by(self, node: Node) -> Node:
        """The node with what its agent reads."""
        return node if node.resources is None else replace(node, resources=self.copies[node.resources])

    def write(self, name: str, content: bytes, node: Node | None = None) -> None:
        """Into all copies, or that of one node."""
        for copy in self._meant(node):
            temporary = copy / f".{name}.new"
            temporary.write_bytes(content)
            temporary.rename(copy / name)

    def remove(self, name: str, node: Node | None = None) -> int:
        """From all copies, or that of one node; returns from how many."""
        there = [copy / name for copy in self._meant(node) if (copy / name).exists()]
        for file in there:
            file.unlink()
        return len(there)

    def restore(self, name: str) -> None:
        """As in the originals: restored, or deleted."""
        for source, copy in self.copies.items():
            if (source / name).exists():
                temporary = copy / f".{name}.new"
                temporary.write_bytes((source / name).read_bytes())
                temporary.rename(copy / name)
            else:
                (copy / name).unlink(missing_ok=True)

    def _meant(self, node: Node | None) -> list[Path]:
        if node is None or node.resources is None:
            return [copy for copy in self.copies.values() if copy.is_dir()]
        return [self.copies[node.resources]]
