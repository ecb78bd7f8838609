"""Filter rules that no route ever reaches, because an earlier rule has decided about all that they match.

A rule decides what it matches, Accept or Reject, and so does a list of filters: the first that decides is final. An
earlier rule covers a later one when each of its conditions is met by everything that the later one matches. A rule
without conditions covers all: rules behind it, and filters behind its filter, never apply.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bgpctl.compiler.policies.filters import RULES, compile_filter
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding
from bgpctl.resources.kinds.bgp_filter import BGPFilter
from reflector.plan import Family, Match, PolicyRule, PrefixMatch

ALL_LENGTHS = {4: 32, 6: 128}
Direction = tuple[str, Family]


def shadowed_rules(cluster: ClusterSessions) -> Iterator[Finding]:
    """Inside one filter: the first rule of each list that another one covers."""
    for found in cluster.resources.bgp_filters.values():
        for (direction, family), rules in _rules(found).items():
            for later, rule in enumerate(rules):
                earlier = next((at for at, other in enumerate(rules[:later]) if covers(other.match, rule.match)), None)
                if earlier is not None:
                    field = f"$.spec.{direction}V{family}"
                    message = f"never used: {field}[{earlier}] decides about every route that this rule matches"
                    yield Finding("shadowed-rule", found, f"{field}[{later}]", message)


def shadowed_filters(cluster: ClusterSessions) -> Iterator[Finding]:
    """In a BGPPeer's list: filters behind one that decides about every route of their directions and families."""
    filters = cluster.resources.bgp_filters
    for peer in cluster.resources.bgp_peers.values():
        closed: dict[Direction, str] = {}
        for at, name in enumerate(peer.spec.filters):
            found = filters.get(name)
            if found is None:
                continue
            rules = _rules(found)
            if rules and all(direction in closed for direction in rules):
                by = closed[next(iter(rules))]
                message = f"BGPFilter {name!r} is never used: {by!r} before it decides about every route"
                yield Finding("shadowed-filter", peer, f"$.spec.filters[{at}]", message)
            for direction, listed in rules.items():
                if any(_matches_all(rule.match, direction[1]) for rule in listed):
                    closed.setdefault(direction, name)


def _rules(found: BGPFilter) -> dict[Direction, Sequence[PolicyRule]]:
    """The rules as the engine will ask them, by direction and family; empty lists are left out."""
    directions = [direction for direction, rules in RULES.items() if rules(found)]
    return {direction: policy.rules for direction, policy in zip(directions, compile_filter(found), strict=True)}


def _matches_all(match: Match, family: Family) -> bool:
    """No condition, or a prefix condition that every prefix meets."""
    return covers(match, Match()) or (match.prefix is not None and covers(match, Match(prefix=_anything(family))))


def _anything(family: Family) -> PrefixMatch:
    return PrefixMatch("0.0.0.0/0" if family == 4 else "::/0", 0, ALL_LENGTHS[family])


# Conditions that only an equal one implies.
EXACT = ("session_type", "community", "local_pref", "metric_below", "sources", "interfaces")


def covers(earlier: Match, later: Match) -> bool:
    """Whether `earlier` matches whatever `later` does. When in doubt, no."""
    absent = Match()
    for name in EXACT:
        condition = getattr(earlier, name)
        if condition not in (getattr(absent, name), getattr(later, name)) and not (
            name == "interfaces" and "*" in condition
        ):
            return False
    if "*" in earlier.interfaces and not later.interfaces:
        return False
    path = earlier.as_path_prefix
    if later.as_path_prefix[: len(path)] != path:
        return False
    return earlier.prefix is None or (later.prefix is not None and _contains(earlier.prefix, later.prefix))


def _contains(outer: PrefixMatch, inner: PrefixMatch) -> bool:
    from ipaddress import ip_network

    if outer.negate or inner.negate:
        return outer == inner
    one, other = ip_network(outer.network), ip_network(inner.network)
    inside = one.version == other.version and one.prefixlen <= other.prefixlen and other.network_address in one
    return inside and outer.min_length <= inner.min_length and inner.max_length <= outer.max_length
