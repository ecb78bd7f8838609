"""Finds the agents and speakers that run on this machine.

A run directory is one that holds agent.sock or speaker.sock: under /run/bgpctl for the machine's own agent, under
/run/bgpctl/lab/LAB for the nodes of labs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bgpctl.agent.host.run_directory import AGENT_SOCKET, PLAN_FILE, RUN_ROOT, SPEAKER_SOCKET
from bgpctl.cli.asked_node import AskedNode, ControlSocket
from bgpctl.errors import NotReadyError
from reflector.control.client import ControlClient
from reflector.drain_file import DRAIN_FILE


@dataclass(frozen=True, slots=True)
class RunningNode(AskedNode):
    """A node with a run directory. `name` is unique among those found: LAB/NODE where labs share node names."""

    name: str
    run_directory: Path

    @contextmanager
    def open(self, control_socket: ControlSocket, timeout: float, *, changes: bool = False) -> Iterator[ControlClient]:  # noqa: ARG002
        with ControlClient(self.run_directory / control_socket.file, timeout) as client:
            yield client


def find_nodes(node: str, run_directory: Path | None, root: Path = RUN_ROOT) -> list[RunningNode]:
    """The nodes that are meant: of `run_directory`, or named `node`, or else all. Raises NotReadyError where there
    is none, saying where it looked."""
    if run_directory is not None:
        if not _has_socket(run_directory):
            raise NotReadyError(f"no agent runs in {run_directory}: there is no {AGENT_SOCKET} or {SPEAKER_SOCKET}")
        return [RunningNode(node or run_directory.absolute().name, run_directory)]
    found = _all_nodes(root)
    if not found:
        raise NotReadyError(
            f"no agent found in {root}/* or {root}/lab/*/*; start one, or name its directory with --run-dir"
        )
    meant = [each for each in found if _is_meant(each, node)]
    if not meant:
        raise NotReadyError(f"no node {node} runs here; there are: {_names(found)}")
    return meant


def find_nodes_and_stopped(node: str, run_directory: Path | None, root: Path = RUN_ROOT) -> list[RunningNode]:
    """Like find_nodes, with those that have stopped and left their plan: their agents do not answer."""
    if run_directory is not None:
        left_a_plan = _has_plan(run_directory) and not _has_socket(run_directory)
        stopped = [RunningNode(node or run_directory.absolute().name, run_directory)] if left_a_plan else []
    else:
        stopped = [each for each in _named(_directories(root)) if _has_plan(each.run_directory)]
        stopped = [each for each in stopped if not _has_socket(each.run_directory) and _is_meant(each, node)]
    try:
        running = find_nodes(node, run_directory, root)
    except NotReadyError:
        if not stopped:
            raise
        return stopped
    return sorted((*running, *stopped), key=lambda each: each.run_directory)


def find_one_node(node: str, run_directory: Path | None, root: Path = RUN_ROOT) -> RunningNode:
    """Like find_nodes where only one makes sense. Raises NotReadyError naming all when there are several."""
    found = find_nodes(node, run_directory, root)
    if len(found) > 1:
        raise NotReadyError(f"several nodes run here, choose one with --node: {_names(found)}")
    return found[0]


def find_drained(node: str, run_directory: Path | None, root: Path = RUN_ROOT) -> Path | None:
    """The drain.json of the one node that is meant, if it was stopped: there is no process to ask."""
    meant = [run_directory] if run_directory is not None else _directories(root)
    meant = [path for path in meant if run_directory is not None or node in ("", path.name)]
    found = [path / DRAIN_FILE for path in meant if (path / DRAIN_FILE).exists()]
    return found[0] if len(found) == 1 and not any(map(_has_socket, meant)) else None


def _all_nodes(root: Path) -> list[RunningNode]:
    return _named([path for path in _directories(root) if _has_socket(path)])


def _named(directories: list[Path]) -> list[RunningNode]:
    counts = [path.name for path in directories]
    return [
        RunningNode(path.name if counts.count(path.name) == 1 else f"{path.parent.name}/{path.name}", path)
        for path in directories
    ]


def _is_meant(found: RunningNode, node: str) -> bool:
    return node in ("", found.name, found.run_directory.name)


def _directories(root: Path) -> list[Path]:
    return [path for pattern in ("*", "lab/*/*") for path in sorted(root.glob(pattern))]


def _has_socket(directory: Path) -> bool:
    return any((directory / name).is_socket() for name in (AGENT_SOCKET, SPEAKER_SOCKET))


def _has_plan(directory: Path) -> bool:
    return (directory / PLAN_FILE).is_file()


def _names(nodes: list[RunningNode]) -> str:
    return ", ".join(node.name for node in nodes)
