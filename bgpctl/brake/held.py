"""What is held, as people and programs read it: one value for each loss, with its sentence and what causes it."""

from __future__ import annotations

import msgspec

from bgpctl.brake.causes import Cause, cause_of_missing_node, causes_of
from bgpctl.brake.decide import Decision
from bgpctl.brake.losses import LossKind
from bgpctl.compiler import ClusterIndex


class HeldChange(msgspec.Struct, frozen=True):
    """kind       of the loss
    sentence   what would be lost
    causes     the objects that take it away
    sessions   that stay, by name; likewise prefixes that go on being originated, networks whose kernel rules stay,
               nodes whose tunnel endpoints stay, prefixes that are routed through the tunnel
    """

    kind: LossKind
    sentence: str
    causes: tuple[Cause, ...] = ()
    sessions: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    tunnel_routes: tuple[str, ...] = ()


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
