"""BGPFilters as policies: one policy for each filter, direction and family that has rules.

A rule's conditions must all hold; the first rule that matches decides, and a filter in which none matches leaves
the decision to the next one. Operations apply only when their rule accepts.

A prefix condition means, for a route's prefix P and the rule's network N:

    In, NotIn          P lies inside N, with a length between prefixLength.min and max; or not
    Equal, NotEqual    P is N, and N's length is between prefixLength.min and max; or not

A session that carries one family asks the rules for that family alone. One that carries both asks policies in which the
rules for both stand, each with the family in its condition: a rule without a prefix would match the other's routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from bgpctl.resources.kinds.bgp_filter import (
    BGPFilter,
    FilterOperation,
    FilterRuleV4,
    FilterRuleV6,
)
from bgpctl.resources.resource_set import ResourceSet
from reflector.addresses import FAMILIES, MAX_BITS, canonical_prefix, prefix_length
from reflector.plan import (
    PRIORITY_BASE,
    AddCommunity,
    Family,
    Match,
    Operation,
    Policy,
    PolicyRule,
    PrefixMatch,
    PrependAsPath,
    RouteSource,
    SessionType,
    SetLocalPref,
    Verdict,
)

FilterRule = FilterRuleV4 | FilterRuleV6

VERDICTS = {"Accept": Verdict.ACCEPT, "Reject": Verdict.REJECT}
SESSION_TYPES = {"eBGP": SessionType.EBGP, "iBGP": SessionType.IBGP}
EXACT = frozenset({"Equal", "NotEqual"})
NEGATED = frozenset({"NotEqual", "NotIn"})

DIRECTIONS = ("import", "export")
# Every prefix of one family, and none of the other.
EVERYTHING: dict[Family, PrefixMatch] = {4: PrefixMatch("0.0.0.0/0", 0, 32), 6: PrefixMatch("::/0", 0, 128)}

# The rules of a filter by direction and family.
RULES: dict[tuple[str, Family], Callable[[BGPFilter], tuple[FilterRule, ...]]] = {
    ("import", 4): lambda found: found.spec.import_v4,
    ("import", 6): lambda found: found.spec.import_v6,
    ("export", 4): lambda found: found.spec.export_v4,
    ("export", 6): lambda found: found.spec.export_v6,
}


@dataclass(frozen=True, slots=True)
class FilterPolicies:
    """The names of the policies that a session asks, in order."""

    imports: tuple[str, ...]
    exports: tuple[str, ...]


NO_FILTERS = FilterPolicies((), ())


def filter_policies(resources: ResourceSet, names: tuple[str, ...], families: tuple[Family, ...]) -> FilterPolicies:
    """The policies of these filters for a session that carries these. Filters that do not exist, or say nothing of
    them, are left out."""
    if not names:
        return NO_FILTERS
    found = [resources.bgp_filters[name] for name in names if name in resources.bgp_filters]
    imports, exports = (
        tuple(
            _policy_name(each, direction, families)
            for each in found
            if any(RULES[direction, family](each) for family in families)
        )
        for direction in DIRECTIONS
    )
    return FilterPolicies(imports, exports)


def compile_filter(found: BGPFilter) -> tuple[Policy, ...]:
    """The policies of one filter for sessions that carry one family."""
    return tuple(
        Policy(
            _policy_name(found, direction, (family,)), tuple(_rule(found.name, each, family) for each in rules(found))
        )
        for (direction, family), rules in RULES.items()
        if rules(found)
    )


def compile_filter_of_all(found: BGPFilter) -> tuple[Policy, ...]:
    """The policies of one filter for sessions that carry all families."""
    return tuple(
        Policy(_policy_name(found, direction, FAMILIES), tuple(_rules_of_all(found, direction)))
        for direction in DIRECTIONS
        if any(RULES[direction, family](found) for family in FAMILIES)
    )


def _rules_of_all(found: BGPFilter, direction: str) -> Iterator[PolicyRule]:
    for family in FAMILIES:
        for each in RULES[direction, family](found):
            rule = _rule(found.name, each, family)
            yield rule if rule.match.prefix else replace(rule, match=replace(rule.match, prefix=EVERYTHING[family]))


def _policy_name(found: BGPFilter, direction: str, families: tuple[Family, ...]) -> str:
    """A single family is in the name."""
    return f"filter/{found.name}/{direction}" + (f"-v{families[0]}" if len(families) == 1 else "")


def _rule(name: str, rule: FilterRule, family: Family) -> PolicyRule:
    verdict = VERDICTS[rule.action]
    accepts = verdict is Verdict.ACCEPT
    return PolicyRule(
        verdict=verdict,
        match=_match(rule, family),
        operations=tuple(_operation(each) for each in rule.operations) if accepts else (),
        defined_by=f"BGPFilter {name}",
    )


def _match(rule: FilterRule, family: Family) -> Match:
    return Match(
        prefix=_prefix_match(rule, family) if rule.cidr else None,
        sources=(RouteSource.BGP,) if rule.source else (),
        session_type=SESSION_TYPES[rule.peer_type] if rule.peer_type else None,
        interfaces=(rule.interface,) if rule.interface else (),
        community=rule.communities.values[0] if rule.communities else None,
        as_path_prefix=rule.as_path_prefix,
        local_pref=PRIORITY_BASE - rule.priority if rule.priority is not None else None,
    )


def _prefix_match(rule: FilterRule, family: Family) -> PrefixMatch:
    """An interval of lengths that is empty matches nothing, and negated everything."""
    network = canonical_prefix(rule.cidr)
    length = prefix_length(network)
    limits = rule.prefix_length
    shortest = length if limits is None or limits.min is None else max(limits.min, length)
    longest = MAX_BITS[family] if limits is None or limits.max is None else min(limits.max, MAX_BITS[family])
    if rule.match_operator in EXACT:
        longest = min(longest, length)
    return PrefixMatch(network, shortest, longest, negate=rule.match_operator in NEGATED)


def _operation(operation: FilterOperation) -> Operation:
    if operation.add_community is not None:
        return AddCommunity(operation.add_community.value)
    if operation.prepend_as_path is not None:
        return PrependAsPath(operation.prepend_as_path.prefix)
    if operation.set_priority is not None:
        return SetLocalPref(PRIORITY_BASE - operation.set_priority.value)
    raise ValueError("a filter operation of no known kind: validation lets none pass")
