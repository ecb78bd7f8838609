"""Actions on the processes of a node: killed, frozen, restarted, one node after the other, without power.

What is killed here is not told anything, and neither are its peers by a node without power: its links go first.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import ClassVar

from bgpctl.agent.speaker.process import runs_for
from bgpctl.errors import NotReadyError
from bgpctl.lab.actions import cables, kernel
from bgpctl.lab.actions.action import Action, RunningLab, wait_until, wait_until_gone
from bgpctl.lab.actions.operands import NodeSet, Part
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.expect.convergence import ObservedLab
from bgpctl.lab.netns import processes
from bgpctl.lab.running import agents, runner
from bgpctl.lab.running.forked import reap_ended

# A speaker that is told to stop may say goodbye to its peers.
_STOPS_WITHIN = 20.0
_BACK_WITHIN = 120.0


def of_part(lab: RunningLab, node: str, part: Part) -> list[int]:
    """The processes of the node that are meant; none when none of them runs."""
    pids = lab.pids(node)
    directory = lab.state.node_directory(node)
    speakers = {pid for pid in pids if runs_for(pid, directory)}
    agent = {agents.running(lab.state, [lab.node(node)]).get(node, 0)}
    chosen = {
        Part.ALL: set(pids),
        Part.SPEAKER: speakers,
        Part.AGENT: agent & set(pids),
        Part.DAEMON: set(pids) - speakers - agent,
    }
    return sorted(chosen[part])


def _signal(lab: RunningLab, node: str, part: Part, number: signal.Signals) -> list[int]:
    """Raises NotReadyError when no such process runs: a rehearsal of nothing proves nothing."""
    pids = of_part(lab, node, part)
    if not pids:
        raise NotReadyError(f"nothing runs on {node} that could be meant{'' if part is Part.ALL else f' by {part}'}")
    for pid in pids:
        processes.send(pid, [lab.namespace(node)], number)
    return pids


def _has_part(scope: ActionScope, node: str, part: Part) -> str:
    role = scope.node(node).role
    if part in (Part.AGENT, Part.SPEAKER) and not role.runs_agent:
        return f"no {part} runs on {node}, it is a {role}"
    return ""


@dataclass(frozen=True, slots=True)
class Kill(Action):
    usage: ClassVar[str] = "kill NODE [PART]"
    summary: ClassVar[str] = "SIGKILL to all processes of the node, or to its agent, speaker or daemon"
    node: str
    part: Part = Part.ALL

    def check(self, scope: ActionScope) -> str:
        return _has_part(scope, self.node, self.part)

    def do(self, lab: RunningLab) -> None:
        wait_until_gone(lab, self.node, _signal(lab, self.node, self.part, signal.SIGKILL))

    def undo(self) -> Action | None:
        """An agent starts its speaker again itself."""
        return None if self.part is Part.SPEAKER else Start(self.node)


@dataclass(frozen=True, slots=True)
class Start(Action):
    usage: ClassVar[str] = "start NODE"
    summary: ClassVar[str] = "start what should run on the node and does not; done when it answers"
    node: str

    def do(self, lab: RunningLab) -> None:
        runner.start_missing(lab.state, lab.topology, [lab.node(self.node)])


@dataclass(frozen=True, slots=True)
class Freeze(Action):
    usage: ClassVar[str] = "freeze NODE [PART]"
    summary: ClassVar[str] = "SIGSTOP: its connections stay open and nobody answers on them"
    node: str
    part: Part = Part.ALL

    def check(self, scope: ActionScope) -> str:
        return _has_part(scope, self.node, self.part)

    def do(self, lab: RunningLab) -> None:
        _signal(lab, self.node, self.part, signal.SIGSTOP)

    def undo(self) -> Action | None:
        return Thaw(self.node)


@dataclass(frozen=True, slots=True)
class Thaw(Action):
    usage: ClassVar[str] = "thaw NODE"
    summary: ClassVar[str] = "SIGCONT to all processes of the node"
    node: str

    def do(self, lab: RunningLab) -> None:
        _signal(lab, self.node, Part.ALL, signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Restart(Action):
    usage: ClassVar[str] = "restart NODE [PART]"
    summary: ClassVar[str] = "SIGTERM, as an orderly stop, then start again; done when it answers"
    node: str
    part: Part = Part.ALL

    def check(self, scope: ActionScope) -> str:
        return _has_part(scope, self.node, self.part)

    def do(self, lab: RunningLab) -> None:
        # The agent stops its speaker; one that is told at the same time has two reasons to go, which is no harm.
        pids = _signal(lab, self.node, self.part, signal.SIGTERM)
        wait_until_gone(lab, self.node, pids, _STOPS_WITHIN)
        runner.start_missing(lab.state, lab.topology, [lab.node(self.node)])
        if lab.node(self.node).role.runs_agent:
            directory = lab.state.node_directory(self.node)
            wait_until(lambda: agents.is_ready(directory), _BACK_WITHIN, f"agent and speaker of {self.node} answer")


@dataclass(frozen=True, slots=True)
class Roll(Action):
    usage: ClassVar[str] = "roll SET [PART]"
    summary: ClassVar[str] = "restart node after node, each when the sessions of the one before are back (an upgrade)"
    set: NodeSet
    part: Part = Part.ALL

    def check(self, scope: ActionScope) -> str:
        return next(filter(None, (_has_part(scope, node, self.part) for node in self.set.nodes)), "")

    def do(self, lab: RunningLab) -> None:
        observed = ObservedLab.of(lab.topology)
        before = _established(observed)
        for node in self.set.nodes:
            Restart(node, self.part).do(lab)
            wait_until(lambda: before <= _established(observed), _BACK_WITHIN, f"all sessions are back after {node}")


def _established(observed: ObservedLab) -> set[tuple[str, str]]:
    return {
        (node, session.peer)
        for node, sessions in observed.sessions().items()
        for session in sessions
        if session.state.lower() == "established"
    }


@dataclass(frozen=True, slots=True)
class PowerOff(Action):
    usage: ClassVar[str] = "power off NODE"
    summary: ClassVar[str] = "links down, everything killed, and what was learned is gone from the kernel"
    node: str

    def do(self, lab: RunningLab) -> None:
        for end in cables.ends_of(lab.topology, self.node):
            cables.take_down(lab, end)
        processes.kill_all([lab.namespace(self.node)])
        reap_ended()
        with lab.inside(self.node):
            kernel.flush_routes()
            kernel.remove_devices()

    def undo(self) -> Action | None:
        return PowerOn(self.node)


@dataclass(frozen=True, slots=True)
class PowerOn(Action):
    usage: ClassVar[str] = "power on NODE"
    summary: ClassVar[str] = (
        "links up with their addresses and static routes, then everything starts; done when it answers"
    )
    node: str

    def do(self, lab: RunningLab) -> None:
        for end in cables.ends_of(lab.topology, self.node):
            cables.bring_up(lab, end)
        runner.start_missing(lab.state, lab.topology, [lab.node(self.node)])
