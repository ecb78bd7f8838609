"""Actions on the processes of a node: kill, freeze, restart, roll over several nodes, power off.

A killed process gets SIGKILL and can send nothing. A node that is powered off sends nothing either: its links go first.
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
from bgpctl.lab.running.forked import reap

# A speaker that gets SIGTERM may send Cease to its peers.
_STOPS_WITHIN = 20.0
_ANSWERS_WITHIN = 120.0


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
    """Raises NotReadyError when no such process runs: an event in which nothing happens would prove nothing."""
    pids = of_part(lab, node, part)
    if not pids:
        raise NotReadyError(f"no {'process' if part is Part.ALL else part} runs on {node}")
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
        """An agent restarts its speaker itself."""
        return None if self.part is Part.SPEAKER else Start(self.node)


@dataclass(frozen=True, slots=True)
class Start(Action):
    usage: ClassVar[str] = "start NODE"
    summary: ClassVar[str] = "start what must run on the node and does not run; done when it answers"
    node: str

    def do(self, lab: RunningLab) -> None:
        runner.start_missing(lab.state, lab.topology, [lab.node(self.node)])


@dataclass(frozen=True, slots=True)
class Freeze(Action):
    usage: ClassVar[str] = "freeze NODE [PART]"
    summary: ClassVar[str] = "SIGSTOP: its connections stay open, and nothing answers on them"
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
    summary: ClassVar[str] = "SIGTERM, which is an orderly stop, then start; done when it answers"
    node: str
    part: Part = Part.ALL

    def check(self, scope: ActionScope) -> str:
        return _has_part(scope, self.node, self.part)

    def do(self, lab: RunningLab) -> None:
        # The agent stops its speaker, which gets the signal directly as well: that does no harm.
        pids = _signal(lab, self.node, self.part, signal.SIGTERM)
        wait_until_gone(lab, self.node, pids, _STOPS_WITHIN)
        runner.start_missing(lab.state, lab.topology, [lab.node(self.node)])
        if lab.node(self.node).role.runs_agent:
            directory = lab.state.node_directory(self.node)
            wait_until(lambda: agents.is_ready(directory), _ANSWERS_WITHIN, f"agent and speaker of {self.node} answer")


@dataclass(frozen=True, slots=True)
class Roll(Action):
    usage: ClassVar[str] = "roll SET [PART]"
    summary: ClassVar[str] = (
        "restart node after node, each when all sessions of the one before are Established (an upgrade)"
    )
    set: NodeSet
    part: Part = Part.ALL

    def check(self, scope: ActionScope) -> str:
        return next(filter(None, (_has_part(scope, node, self.part) for node in self.set.nodes)), "")

    def do(self, lab: RunningLab) -> None:
        observed = ObservedLab.of(lab.topology)
        before = _established(observed)
        for node in self.set.nodes:
            Restart(node, self.part).do(lab)
            wait_until(
                lambda: before <= _established(observed),
                _ANSWERS_WITHIN,
                f"all sessions are Established after the restart of {node}",
            )


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
    summary: ClassVar[str] = "links down, all processes killed, learned routes and devices removed from the kernel"
    node: str

    def do(self, lab: RunningLab) -> None:
        for end in cables.ends_of(lab.topology, self.node):
            cables.take_down(lab, end)
        reap(processes.kill_all([lab.namespace(self.node)]))
        with lab.inside(self.node):
            kernel.flush_routes()
            kernel.remove_devices()

    def undo(self) -> Action | None:
        return PowerOn(self.node)


@dataclass(frozen=True, slots=True)
class PowerOn(Action):
    usage: ClassVar[str] = "power on NODE"
    summary: ClassVar[str] = (
        "links up with their addresses and static routes, then all processes start; done when they answer"
    )
    node: str

    def do(self, lab: RunningLab) -> None:
        for end in cables.ends_of(lab.topology, self.node):
            cables.bring_up(lab, end)
        runner.start_missing(lab.state, lab.topology, [lab.node(self.node)])
