"""The basis of an agent, or a command, that has the resources of the whole cluster; and what is held, by these."""

from __future__ import annotations

from bgpctl.brake.cause import Cause, cause_of_missing_node
from bgpctl.brake.causes import causes_of
from bgpctl.brake.decide import Decision
from bgpctl.brake.facts import Facts
from bgpctl.brake.facts_of_resources import facts_of
from bgpctl.brake.held import HeldChange
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


def held_changes(decision: Decision, index: ClusterIndex) -> tuple[HeldChange, ...]:
    """The losses of a decision, in the order of the rules; `index` is of the resources that ask for them."""
    return tuple(
        HeldChange(
            kind=loss.kind,
            sentence=loss.sentence,
            causes=_causes(decision, index, place),
            sessions=tuple(sorted(loss.sessions)),
            prefixes=tuple(sorted(loss.prefixes)),
            networks=tuple(sorted(loss.networks)),
            endpoints=tuple(sorted(loss.endpoints)),
            tunnel_routes=tuple(sorted(loss.tunnel_routes)),
        )
        for place, loss in enumerate(decision.losses)
    )


def _causes(decision: Decision, index: ClusterIndex, place: int) -> tuple[Cause, ...]:
    if decision.situation is None:
        return (cause_of_missing_node(decision.plan.node),) if decision.plan is not None else ()
    return causes_of(decision.situation, decision.losses[place], index)
