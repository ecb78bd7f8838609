"""Finds the agents and speakers that run on this machine, and asks them.

A run directory is one that holds agent.sock or speaker.sock: under /run/bgpctl for the machine's own agent, under
/run/bgpctl/lab/LAB for the nodes of labs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from msgspec import structs

from bgpctl.agent.host.run_directory import AGENT_SOCKET, PLAN_FILE, RUN_ROOT, SPEAKER_SOCKET
from bgpctl.errors import NotReadyError
from reflector.control.client import DEFAULT_TIMEOUT, ControlClient, ControlError, JournalQuestion, RefusedError
from reflector.drain_file import DRAIN_FILE
from reflector.messages import (
    AgentStatus,
    Confirm,
    Confirmed,
    Drain,
    Draining,
    Explain,
    Explanation,
    JournalStatus,
    KernelAnswer,
    Peers,
    RouteStatus,
    ShowAgent,
    ShowKernel,
    ShowPeers,
    ShowRoutes,
)

Answer = TypeVar("Answer")
# Seconds for an agent to judge a change, and for its speaker to apply the largest one.
CONFIRM_TIMEOUT = 90.0


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node with a run directory. `name` is unique among those found: LAB/NODE where labs share node names."""

    name: str
    run_directory: Path

    def agent(self) -> AgentStatus:
        """Raises NotReadyError when the agent does not answer."""
        with self._agent() as agent:
            return agent.ask(ShowAgent())

    @contextmanager
    def _agent(self, timeout: float = DEFAULT_TIMEOUT) -> Iterator[ControlClient]:
        try:
            with ControlClient(self.run_directory / AGENT_SOCKET, timeout) as client:
                yield client
        except ControlError as error:
            raise NotReadyError(f"the agent of {self.name} does not answer: {error}") from error

    def retention(self) -> str:
        """The sentence of its agent about retained routes; "" also without an agent, which `bgpctl status` reports."""
        try:
            return self.agent().retention
        except NotReadyError:
            return ""

    @contextmanager
    def speaker(self) -> Iterator[ControlClient]:
        """To ask the speaker. Raises NotReadyError when it does not answer, and when it refuses."""
        try:
            with ControlClient(self.run_directory / SPEAKER_SOCKET) as client:
                yield client
        except RefusedError as error:
            raise NotReadyError(f"the speaker of {self.name}: {error}") from error
        except ControlError as error:
            raise NotReadyError(f"the speaker of {self.name} does not answer: {error}") from error

    def peers(self) -> Peers:
        """Raises NotReadyError when the speaker does not answer."""
        with self.speaker() as speaker:
            return speaker.ask(ShowPeers())

    def drain(self, asked: Drain) -> Draining:
        """How far the node is now. Raises NotReadyError when the agent does not answer."""
        with self._agent() as agent:
            return agent.ask(asked)

    def confirm(self, digest: str) -> Confirmed:
        """Has the agent put the held change with this digest in place. Raises NotReadyError when it does not answer or
        refuses."""
        with self._agent(CONFIRM_TIMEOUT) as agent:
            return agent.ask(Confirm(digest))

    def explain(self, prefix: str) -> Explanation:
        """Raises NotReadyError when the speaker does not answer."""
        with self.speaker() as speaker:
            return speaker.ask(Explain(prefix))

    def kernel(self, prefix: str) -> KernelAnswer:
        """Raises NotReadyError when the agent does not answer, and when it refuses."""
        with self._agent() as agent:
            return agent.ask(ShowKernel(prefix))

    def journal(self, question: JournalQuestion) -> JournalStatus:
        """Raises NotReadyError when the speaker does not answer or cannot do so."""
        with self.speaker() as speaker:
            return speaker.ask(question)

    def session(self, peer: str) -> str:
        """The name of the session with this peer: its own name, the peer's address or the peer's node. Raises
        NotReadyError when there is none or several."""
        peers = self.peers().peers
        meant = [each.name for each in peers if peer in (each.name, each.peer_address, each.peer_node)]
        if len(meant) != 1:
            known = ", ".join(meant or (each.name for each in peers)) or "none"
            raise NotReadyError(
                f"{'no' if not meant else 'not one'} session {peer!r} on {self.name}; there are: {known}"
            )
        return meant[0]

    def routes(self, question: ShowRoutes) -> list[RouteStatus]:
        """All pages of the answer. Raises NotReadyError when the speaker does not answer."""
        routes: list[RouteStatus] = []
        with self.speaker() as speaker:
            while True:
                page = speaker.ask(question)
                routes += page.routes
                if not page.next_after:
                    return routes
                question = structs.replace(question, after=page.next_after)


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


def ask_all(
    nodes: list[RunningNode], question: Callable[[RunningNode], Answer]
) -> tuple[list[tuple[str, Answer]], list[NotReadyError]]:
    """The answers with their nodes' names, and why the others gave none. NotReadyError when none answers."""
    answers: list[tuple[str, Answer]] = []
    silent: list[NotReadyError] = []
    for node in nodes:
        try:
            answers.append((node.name, question(node)))
        except NotReadyError as error:
            silent.append(error)
    if not answers:
        raise silent[0]
    return answers, silent


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
