"""Which sessions a wanted plan lets end by a maximum of prefixes that is below what the peer has.

Rule: what is certain. The peer has at least the routes that were accepted from it, and a node at least its blocks. What
it may pass on of other nodes is not counted, for it need not.
"""

from __future__ import annotations

from bgpctl.brake.endings import Ending, EndingKind
from bgpctl.brake.facts import Facts
from bgpctl.brake.limits import exceeds
from bgpctl.brake.live import LiveState
from reflector.addresses import family_of
from reflector.plan import Family, LimitAction, MaximumPrefixes, NodePlan, SessionKind, SessionPlan


def over_limits(running: NodePlan, wanted: NodePlan, facts: Facts, live: LiveState) -> dict[str, Ending]:
    """By the name of the session, in the order of the running plan: of those that both plans have."""
    after = {each.name: each.maximum_prefixes for each in wanted.sessions}
    found: dict[str, Ending] = {}
    for session in running.sessions:
        limit = after.get(session.name)
        if limit is None or limit == session.maximum_prefixes or session.kind is SessionKind.WORKLOAD:
            continue
        families = tuple(each for each in session.families if _is_over(session, limit, each, facts, live))
        if families:
            change = f"maximum_prefixes {_text(session.maximum_prefixes)} -> {_text(limit)}"
            found[session.name] = Ending(session, EndingKind.LIMITED, (change,), families)
    return found


def _is_over(session: SessionPlan, limit: MaximumPrefixes, family: Family, facts: Facts, live: LiveState) -> bool:
    """A session that is ceased loses all, one of which new routes are dropped what is beyond its limit."""
    blocks = facts.blocks.get(session.peer_node, ())
    count = max(live.learned(session.name, family), sum(family_of(each) == family for each in blocks))
    match limit.action:
        case LimitAction.CEASE:
            return count > limit.limit
        case LimitAction.DROP:
            return exceeds(facts.limits.routes, count - limit.limit, count)
        case LimitAction.WARN:
            return False


def _text(limit: MaximumPrefixes | None) -> str:
    return "none" if limit is None else f"{limit.limit} ({limit.action.value})"
