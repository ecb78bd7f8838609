"""Policies of the plan, made ready to be asked once for each path and class of prefixes instead of for each route.

Rule: rules are asked in order and the first that accepts or rejects is final (plan.Policy); operations of a rule act
on what the rules before it made of the route. A prefix enters only through its class: the set of the plan's prefix
conditions that it fulfils, as bits. Prefixes of one class share every verdict, so a reflector with 100,000 routes
in one pool evaluates its export policy once per path.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import NamedTuple

from reflector.path import Path
from reflector.plan import (
    PRIORITY_BASE,
    AddCommunity,
    Family,
    Match,
    NodePlan,
    Operation,
    Policy,
    PrefixMatch,
    PrependAsPath,
    SessionType,
    SetLocalPref,
    Verdict,
)
from reflector.wire.attributes import (
    PathAttributes,
    parse_community,
    prepend_as_path,
    starts_with_as,
)
from reflector.wire.nlri import MAX_BITS

# Prefixes whose class is remembered; more than a table holds, so that only churn ever fills it.
_REMEMBERED = 1 << 20


class _Condition(NamedTuple):
    """One PrefixMatch as numbers: the prefix shifted right by `shift` equals `network` and its length is in range."""

    bit: int
    network: int
    length: int
    shift: int
    min_length: int
    max_length: int
    negate: bool


class PrefixClasses:
    """All prefix conditions of one family in a plan.

    A class depends on no more of a prefix than its length octet and the leading octets that the longest network of the
    conditions has: the class is remembered for each of these, which are few where prefixes are many.
    """

    def __init__(self, family: Family, matches: Iterable[PrefixMatch]) -> None:
        self._max_bits = MAX_BITS[family]
        self._bits: dict[PrefixMatch, int] = {}
        self._conditions: list[_Condition] = []
        self._known: dict[bytes, int] = {}
        for match in matches:
            network = ip_network(match.network)
            if match in self._bits or network.max_prefixlen != self._max_bits:
                continue
            bit = self._bits[match] = 1 << len(self._bits)
            shift = self._max_bits - network.prefixlen
            value = int(network.network_address) >> shift
            self._conditions.append(
                _Condition(bit, value, network.prefixlen, shift, match.min_length, match.max_length, match.negate)
            )
        longest = max((condition.length for condition in self._conditions), default=0)
        self._leading = 1 + (longest + 7 >> 3)

    def bit(self, match: PrefixMatch) -> int:
        """The bit of this condition; 0, which no class has, for one of the other family."""
        return self._bits.get(match, 0)

    def classify(self, nlri: bytes) -> int:
        """The class of a prefix: the bits of all conditions that it fulfils."""
        if not self._conditions:
            return 0
        leading = nlri[: self._leading]
        known = self._known.get(leading)
        return self._learn(leading) if known is None else known

    def divide(self, keys: list[bytes]) -> dict[int, list[bytes]]:
        """NLRI by their class; the list itself if there is one class only."""
        if not self._conditions:
            return {0: keys}
        end = self._leading
        known = {leading: self.classify(leading) for leading in {nlri[:end] for nlri in keys}}
        classes = set(known.values())
        if len(classes) == 1:
            return {classes.pop(): keys}
        divided: dict[int, list[bytes]] = {prefix_class: [] for prefix_class in classes}
        for nlri in keys:
            divided[known[nlri[:end]]].append(nlri)
        return divided

    def _learn(self, leading: bytes) -> int:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        known = self._known[leading] = self._compute(leading)
        return known

    def _compute(self, leading: bytes) -> int:
        bits = leading[0]
        value = int.from_bytes(leading[1:], "big") << self._max_bits - 8 * (len(leading) - 1)
        result = 0
        for bit, network, length, shift, low, high, negate in self._conditions:
            inside = length <= bits and low <= bits <= high and value >> shift == network
            if inside is not negate:
                result |= bit
        return result


class Outcome(NamedTuple):
    """What a chain of policies decided: the attributes to go on with, or None for a rejected route."""

    attributes: PathAttributes | None
    because: str


class PolicyChain:
    """The policies of one session and direction, in order, with the default for routes that no rule decided.

    Rules of the other session type are left out at once. `uses_prefix` is false where the class of a prefix makes no
    difference.
    """

    def __init__(
        self, policies: Iterable[Policy], default: Verdict, session_type: SessionType, classes: PrefixClasses
    ) -> None:
        self._default = default
        self._rules = [
            (classes.bit(rule.match.prefix) if rule.match.prefix else 0, policy.name, rule)
            for policy in policies
            for rule in policy.rules
            if rule.match.session_type in (None, session_type)
            and not (rule.match.prefix and not classes.bit(rule.match.prefix))
        ]
        self.uses_prefix = any(bit for bit, _, _ in self._rules)

    def evaluate(self, path: Path, attributes: PathAttributes, prefix_class: int) -> Outcome:
        """The chain's verdict on `path`, whose attributes are at this point `attributes`."""
        for bit, policy, rule in self._rules:
            if bit & ~prefix_class or not _holds(rule.match, path, attributes):
                continue
            if rule.verdict is Verdict.REJECT:
                return Outcome(None, rule.because or f"policy {policy}")
            for operation in rule.operations:
                attributes = _apply(operation, attributes)
            if rule.verdict is Verdict.ACCEPT:
                return Outcome(attributes, rule.because or f"policy {policy}")
        if self._default is Verdict.ACCEPT:
            return Outcome(attributes, "accepted by default")
        return Outcome(None, "no policy accepts it")


def _holds(match: Match, path: Path, attributes: PathAttributes) -> bool:
    """All conditions but the prefix and the session type."""
    if match.sources and path.source not in match.sources:
        return False
    if match.interfaces and not _any_glob(match.interfaces, path.interface):
        return False
    if match.community is not None and not _has_community(attributes, match.community):
        return False
    if match.as_path_prefix and not starts_with_as(attributes.as_path, match.as_path_prefix):
        return False
    if match.local_pref is not None and attributes.local_pref != match.local_pref:
        return False
    return match.metric_below is None or PRIORITY_BASE - (attributes.local_pref or 0) < match.metric_below


def _any_glob(globs: tuple[str, ...], interface: str) -> bool:
    return interface != "" and any(fnmatchcase(interface, glob) for glob in globs)


def _has_community(attributes: PathAttributes, text: str) -> bool:
    community = parse_community(text)
    if isinstance(community, int):
        return community in attributes.communities
    return community in attributes.large_communities


def _apply(operation: Operation, attributes: PathAttributes) -> PathAttributes:
    if isinstance(operation, AddCommunity):
        return add_community(attributes, operation.community)
    if isinstance(operation, PrependAsPath):
        return attributes.replace(as_path=prepend_as_path(attributes.as_path, operation.asns))
    if isinstance(operation, SetLocalPref):
        return attributes.replace(local_pref=operation.local_pref)
    raise TypeError(f"unknown policy operation {operation!r}")


def add_community(attributes: PathAttributes, text: str) -> PathAttributes:
    """With the community added, once."""
    community = parse_community(text)
    if isinstance(community, int):
        if community in attributes.communities:
            return attributes
        return attributes.replace(communities=(*attributes.communities, community))
    if community in attributes.large_communities:
        return attributes
    return attributes.replace(large_communities=(*attributes.large_communities, community))


def prefix_matches(plan: NodePlan) -> list[PrefixMatch]:
    """Every prefix condition of the plan's policies, in order."""
    return [rule.match.prefix for policy in plan.policies for rule in policy.rules if rule.match.prefix]
