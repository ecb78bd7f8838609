"""What every action is: a frozen value with the fields of its usage, done on a lab, often undone by another one."""

from __future__ import annotations

import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bgpctl.errors import NotReadyError
from bgpctl.lab.actions.grammar import render
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.netns import namespaces, processes
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running.forked import reap
from bgpctl.lab.topology.topology import Node, Topology

_POLL = 0.01


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A running lab to which actions are done, by one program at a time (it holds the lab's lock, `lock`)."""

    topology: Topology
    directory: Path
    lock: int

    @property
    def state(self) -> LabState:
        return LabState(self.topology.name)

    def node(self, name: str) -> Node:
        return next(node for node in self.topology.nodes if node.name == name)

    def namespace(self, node: str) -> str:
        return self.state.namespace(node)

    def pids(self, node: str) -> list[int]:
        """All processes in the node's namespace."""
        name = self.namespace(node)
        return processes.running_in([name]).get(name, [])

    @contextmanager
    def inside(self, node: str) -> Iterator[None]:
        with namespaces.inside(self.namespace(node)):
            yield


class Action(ABC):
    """`usage` is its grammar (grammar.py), `summary` its line in the documentation."""

    __slots__ = ()
    usage: ClassVar[str]
    summary: ClassVar[str]

    def check(self, scope: ActionScope) -> str:  # noqa: ARG002
        """ "" or the reason why it makes no sense in this lab, where the fields alone do not show it."""
        return ""

    def prepare(self, lab: RunningLab) -> None:  # noqa: B027  most need nothing
        """Before packets are counted: preparations that cost packets themselves and change nothing else."""

    @abstractmethod
    def do(self, lab: RunningLab) -> None:
        """Returns when it is done. Raises NotReadyError when it cannot be done."""

    def undo(self) -> Action | None:
        """The action that undoes it; None where nothing is left to undo."""
        return None

    def __str__(self) -> str:
        return render(self.usage, self)


def needs_agent(scope: ActionScope, node: str) -> str:
    """ "" or why the node cannot do what only our agent does."""
    return "" if scope.node(node).role.runs_agent else f"no agent runs on {node}"


def run(words: Sequence[str], text: str = "") -> str:
    """Runs a command in the calling thread's namespace. Raises NotReadyError with the first line of its output."""
    try:
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotReadyError(f"{words[0]}: {error.strerror}") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NotReadyError(f"`{' '.join(words)}` ended with status {done.returncode}: {lines[0] if lines else ''}")
    return done.stdout


def wait_until(condition: Callable[[], bool], within: float, what: str) -> None:
    """Raises NotReadyError when it is not so within that time."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise NotReadyError(f"not within {within:g} s: {what}")
        time.sleep(_POLL)


def wait_until_gone(lab: RunningLab, node: str, pids: Collection[int], within: float = 10.0) -> None:
    wait_until(lambda: not set(pids) & set(lab.pids(node)), within, f"processes of {node} end: {sorted(pids)}")
    reap(pids)
