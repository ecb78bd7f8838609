"""The action that leaves a TCP connection with one end: the other is gone without a word, between any two programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bgpctl.errors import NotReadyError
from bgpctl.lab.actions import cables, diversion
from bgpctl.lab.actions.action import Action, Stage, run

_BGP_CONNECTIONS = "( sport = :179 or dport = :179 )"


@dataclass(frozen=True, slots=True)
class HalfOpen(Action):
    usage: ClassVar[str] = "half-open NODE"
    says: ClassVar[str] = "its end of every BGP connection is gone, and the other ends are not told"
    node: str

    def prepare(self, stage: Stage) -> None:
        for end in cables.ends_of(stage.topology, self.node):
            diversion.prepare(stage, end)

    def do(self, stage: Stage) -> None:
        """The resets that the kernel sends go nowhere (ss(8): -K is a reset, tcp(7))."""
        ends = cables.ends_of(stage.topology, self.node)
        for end in ends:
            diversion.swallow_bgp(stage, end)
        try:
            with stage.inside(self.node):
                run(["ss", "-K", "state", "established", _BGP_CONNECTIONS])
                left = run(["ss", "-Htn", "state", "established", _BGP_CONNECTIONS])
        finally:
            for end in ends:
                diversion.release_bgp(stage, end)
        if left.strip():
            raise NotReadyError("this kernel ends no connection of others (CONFIG_INET_DIAG_DESTROY)")
