"""Actions on what a link does to its frames: delay, loss and rate, of each direction or of one.

By netem (tc-netem(8)) where the kernel has it. Elsewhere the frames of the end pass a wire of ours (wire.py), one
process for each direction, in a namespace of its own: no node's processes are among them when all of a node are killed.
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

# No node can be called so.
WIRES = "_wires"
_NETEM_IS_UNKNOWN = ("qdisc kind is unknown", "No such file")


@dataclass(frozen=True, slots=True)
class Impair(Action):
    usage: ClassVar[str] = "impair LINK [delay TIME] [loss PERCENT] [rate RATE]"
    summary: ClassVar[str] = "each direction: frames come so much later, so many not at all, no faster than so"
    link: Cable
    time: Quantity = NOTHING
    percent: Quantity = NOTHING
    rate: Quantity = NOTHING

    def check(self, scope: ActionScope) -> str:  # noqa: ARG002
        return "" if self.time.text or self.percent.text or self.rate.text else "it says no delay, loss or rate"

    def prepare(self, lab: RunningLab) -> None:
        for end in self.link.ends:
            redirection.prepare(lab, end)

    def do(self, lab: RunningLab) -> None:
        for end in self.link.ends:
            _clear(lab, end)
            if not _by_netem(lab, end, self.netem()):
                _by_wire(lab, end, self)

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
    summary: ClassVar[str] = "a good link again"
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


def _by_wire(lab: RunningLab, end: Endpoint, impair: Impair) -> None:
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
    with (lab.state.node_directory(WIRES) / "wires.log").open("ab") as log, namespaces.inside(namespace):
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True, cwd="/"
        )
    assert process.stdout is not None  # noqa: S101
    with process.stdout as said:
        tap = said.readline().decode().strip()
    if not tap:
        raise NotReadyError(f"the wire of {name} cannot be laid; {log.name} says why")
    redirection.into_wire(lab, end, tap)


def _namespace(lab: RunningLab) -> str:
    """Of the wires of this lab, made when it is first needed; `down` removes it like a node's."""
    name = lab.namespace(WIRES)
    if not namespaces.exists(name):
        lab.state.mark(WIRES)
        namespaces.create([name], lab.lock)
    return name


def _clear(lab: RunningLab, end: Endpoint) -> None:
    """First the frames pass by, then the wire ends when it is empty."""
    redirection.past_wire(lab, end)
    words = [lab.namespace(end.node).encode(), end.interface.encode()]
    name = lab.namespace(WIRES)
    for pid in processes.running_in([name]).get(name, []):
        if words == processes.command_line(pid)[3:5]:
            processes.send(pid, [name], signal.SIGTERM)
    with lab.inside(end.node):
        if " netem " in run(["tc", "qdisc", "show", "dev", end.interface]):
            run(["tc", "qdisc", "del", "dev", end.interface, "root"])
