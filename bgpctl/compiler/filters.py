"""BGPFilters as policies: one policy for each filter, direction and family that has rules.

A rule's conditions must all hold; the first rule that matches decides, and a filter in which none matches leaves
the decision to the next one. Operations apply only when their rule accepts.

A prefix condition means, for a route's prefix P and the rule's network N:

    In, NotIn          P lies inside N, with a length between prefixLength.min and max; or not
    Equal, NotEqual    P is N, and N's length is between prefixLength.min and max; or not
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bgpctl.compiler.addresses import MAX_LENGTH, canonical_prefix, prefix_length
from bgpctl.resources.bgp_filter import (
    BGPFilter,
    FilterOperation,
    FilterRuleV4,
    FilterRuleV6,
)
from bgpctl.resources.resource_set import ResourceSet
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


def filter_policies(resources: ResourceSet, names: Iterable[str], family: Family) -> FilterPolicies:
    """The policies of these filters for one family. Filters that do not exist, or say nothing, are left out."""
    found = [resources.bgp_filters[name] for name in names if name in resources.bgp_filters]
    return FilterPolicies(
        imports=tuple(_policy_name(each, "import", family) for each in found if RULES["import", family](each)),
        exports=tuple(_policy_name(each, "export", family) for each in found if RULES["export", family](each)),
    )


def compile_filter(found: BGPFilter) -> tuple[Policy, ...]:
    """All policies of one filter."""
    return tuple(
        Policy(_policy_name(found, direction, family), tuple(_rule(found.name, each, family) for each in rules(found)))
        for (direction, family), rules in RULES.items()
        if rules(found)
    )


def _policy_name(found: BGPFilter, direction: str, family: Family) -> str:
    return f"filter/{found.name}/{direction}-v{family}"


def _rule(name: str, rule: FilterRule, family: Family) -> PolicyRule:
    verdict = VERDICTS[rule.action]
    accepts = verdict is Verdict.ACCEPT
    return PolicyRule(
        verdict=verdict,
        match=_match(rule, family),
        operations=tuple(_operation(each) for each in rule.operations) if accepts else (),
        because=f"BGPFilter {name}",
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
    said = rule.prefix_length
    shortest = length if said is None or said.min is None else max(said.min, length)
    longest = MAX_LENGTH[family] if said is None or said.max is None else min(said.max, MAX_LENGTH[family])
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
