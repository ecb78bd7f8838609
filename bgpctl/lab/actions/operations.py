"""Actions of an operator: drain a node and put it back into use, run a command, let time pass."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from bgpctl.agent.host.run_directory import AGENT_SOCKET
from bgpctl.errors import NotReadyError
from bgpctl.lab.actions.action import Action, RunningLab, needs_agent, run
from bgpctl.lab.actions.operands import Quantity
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.daemons.tools import environment
from reflector.control.client import ControlClient, ControlError
from reflector.drain import Stage as Drained
from reflector.messages import Drain as DrainRequest


@dataclass(frozen=True, slots=True)
class Drain(Action):
    usage: ClassVar[str] = "drain NODE [DRAINED]"
    summary: ClassVar[str] = "take the node out of use: its routes are marked (RFC 8326), or withdrawn"
    node: str
    drained: Drained = Drained.MARKED

    def check(self, scope: ActionScope) -> str:
        return needs_agent(scope, self.node)

    def do(self, lab: RunningLab) -> None:
        _drain(lab, self.node, self.drained)

    def undo(self) -> Action | None:
        return Undrain(self.node)


@dataclass(frozen=True, slots=True)
class Undrain(Action):
    usage: ClassVar[str] = "undrain NODE"
    summary: ClassVar[str] = "the node is in use"
    node: str

    def check(self, scope: ActionScope) -> str:
        return needs_agent(scope, self.node)

    def do(self, lab: RunningLab) -> None:
        _drain(lab, self.node, Drained.IN_USE)


def _drain(lab: RunningLab, node: str, drained: Drained) -> None:
    """By the agent, which keeps it for the next speaker and agent (reflector/drain.py)."""
    try:
        with ControlClient(lab.state.node_directory(node) / AGENT_SOCKET) as agent:
            agent.ask(DrainRequest(drained))
    except ControlError as error:
        raise NotReadyError(f"the agent of {node} does not answer: {error}") from error


@dataclass(frozen=True, slots=True)
class Run(Action):
    usage: ClassVar[str] = "run NODE COMMAND"
    summary: ClassVar[str] = (
        "any command, in the node's namespace and the directory of expectations.yml, with `bgpctl` and the daemon's "
        "command lines on PATH; it must end with status 0"
    )
    node: str
    command: tuple[str, ...]

    def do(self, lab: RunningLab) -> None:
        node = lab.node(self.node)
        variables = (f"{key}={value}" for key, value in environment(lab.state, node).items())
        words = ["env", f"--chdir={lab.directory.resolve()}", *variables, *self.command]
        with lab.inside(self.node):
            run(words)


@dataclass(frozen=True, slots=True)
class Wait(Action):
    usage: ClassVar[str] = "wait TIME"
    summary: ClassVar[str] = "let time pass: for hold times and restart times"
    time: Quantity

    def do(self, lab: RunningLab) -> None:  # noqa: ARG002
        time.sleep(self.time.value)
