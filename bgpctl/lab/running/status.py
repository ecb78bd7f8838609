"""How every node of a lab is: `down` (no namespace, or what has to run does not), `up`, `ready` (it also answers).

A node in which nothing has to run is ready as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bgpctl.lab.console import BAD, GOOD
from bgpctl.lab.daemons import process_control
from bgpctl.lab.netns import namespaces, processes
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running import agents
from bgpctl.lab.topology.topology import Node, Topology

_SHOWN_PROCESSES = 6


class NodeState(StrEnum):
    DOWN = "down"
    UP = "up"
    READY = "ready"


_STYLES = {NodeState.DOWN: BAD, NodeState.UP: "yellow", NodeState.READY: GOOD}


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """`processes` are (name, process id) of all that runs in the node's namespace."""

    node: Node
    state: NodeState
    processes: tuple[tuple[str, int], ...]


def status_of(topology: Topology) -> tuple[NodeStatus, ...]:
    """In the order of the topology. Needs no root, but without it sees no processes of others."""
    state = LabState(topology.name)
    inside = processes.running_in(state.namespace(node.name) for node in topology.nodes)
    alive = agents.running(state, topology.agents).keys() | process_control.running(state, topology.daemons).keys()
    return tuple(
        NodeStatus(
            node,
            _state(state, node, runs=node.name in alive or not node.role.speaks_bgp),
            tuple(_named(inside.get(state.namespace(node.name), []))),
        )
        for node in topology.nodes
    )


def _state(state: LabState, node: Node, *, runs: bool) -> NodeState:
    if not runs or not namespaces.exists(state.namespace(node.name)):
        return NodeState.DOWN
    if node.role.runs_agent and not agents.is_ready(state.node_directory(node.name)):
        return NodeState.UP
    if node.role.runs_daemon and not process_control.is_ready(state, node):
        return NodeState.UP
    return NodeState.READY


def _named(pids: list[int]) -> Iterator[tuple[str, int]]:
    for pid in pids:
        try:
            yield Path(f"/proc/{pid}/comm").read_text().strip(), pid
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile


def print_status(topology: Topology, console: Console) -> None:
    found = status_of(topology)
    counts = {state: sum(one.state is state for one in found) for state in NodeState}
    title = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    table = Table("Node", "Role", "State", "Processes", title=f"lab {topology.name}: {title}", title_justify="left")
    for one in found:
        style = _STYLES[one.state]
        table.add_row(one.node.name, one.node.role, f"[{style}]{one.state}[/]", _processes_text(one))
    console.print(table)


def _processes_text(status: NodeStatus) -> str:
    shown = ", ".join(f"{name} {pid}" for name, pid in status.processes[:_SHOWN_PROCESSES])
    more = len(status.processes) - _SHOWN_PROCESSES
    return f"{shown} and {more} more" if more > 0 else shown
