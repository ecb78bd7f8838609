"""The brake: a node never follows its resources into isolation by itself.

A wanted plan is held against the running one and the live state. What it would take beyond the limits stays as it is
until somebody confirms it or the resources are put right; everything else goes on. Pure: no clock, no I/O.

    endings, lost_originations, kernel_losses   what the wanted plan takes
    replaced, judge                             what of that something else has taken the place of
    losses                                      what of the rest is beyond the limits
    merge, merge_kernel                         the plan in force without these losses
    digest, causes, held                        their name, their reason, and both for people
    decide                                      all of it, asked once
    basis                                       by what it is judged: the resources, or what a controller wrote of them
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# The function has the name of its module, so it is there before anybody asks for it.
from bgpctl.brake.decide import Decision, Question, decide

if TYPE_CHECKING:
    from bgpctl.brake.basis import Basis
    from bgpctl.brake.best_state import BestState, decode_best_state, encode_best_state
    from bgpctl.brake.facts import Facts
    from bgpctl.brake.facts_of_resources import facts_of
    from bgpctl.brake.for_node_plan import facts_for, transition_from_unknown, transition_to
    from bgpctl.brake.held import HeldChange
    from bgpctl.brake.judge import proof_of
    from bgpctl.brake.live import LiveState, Source, assumed
    from bgpctl.brake.of_node_plan import OfNodePlan
    from bgpctl.brake.of_resources import OfResources, held_changes

__all__ = [
    "Basis",
    "BestState",
    "Decision",
    "Facts",
    "HeldChange",
    "LiveState",
    "OfNodePlan",
    "OfResources",
    "Question",
    "Source",
    "assumed",
    "decide",
    "decode_best_state",
    "encode_best_state",
    "facts_for",
    "facts_of",
    "held_changes",
    "proof_of",
    "transition_from_unknown",
    "transition_to",
]

# Imported when it is asked for: whoever needs one of these does not pay for the others.
_MODULES = {
    "Basis": "bgpctl.brake.basis",
    "BestState": "bgpctl.brake.best_state",
    "decode_best_state": "bgpctl.brake.best_state",
    "encode_best_state": "bgpctl.brake.best_state",
    "Facts": "bgpctl.brake.facts",
    "facts_of": "bgpctl.brake.facts_of_resources",
    "facts_for": "bgpctl.brake.for_node_plan",
    "transition_from_unknown": "bgpctl.brake.for_node_plan",
    "transition_to": "bgpctl.brake.for_node_plan",
    "HeldChange": "bgpctl.brake.held",
    "held_changes": "bgpctl.brake.of_resources",
    "proof_of": "bgpctl.brake.judge",
    "LiveState": "bgpctl.brake.live",
    "Source": "bgpctl.brake.live",
    "assumed": "bgpctl.brake.live",
    "OfNodePlan": "bgpctl.brake.of_node_plan",
    "OfResources": "bgpctl.brake.of_resources",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
