"""The brake: what of a wanted plan is put in force, and what is held until somebody confirms it.

    no plan runs, or the node is drained    the wanted plan, whatever it takes
    nothing beyond the limits               the wanted plan
    a loss that is confirmed                the wanted plan, and the confirmation is used up
    any other loss                          the wanted plan with the held parts as they run
    the node's own Node is missing          the running plan; confirmed, a plan without sessions

Pure: time, the live state and the best state of the last ten minutes are arguments, and the new best state is part of
the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from bgpctl.brake.best_state import NOTHING_KNOWN, BestState, RouteCount
from bgpctl.brake.digest import digest_of, digest_of_missing_node
from bgpctl.brake.facts import Facts
from bgpctl.brake.live import LiveState, assumed
from bgpctl.brake.losses import FAMILIES, Loss, LossKind, find_losses
from bgpctl.brake.merge import plan_in_force
from bgpctl.brake.replaced import Judge, replaced_by_proof, replaced_by_sessions
from bgpctl.brake.situation import Situation
from reflector.plan import KernelPlan, NodePlan

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """What the brake is asked.

    running     None: the node has no plan yet
    wanted      None: the resources have no such Node
    live        None: it cannot be observed now
    confirmed   digests that somebody confirmed on this node; those of the resources are among the facts
    """

    running: NodePlan | None
    wanted: NodePlan | None
    facts: Facts
    live: LiveState | None = None
    best: BestState = NOTHING_KNOWN
    confirmed: frozenset[str] = NOTHING


@dataclass(frozen=True, slots=True)
class Decision:
    """`plan` is to be in force; None: there is none. `digest` is "" when nothing is held, nor was confirmed.

    losses      what is held, or was confirmed
    is_held     the losses are held
    situation   from which they follow; None where the node's own Node is missing, and at a first start
    """

    plan: NodePlan | None
    best: BestState
    losses: tuple[Loss, ...] = ()
    digest: str = ""
    is_held: bool = False
    situation: Situation | None = None


def decide(question: Question, now: float, judge: Judge) -> Decision:
    """The plan in force and what is held. Asking once more with that plan running gives the same."""
    running, wanted, facts = question.running, question.wanted, question.facts
    if running is None:
        best = NOTHING_KNOWN if wanted is None else question.best.in_force(now, facts)
        return Decision(wanted, best)
    best = structs.replace(question.best.not_from_the_future(now), used=question.best.used & facts.confirmed)
    best = best if best.before is not None else best.aged(now)
    live, best = _observed(running, question.live, best, facts, now)
    if wanted is None:
        return _without_own_node(question, running, best, now)
    situation = Situation(running, wanted, live, facts, best, now)
    losses, replaced = _losses(situation, judge)
    if not losses:
        after = best.without(replaced).with_taken(_routes_taken(situation)).in_force(now, facts)
        return Decision(wanted, after, situation=situation)
    digest = digest_of(situation, losses)
    if digest in _confirmed(question, best):
        return Decision(wanted, best.renewed((digest,)).in_force(now, facts), losses, digest, situation=situation)
    plan = plan_in_force(running, wanted, losses, facts)
    best = best.without(replaced).holding(now, running, facts)
    return Decision(plan, best, losses, digest, is_held=True, situation=situation)


def _losses(situation: Situation, judge: Judge) -> tuple[tuple[Loss, ...], frozenset[str]]:
    """What is beyond the limits, and the sessions that something else has taken the place of."""
    replaced = replaced_by_sessions(situation)
    losses = () if situation.live.draining else find_losses(situation, replaced)
    if losses and (by_proof := replaced_by_proof(situation, judge)):
        replaced |= by_proof
        losses = find_losses(situation, replaced)
    return (() if situation.is_put_right else losses), replaced


def _observed(
    running: NodePlan, live: LiveState | None, best: BestState, facts: Facts, now: float
) -> tuple[LiveState, BestState]:
    """A speaker that does not answer has the sessions that it had; a node that is not known at all has all."""
    if live is None and best.sessions:
        return LiveState(best.recent(now)), best
    live = live or assumed(running)
    return live, best.observe(now, running, live, facts)


def _confirmed(question: Question, best: BestState) -> frozenset[str]:
    return question.confirmed | (question.facts.confirmed - best.used)


def _without_own_node(question: Question, running: NodePlan, best: BestState, now: float) -> Decision:
    digest = digest_of_missing_node(running.node)
    nothing = structs.replace(
        running,
        sessions=(),
        suppressed=(),
        policies=(),
        originations=(),
        kernel=KernelPlan(protocol=running.kernel.protocol, table=running.kernel.table),
    )
    if running == nothing:
        return Decision(running, best.in_force(now, question.facts))
    sentence = f"Node {running.node} is missing: all sessions, originations and kernel routes of this node end"
    losses = (Loss(LossKind.OWN_NODE, sentence),)
    if digest in _confirmed(question, best):
        return Decision(nothing, best.renewed((digest,)).in_force(now, question.facts), losses, digest)
    if question.live is not None and question.live.draining:
        return Decision(nothing, best.in_force(now, question.facts))
    return Decision(running, best.holding(now, running, question.facts), losses, digest, is_held=True)


def _routes_taken(situation: Situation) -> tuple[RouteCount, ...]:
    sources = tuple(situation.only_sources(situation.taken))
    counts = {family: sum(each.routes for each in sources if each.family == family) for family in FAMILIES}
    return tuple(RouteCount(situation.now, family, routes) for family, routes in counts.items() if routes)
