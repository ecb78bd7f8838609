"""The basis of an agent, or a command, that has the resources of the whole cluster."""

from __future__ import annotations

from bgpctl.brake.decide import Decision
from bgpctl.brake.facts import Facts, facts_of
from bgpctl.brake.held import HeldChange, held_changes
from bgpctl.brake.judge import proof_of
from bgpctl.compiler import ClusterIndex, CompileOptions
from reflector.plan import NodePlan


class OfResources:
    """`index` is of the resources that ask for the change; the proof looks at them once, when it is asked."""

    def __init__(self, index: ClusterIndex, options: CompileOptions) -> None:
        self.judge = proof_of(index.resources, options)
        self._index, self._options = index, options

    def facts(self, running: NodePlan) -> Facts:
        return facts_of(self._index, running, self._options)

    def held_changes(self, decision: Decision) -> tuple[HeldChange, ...]:
        return held_changes(decision, self._index)
