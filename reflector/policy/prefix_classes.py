"""Classes of prefixes: what a plan's prefix conditions distinguish, so that policies are asked once a class.

Rule: the class of a prefix is the set of conditions that it fulfils, as bits. Prefixes of one class share every
verdict, so a reflector with 100,000 routes in one pool evaluates its export policy once per path.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import NamedTuple

from reflector.addresses import MAX_BITS
from reflector.plan import Family, NodePlan, PrefixMatch

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
        if len(keys) == 1:
            return {self.classify(keys[0]): keys}
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


def prefix_matches(plan: NodePlan) -> list[PrefixMatch]:
    """Every prefix condition of the plan's policies, in order."""
    return [rule.match.prefix for policy in plan.policies for rule in policy.rules if rule.match.prefix]
