"""A lab as a value: the nodes, their links, and what is to be done in each node. topology_file.py reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bgpctl.lab.topology.links import Link
from bgpctl.lab.topology.roles import Role
from bgpctl.yaml_source.problem import Problem


@dataclass(frozen=True, slots=True)
class Exec:
    """A command to run in a node, already split into words, and where it is written."""

    words: tuple[str, ...]
    line: int
    path: str


@dataclass(frozen=True, slots=True)
class Node:
    """One namespace. `resources` is the directory an agent reads, `configuration` the file a routing daemon reads, None
    where none runs."""

    name: str
    line: int
    role: Role = Role.ROUTER
    kind: str = "linux"
    exec: tuple[Exec, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    resources: Path | None = None
    configuration: Path | None = None

    @property
    def bridge(self) -> str:
        """The name of the bridge that a node of that kind is, otherwise ""."""
        return self.name if self.kind == "bridge" else ""


@dataclass(frozen=True, slots=True)
class Topology:
    """One lab. `notes` are things in the file that mean nothing without containers."""

    name: str
    file: Path
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    notes: tuple[Problem, ...] = ()

    def with_role(self, *roles: Role) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.role in roles)

    @property
    def agents(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.role.runs_agent)

    @property
    def daemons(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.role.runs_daemon)
