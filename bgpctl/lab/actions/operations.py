"""Actions of an operator: lead traffic away from a node and back, run a command, let time pass."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from bgpctl.errors import NotReadyError
from bgpctl.lab.actions.action import Action, Stage, needs_agent, run
from bgpctl.lab.actions.placeholders import Quantity, Scene
from bgpctl.lab.daemons.tools import environment
from bgpctl.lab.running.agents import AGENT_SOCKET
from reflector.control.client import ControlClient, ControlError
from reflector.drain import Stage as Drained
from reflector.messages import Drain as DrainRequest


@dataclass(frozen=True, slots=True)
class Drain(Action):
    usage: ClassVar[str] = "drain NODE [DRAINED]"
    says: ClassVar[str] = "lead traffic away from it: routes marked (RFC 8326), or withdrawn"
    node: str
    drained: Drained = Drained.MARKED

    def check(self, scene: Scene) -> str:
        return needs_agent(scene, self.node)

    def do(self, stage: Stage) -> None:
        _drain(stage, self.node, self.drained)

    def undo(self) -> Action | None:
        return Undrain(self.node)


@dataclass(frozen=True, slots=True)
class Undrain(Action):
    usage: ClassVar[str] = "undrain NODE"
    says: ClassVar[str] = "traffic may come again"
    node: str

    def check(self, scene: Scene) -> str:
        return needs_agent(scene, self.node)

    def do(self, stage: Stage) -> None:
        _drain(stage, self.node, Drained.IN_USE)


def _drain(stage: Stage, node: str, drained: Drained) -> None:
    """The agent is asked: it outlives speaker and agent (reflector/drain.py)."""
    try:
        with ControlClient(stage.state.node_directory(node) / AGENT_SOCKET) as agent:
            agent.ask(DrainRequest(drained))
    except ControlError as error:
        raise NotReadyError(f"the agent of {node} does not answer: {error}") from error


@dataclass(frozen=True, slots=True)
class Run(Action):
    usage: ClassVar[str] = "run NODE COMMAND"
    says: ClassVar[str] = (
        "any command in the node's namespace and the directory of expectations.yml, with `bgpctl` and its daemon's "
        "command lines; must end with status 0"
    )
    node: str
    command: tuple[str, ...]

    def do(self, stage: Stage) -> None:
        node = stage.node(self.node)
        variables = (f"{key}={value}" for key, value in environment(stage.state, node).items())
        words = ["env", f"--chdir={stage.directory.resolve()}", *variables, *self.command]
        with stage.inside(self.node):
            run(words)


@dataclass(frozen=True, slots=True)
class Wait(Action):
    usage: ClassVar[str] = "wait TIME"
    says: ClassVar[str] = "let time pass, where that is the point: hold times, restart times"
    time: Quantity

    def do(self, stage: Stage) -> None:  # noqa: ARG002
        time.sleep(self.time.value)
