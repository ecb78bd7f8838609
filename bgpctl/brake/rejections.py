"""Which sessions stay and are of no use any more, because their policies reject what they accepted.

Rule: a session counts when, in one direction and family, its policies reject all routes that are known of, or more than
the share that a node may lose of its learned routes. Known of are:

    import   from a node that does not reflect its blocks, from any other peer the blocks of all nodes; from a router
             outside, which may advertise anything, the default route as well, and only the loss of all counts
    export   this node's originations; to a client and to another AS also the blocks of the other nodes
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from bgpctl.brake.certain_verdicts import Chain, KnownRoutes, Policies, Reason, Verdicts, export_chain, import_chain
from bgpctl.brake.endings import Ending, EndingKind
from bgpctl.brake.facts import Facts
from bgpctl.brake.limits import exceeds
from bgpctl.brake.originations import lasting
from reflector.addresses import family_of
from reflector.plan import Family, NodePlan, SessionKind, SessionPlan, SessionType, Verdict

DEFAULT_ROUTES: dict[Family, str] = {4: "0.0.0.0/0", 6: "::/0"}

NO_REASONS: frozenset[Reason] = frozenset()


class Routes(NamedTuple):
    """What is known of the routes of a session and a direction: own ones, the blocks of one other node or of all, and
    the default route of a router outside."""

    own: bool = False
    of_node: str = ""
    of_all: bool = False
    outside: bool = False


def rejections(running: NodePlan, wanted: NodePlan, facts: Facts) -> dict[str, Ending]:
    """By the name of the session, in the order of the running plan: of those that both plans have."""
    after = {each.name: each for each in wanted.sessions}
    judged = Rejections(policies_of(running), policies_of(wanted), lasting(running) & lasting(wanted), facts)
    found: dict[str, Ending] = {}
    for session in running.sessions:
        becomes = after.get(session.name)
        if becomes is not None and session.kind is not SessionKind.WORKLOAD:
            ending = judged.ending(session, becomes)
            if ending is not None:
                found[session.name] = ending
    return found


def policies_of(plan: NodePlan) -> Policies:
    return {each.name: each for each in plan.policies}


def imports_differ(running: NodePlan, wanted: NodePlan) -> bool:
    """Whether some session that both plans have may accept other routes, or fewer of them, than before."""
    before, after = policies_of(running), policies_of(wanted)
    will_be = {each.name: each for each in wanted.sessions}
    return any(
        import_chain(before, each) != import_chain(after, will_be[each.name])
        or each.maximum_prefixes != will_be[each.name].maximum_prefixes
        for each in running.sessions
        if each.name in will_be
    )


def _received(session: SessionPlan, facts: Facts) -> Routes:
    is_internal = session.session_type is SessionType.IBGP
    if is_internal and session.peer_node in facts.nodes and session.peer_node not in facts.reflectors:
        return Routes(of_node=session.peer_node)
    return Routes(of_all=True, outside=not is_internal and not session.peer_node)


def _sent(session: SessionPlan, _: Facts) -> Routes:
    return Routes(own=True, of_all=session.rr_client or session.session_type is SessionType.EBGP)


class Direction(NamedTuple):
    """What a session asks in it (policies and default), the chain of that, and the routes that are known."""

    asks: Callable[[SessionPlan], tuple[tuple[str, ...], Verdict]]
    chain: Callable[[Policies, SessionPlan], Chain]
    known: Callable[[SessionPlan, Facts], Routes]


IMPORT = Direction(lambda each: (each.import_policies, each.import_default), import_chain, _received)
EXPORT = Direction(lambda each: (each.export_policies, each.export_default), export_chain, _sent)


def _of(prefixes: Iterable[str], family: Family) -> Iterator[str]:
    return (each for each in prefixes if family_of(each) == family)


class Rejections:
    """Between two sets of policies of one node. `own` are the prefixes that it originates."""

    def __init__(self, before: Policies, after: Policies, own: Iterable[str], facts: Facts) -> None:
        self._before, self._after = before, after
        self._own = frozenset(own)
        self._facts = facts
        names = before.keys() | after.keys()
        self._changed = frozenset(name for name in names if before.get(name) != after.get(name))
        self._asked: dict[tuple[object, ...], frozenset[Reason]] = {}

    def ending(self, was: SessionPlan, becomes: SessionPlan) -> Ending | None:
        """What of a session is lost in both directions; the first one names its kind."""
        imports = {family: self.on_import(was, becomes, family) for family in was.families}
        exports = {family: self.on_export(was, becomes, family) for family in was.families}
        families = tuple(family for family in was.families if imports[family] or exports[family])
        if not families:
            return None
        kind = EndingKind.NOT_ACCEPTED if any(imports.values()) else EndingKind.NOT_ADVERTISED
        reasons = {
            *(Reason(f"import: {each.text}", each.defined_by) for found in imports.values() for each in found),
            *(Reason(f"export: {each.text}", each.defined_by) for found in exports.values() for each in found),
        }
        ordered = sorted(reasons)
        return Ending(
            was,
            kind,
            tuple(each.text for each in ordered),
            families,
            tuple(each.defined_by for each in ordered),
        )

    def on_import(self, was: SessionPlan, becomes: SessionPlan, family: Family) -> frozenset[Reason]:
        """The rules that reject what was accepted, if that is enough to count."""
        return self._lost(IMPORT, was, becomes, family)

    def on_export(self, was: SessionPlan, becomes: SessionPlan, family: Family) -> frozenset[Reason]:
        """The same of what was advertised."""
        return self._lost(EXPORT, was, becomes, family)

    def _lost(self, direction: Direction, was: SessionPlan, becomes: SessionPlan, family: Family) -> frozenset[Reason]:
        """Asked once for all sessions that ask the same policies about the same routes."""
        asked, will_ask = direction.asks(was), direction.asks(becomes)
        if asked == will_ask and self._changed.isdisjoint(asked[0]):
            return NO_REASONS
        routes = direction.known(was, self._facts)
        key = direction, asked, will_ask, was.session_type, family, routes
        if key not in self._asked:
            before, after = direction.chain(self._before, was), direction.chain(self._after, becomes)
            same = before == after
            self._asked[key] = NO_REASONS if same else self._reasons(Verdicts(family, before, after), family, routes)
        return self._asked[key]

    def _reasons(self, verdicts: Verdicts, family: Family, routes: Routes) -> frozenset[Reason]:
        lost, there, reasons = verdicts.lost(self._known(verdicts, family, routes))
        share = None if routes.outside else self._facts.limits.routes
        is_enough = lost > 0 and (lost == there or exceeds(share, lost, there))
        return reasons if is_enough else NO_REASONS

    def _known(self, verdicts: Verdicts, family: Family, routes: Routes) -> Iterator[KnownRoutes]:
        if routes.own:
            yield from verdicts.known(_of(self._own, family), is_own=True)
        if routes.outside:
            yield from verdicts.known([DEFAULT_ROUTES[family]], is_own=False)
        others = self._facts.blocks.get(routes.of_node, ()) if routes.of_node else self._others if routes.of_all else ()
        yield from verdicts.known(_of(others, family), is_own=False)

    @cached_property
    def _others(self) -> tuple[str, ...]:
        """The blocks of other nodes."""
        return tuple(each for found in self._facts.blocks.values() for each in found if each not in self._own)
