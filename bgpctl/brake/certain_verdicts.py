"""What a chain of policies certainly does to routes of which only the prefix is known, and whether they are own ones.

Rule: a condition on anything else may hold or not. So a rule that accepts on such a condition may accept, one that
rejects may not reject, and a route is rejected only where it is rejected whatever else it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bgpctl.compiler.rendering.plan_text import rule_text
from reflector.plan import Family, Match, Policy, PolicyRule, RouteSource, SessionPlan, SessionType, Verdict
from reflector.policy.prefix_classes import PrefixClasses
from reflector.wire.nlri import pack_nlri

ACCEPTED_BY_DEFAULT = PolicyRule(Verdict.ACCEPT)
NO_RULE = PolicyRule(Verdict.REJECT)

Policies = Mapping[str, Policy]


class Chain(NamedTuple):
    """The rules of a session and a direction, in order, and the verdict behind them."""

    rules: tuple[PolicyRule, ...]
    default: Verdict


class Reason(NamedTuple):
    """Why routes are rejected: a rule as text, and what defines it; where no rule is left that accepts them, the one
    that did."""

    text: str
    defined_by: str


class KnownRoutes(NamedTuple):
    """Routes that fare alike: own ones or those of peers, by the class of their prefix, and how many they are."""

    prefix_class: int
    is_own: bool
    amount: int


def import_chain(policies: Policies, session: SessionPlan) -> Chain:
    return Chain(_rules(policies, session.import_policies, session.session_type), session.import_default)


def export_chain(policies: Policies, session: SessionPlan) -> Chain:
    return Chain(_rules(policies, session.export_policies, session.session_type), session.export_default)


def _rules(policies: Policies, names: Iterable[str], session_type: SessionType) -> tuple[PolicyRule, ...]:
    rules = (rule for name in names for rule in policies[name].rules)
    return tuple(each for each in rules if each.match.session_type in (None, session_type))


class Verdicts:
    """Of two chains, for the same routes of one family."""

    def __init__(self, family: Family, before: Chain, after: Chain) -> None:
        rules = (*before.rules, *after.rules)
        self._classes = PrefixClasses(family, (each.match.prefix for each in rules if each.match.prefix is not None))
        self._before, self._after = before, after

    def known(self, prefixes: Iterable[str], *, is_own: bool) -> list[KnownRoutes]:
        """Canonical prefixes of the family."""
        counts: dict[int, int] = {}
        for prefix in prefixes:
            found = self._classes.classify(pack_nlri(prefix))
            counts[found] = counts.get(found, 0) + 1
        return [KnownRoutes(found, is_own, count) for found, count in counts.items()]

    def lost(self, routes: Iterable[KnownRoutes]) -> tuple[int, int, frozenset[Reason]]:
        """How many of those that the chain before may accept the one after rejects; how many those are; and why."""
        there = lost = 0
        reasons: set[Reason] = set()
        for each in routes:
            was, becomes = self._decision(self._before, each), self._decision(self._after, each)
            if was.verdict is Verdict.ACCEPT:
                there += each.amount
                if becomes.verdict is Verdict.REJECT:
                    lost += each.amount
                    reasons.add(_reason(was, becomes))
        return lost, there, frozenset(reasons)

    def _decision(self, chain: Chain, routes: KnownRoutes) -> PolicyRule:
        """The first rule that may accept, or that rejects for certain; the default as a rule."""
        for rule in chain.rules:
            prefix = rule.match.prefix
            if prefix is not None and not self._classes.bit(prefix) & routes.prefix_class:
                continue
            holds = _holds(rule.match, is_own=routes.is_own)
            if (rule.verdict is Verdict.ACCEPT and holds is not False) or (rule.verdict is Verdict.REJECT and holds):
                return rule
        return ACCEPTED_BY_DEFAULT if chain.default is Verdict.ACCEPT else NO_RULE


def _reason(was: PolicyRule, becomes: PolicyRule) -> Reason:
    if becomes is NO_RULE:
        return Reason(f"no rule accepts any more: {rule_text(was)}", was.defined_by)
    return Reason(rule_text(becomes), becomes.defined_by)


def _holds(match: Match, *, is_own: bool) -> bool | None:
    """All conditions but the prefix and the session type; None: it depends on what is not known."""
    if match.interfaces or (match.sources and is_own and set(match.sources) == {RouteSource.BGP}):
        return False  # the routes that are asked about lead out of no interface of this node
    if match.sources and not is_own and RouteSource.BGP not in match.sources:
        return False
    open_conditions = (
        match.sources if is_own else (),
        match.community,
        match.as_path_prefix,
        match.local_pref,
        match.metric_below,
    )
    return None if any(each is not None and each != () for each in open_conditions) else True
