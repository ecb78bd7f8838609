"""The action that leaves TCP connections with one end only: the other end is gone, and nothing was sent about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bgpctl.errors import NotReadyError
from bgpctl.lab.actions import cables, redirection
from bgpctl.lab.actions.action import Action, RunningLab, run

_BGP_CONNECTIONS = "( sport = :179 or dport = :179 )"


@dataclass(frozen=True, slots=True)
class HalfOpen(Action):
    usage: ClassVar[str] = "half-open NODE"
    summary: ClassVar[str] = "its end of every BGP connection is gone, and the other ends receive nothing"
    node: str

    def prepare(self, lab: RunningLab) -> None:
        for end in cables.ends_of(lab.topology, self.node):
            redirection.prepare(lab, end)

    def do(self, lab: RunningLab) -> None:
        """The resets that the kernel sends are dropped (ss(8): -K is a reset, tcp(7))."""
        ends = cables.ends_of(lab.topology, self.node)
        for end in ends:
            redirection.drop_bgp(lab, end)
        try:
            with lab.inside(self.node):
                run(["ss", "-K", "state", "established", _BGP_CONNECTIONS])
                left = run(["ss", "-Htn", "state", "established", _BGP_CONNECTIONS])
        finally:
            for end in ends:
                redirection.release_bgp(lab, end)
        if left.strip():
            raise NotReadyError(
                "this kernel cannot end the connections of other programs (it lacks CONFIG_INET_DIAG_DESTROY)"
            )
