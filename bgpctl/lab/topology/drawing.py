"""A topology as a drawing has it: nodes, links, and the BGP sessions that our compiler makes between nodes of the lab.

Nothing is started or asked: the sessions are those of the plans of the lab's agents. A session with a node
that has no plan (for example BIRD) is drawn as well; sessions between two such nodes are only in their configurations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bgpctl.compiler import ClusterIndex, CompileError, compile_node
from bgpctl.datastore.directory import read_directory
from bgpctl.lab.topology.addresses import node_of_address
from bgpctl.lab.topology.links import Link
from bgpctl.lab.topology.topology import Node, Topology
from reflector.plan import NodePlan, SessionPlan


@dataclass(frozen=True, slots=True, order=True)
class DrawnSession:
    """`one` and `other` are nodes in alphabetical order. `at` are those of them whose plan has the session: one of two
    agents means that the other one would refuse it."""

    one: str
    other: str
    kind: str
    at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """`notes`: which sessions are missing, and why."""

    name: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    sessions: tuple[DrawnSession, ...]
    notes: tuple[str, ...] = ()

    def one_sided(self, session: DrawnSession) -> bool:
        """Both ends are agents of the lab, and only one of them has it."""
        agents = {node.name for node in self.nodes if node.role.runs_agent}
        return len(session.at) == 1 and {session.one, session.other} <= agents


def draw(topology: Topology) -> Drawing:
    notes: list[str] = []
    names = node_of_address(topology)
    nodes = {node.name for node in topology.nodes}
    found: dict[tuple[str, str, str], set[str]] = {}
    for node, plan in _plans(topology, notes):
        for session in plan.sessions:
            peer = session.peer_node if session.peer_node in nodes else names.get(session.peer_address)
            if peer is not None and peer != node:
                one, other = sorted((node, peer))
                found.setdefault((one, other, _kind(session)), set()).add(node)
    sessions = sorted(DrawnSession(*ends, tuple(sorted(at))) for ends, at in found.items())
    return Drawing(topology.name, topology.nodes, topology.links, tuple(sessions), tuple(notes))


def _kind(session: SessionPlan) -> str:
    """RFC 4271 1.1"""
    return "iBGP" if session.peer_as == session.local_as else "eBGP"


def _plans(topology: Topology, notes: list[str]) -> Iterator[tuple[str, NodePlan]]:
    indexes: dict[Path, ClusterIndex] = {}
    for node in topology.agents:
        assert node.resources is not None  # noqa: S101  the topology has complained otherwise
        if node.resources not in indexes:
            loaded = read_directory(node.resources)
            notes += [str(problem) for problem in loaded.problems if problem.severity == "error"]
            indexes[node.resources] = ClusterIndex(loaded.resources)
        index = indexes[node.resources]
        try:
            yield node.name, compile_node(index.resources, node.name, index=index).plan
        except CompileError as error:
            notes.append(f"no sessions of {node.name}: {error}")
