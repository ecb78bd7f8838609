"""What the agent reports of its node as events on its NodePlan (docs/events.md). Pure; time is an argument.

Rule: events follow from the status that the NodePlan gets, and decide nothing themselves. What lasts is reminded of
(bgpctl/kubernetes/lasting_events.py); what begins and ends with nothing to do about it makes no event, such as a plan
that is put in force or a speaker that is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bgpctl.agent.report.node_plan_status import (
    MOST_SENTENCES,
    PLAN_KEPT,
    SPEAKER_CRASH_LOOP,
    TRUE,
    how_to_confirm,
    speaker_ends,
)
from bgpctl.agent.report.session_events import SessionEvents, down, flapping
from bgpctl.kubernetes.kinds import NODE_PLAN
from bgpctl.kubernetes.lasting_events import LastingEvents
from bgpctl.kubernetes.occurrence import Occurrence, Subject
from bgpctl.node_plan.status import APPLIED, Held, NodePlanStatus
from reflector.messages import AgentStatus
from reflector.plan import SuppressedSession

SESSION_DOWN, SESSION_UP, SESSION_FLAPPING = "SessionDown", "SessionUp", "SessionFlapping"
PLAN_HELD, PLAN_RELEASED, PLAN_REFUSED = "PlanHeld", "PlanReleased", "PlanRefused"
PASSWORD_MISSING = "PasswordMissing"  # noqa: S105  a reason
# Reason -> what was attempted.
ACTIONS = {
    SESSION_DOWN: "Peer",
    SESSION_UP: "Peer",
    SESSION_FLAPPING: "Peer",
    PLAN_HELD: "PutInForce",
    PLAN_RELEASED: "PutInForce",
    PLAN_REFUSED: "PutInForce",
    PASSWORD_MISSING: "ReadSecret",
    SPEAKER_CRASH_LOOP: "Start",
}
# Those that nothing has to be done about.
NORMAL = frozenset({SESSION_UP, PLAN_RELEASED})
# Of what is held and what lacks a key, the first are named.
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """agent         the agent's own status
    node_plan     what the NodePlan gets of it
    planned       the sessions of the plan in force, by name
    without_key   those that wait for a password
    """

    agent: AgentStatus
    node_plan: NodePlanStatus
    planned: frozenset[str] = frozenset()
    without_key: tuple[SuppressedSession, ...] = ()


class NodePlanEvents:
    """`record` takes each occurrence."""

    def __init__(self, node: str, record: Callable[[Occurrence], None]) -> None:
        self._node = node
        self._subject = Subject(NODE_PLAN, node)
        self._record = record
        self._lasting = LastingEvents(record)
        self._sessions = SessionEvents()
        self._was_held = False

    def look(self, facts: NodeFacts, now: float) -> None:
        """Records what is news."""
        self._record_each(SESSION_UP, self._sessions.came_back(facts.agent, facts.planned))
        is_held = facts.node_plan.held.count > 0
        if self._was_held and not is_held:
            self._record_each(PLAN_RELEASED, ["nothing of the plan is held any more"])
        self._was_held = is_held
        self._lasting.look(self._what_lasts(facts), now)

    def _what_lasts(self, facts: NodeFacts) -> Iterator[Occurrence]:
        yield from self._of(SESSION_DOWN, down(facts.agent))
        yield from self._of(SESSION_FLAPPING, flapping(facts.agent))
        yield from self._of(PLAN_HELD, _held(self._node, facts.node_plan.held))
        yield from self._of(PLAN_REFUSED, _refused(facts.node_plan))
        yield from self._of(PASSWORD_MISSING, _without_key(facts.without_key))
        if facts.agent.speaker_crash_loop:
            yield from self._of(SPEAKER_CRASH_LOOP, [speaker_ends(facts.agent)])

    def _record_each(self, reason: str, notes: Iterable[str]) -> None:
        for each in self._of(reason, notes):
            self._record(each)

    def _of(self, reason: str, notes: Iterable[str]) -> Iterator[Occurrence]:
        for note in notes:
            yield Occurrence(self._subject, reason, note, ACTIONS[reason], is_warning=reason not in NORMAL)


def _held(node: str, held: Held) -> Iterator[str]:
    """What would be lost, and which objects take it away."""
    if not held.count:
        return
    named = [
        f"{each.sentence} ({'; '.join(each.causes[:MOST_NAMED])})" if each.causes else each.sentence
        for each in held.differences[:MOST_NAMED]
    ]
    more = held.count - len(named)
    rest = f"; and {more} more" if more > 0 else ""
    yield f"{'; '.join(named)}{rest}: {how_to_confirm(node, held.digest)}"


def _refused(status: NodePlanStatus) -> Iterator[str]:
    for each in status.conditions:
        if each.type == APPLIED and each.status != TRUE and each.reason == PLAN_KEPT and each.message:
            yield f"{each.message}; the plan in force stays"


def _without_key(sessions: tuple[SuppressedSession, ...]) -> Iterator[str]:
    """One for each password that is missing, however many sessions have it."""
    names: Mapping[str, list[str]] = {each.reason: [] for each in sessions}
    for each in sessions:
        names[each.reason].append(each.name)
    for reason, lacking in list(names.items())[:MOST_SENTENCES]:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        yield f"{reason}; no session without its password: {lacking[0]}{more} waits"
