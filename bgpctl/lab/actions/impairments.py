"""Actions on what a link does to its frames: delay, loss and rate, of each direction or of one.

By netem (tc-netem(8)) where the kernel has it. Elsewhere the frames pass through a process of the lab
(traffic/impairment.py), one for each direction. These processes are in a namespace of their own, so that they are not
killed with the processes of a node.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

from bgpctl.errors import NotReadyError
from bgpctl.lab.actions import redirection
from bgpctl.lab.actions.action import Action, RunningLab, run
from bgpctl.lab.actions.operands import NOTHING, Cable, Quantity
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.netns import namespaces, processes
from bgpctl.lab.topology.links import Endpoint

# No node can have this name.
IMPAIRMENTS = "_impairments"
_NETEM_IS_UNKNOWN = ("qdisc kind is unknown", "No such file")


@dataclass(frozen=True, slots=True)
class Impair(Action):
    usage: ClassVar[str] = "impair LINK [delay TIME] [loss PERCENT] [rate RATE]"
    summary: ClassVar[str] = (
        "in each direction: frames arrive TIME later, PERCENT of them are lost, at most RATE passes"
    )
    link: Cable
    time: Quantity = NOTHING
    percent: Quantity = NOTHING
    rate: Quantity = NOTHING

    def check(self, scope: ActionScope) -> str:  # noqa: ARG002
        return "" if self.time.text or self.percent.text or self.rate.text else "it has no delay, loss or rate"

    def prepare(self, lab: RunningLab) -> None:
        for end in self.link.ends:
            redirection.prepare(lab, end)

    def do(self, lab: RunningLab) -> None:
        for end in self.link.ends:
            _clear(lab, end)
            if not _by_netem(lab, end, self.netem()):
                _by_process(lab, end, self)

    def netem(self) -> list[str]:
        """The words of tc-netem(8)."""
        words: list[str] = []
        if self.time.value:
            words += ["delay", f"{self.time.value * 1000:g}ms"]
        if self.percent.value:
            words += ["loss", f"{self.percent.value * 100:g}%"]
        if self.rate.value:
            words += ["rate", f"{self.rate.value:.0f}bit"]
        return words

    def undo(self) -> Action | None:
        return Clear(self.link)


@dataclass(frozen=True, slots=True)
class Clear(Action):
    usage: ClassVar[str] = "clear LINK"
    summary: ClassVar[str] = "the impairment ends"
    link: Cable

    def do(self, lab: RunningLab) -> None:
        for end in self.link.ends:
            _clear(lab, end)


def _by_netem(lab: RunningLab, end: Endpoint, words: list[str]) -> bool:
    """False on a kernel without it."""
    with lab.inside(end.node):
        try:
            run(["tc", "qdisc", "replace", "dev", end.interface, "root", "netem", *words])
        except NotReadyError as error:
            if any(known in str(error) for known in _NETEM_IS_UNKNOWN):
                return False
            raise
    return True


def _by_process(lab: RunningLab, end: Endpoint, impair: Impair) -> None:
    namespace = _namespace(lab)
    name = f"{end.node}:{end.interface}"
    figures = (str(impair.time.value), str(impair.percent.value), str(impair.rate.value))
    command = [
        sys.executable,
        "-m",
        "bgpctl.lab.traffic.impairment",
        lab.namespace(end.node),
        end.interface,
        *figures,
        name,
    ]
    with (lab.state.node_directory(IMPAIRMENTS) / "impairments.log").open("ab") as log, namespaces.inside(namespace):
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True, cwd="/"
        )
    assert process.stdout is not None  # noqa: S101
    with process.stdout as output:
        tap = output.readline().decode().strip()
    if not tap:
        raise NotReadyError(f"the frames of {name} cannot be impaired; {log.name} has the reason")
    redirection.into_process(lab, end, tap)


def _namespace(lab: RunningLab) -> str:
    """Of the impairing processes of this lab. Made when it is first needed; `down` removes it like that of a node."""
    name = lab.namespace(IMPAIRMENTS)
    if not namespaces.exists(name):
        lab.state.mark(IMPAIRMENTS)
        namespaces.create([name], lab.lock)
    return name


def _clear(lab: RunningLab, end: Endpoint) -> None:
    """First the frames pass by the process, then it ends when the frames in it have been sent."""
    redirection.past_process(lab, end)
    words = [lab.namespace(end.node).encode(), end.interface.encode()]
    name = lab.namespace(IMPAIRMENTS)
    for pid in processes.running_in([name]).get(name, []):
        if words == processes.command_line(pid)[3:5]:
            processes.send(pid, [name], signal.SIGTERM)
    with lab.inside(end.node):
        if " netem " in run(["tc", "qdisc", "show", "dev", end.interface]):
            run(["tc", "qdisc", "del", "dev", end.interface, "root"])
