"""What a decision is judged by: the resources of the cluster, or what a controller has written of them for one node."""

from __future__ import annotations

from typing import Protocol

from bgpctl.brake.decide import Decision
from bgpctl.brake.facts import Facts
from bgpctl.brake.held import HeldChange
from bgpctl.brake.replaced import Judge
from reflector.plan import NodePlan


class Basis(Protocol):
    @property
    def judge(self) -> Judge:
        """Whether these nodes are complete with the wanted resources."""

    def facts(self, running: NodePlan) -> Facts:
        """Around the node of the running plan."""

    def held_changes(self, decision: Decision) -> tuple[HeldChange, ...]:
        """The losses of a decision, with what causes them."""
