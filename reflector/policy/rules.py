"""Policies of the plan, made ready to be asked once for each path and class of prefixes instead of for each route.

Rule: rules are asked in order and the first that accepts or rejects is final (plan.Policy); operations of a rule act
on what the rules before it made of the route. A prefix enters only through its class (prefix_classes).

SetNextHop in an export policy is final: "self" our own address on the session, "keep" what the route came with, an
address that address. In an import policy an address is the next hop from there on, and each session treats it as any
other; "self" is for what is advertised (this node itself forwards to what the route came with), "keep" undoes
both. An address of the other family leaves a route as it is, so that one policy may name one of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from reflector.addresses import MAX_BITS, pack_address
from reflector.plan import (
    PRIORITY_BASE,
    AddCommunity,
    Family,
    Match,
    NextHopMode,
    Operation,
    Policy,
    PrependAsPath,
    RemoveCommunity,
    SessionType,
    SetLocalPref,
    SetMed,
    SetNextHop,
    Verdict,
)
from reflector.policy.prefix_classes import PrefixClasses
from reflector.rib.path import Path
from reflector.wire.attributes import PathAttributes, prepend_as_path, starts_with_as
from reflector.wire.communities import add_community, parse_pattern, remove_communities


class Outcome(NamedTuple):
    """What a chain of policies decided: the attributes to go on with, or None for a rejected route.

    next_hop_mode   what the policies set of the next hop; None leaves it to the session
    """

    attributes: PathAttributes | None
    rule: str
    next_hop_mode: NextHopMode | None = None


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
        came_with = attributes.next_hop
        mode: NextHopMode | None = None
        for bit, policy, rule in self._rules:
            if bit & ~prefix_class or not _holds(rule.match, path, attributes):
                continue
            if rule.verdict is Verdict.REJECT:
                return Outcome(None, rule.defined_by or f"policy {policy}")
            for operation in rule.operations:
                if isinstance(operation, SetNextHop):
                    attributes, mode = _set_next_hop(operation.next_hop, attributes, mode, path.family, came_with)
                else:
                    attributes = _CHANGES[type(operation)](operation, attributes)
            if rule.verdict is Verdict.ACCEPT:
                return Outcome(attributes, rule.defined_by or f"policy {policy}", mode)
        if self._default is Verdict.ACCEPT:
            return Outcome(attributes, "accepted by default", mode)
        return Outcome(None, "no policy accepts it")


def _holds(match: Match, path: Path, attributes: PathAttributes) -> bool:
    """All conditions but the prefix and the session type."""
    if match.sources and path.source not in match.sources:
        return False
    if match.interfaces and not _any_glob(match.interfaces, path.interface):
        return False
    if match.community is not None and not parse_pattern(match.community).stands_in(attributes):
        return False
    if match.as_path_prefix and not starts_with_as(attributes.as_path, match.as_path_prefix):
        return False
    if match.local_pref is not None and attributes.local_pref != match.local_pref:
        return False
    return match.metric_below is None or PRIORITY_BASE - (attributes.local_pref or 0) < match.metric_below


def _any_glob(globs: tuple[str, ...], interface: str) -> bool:
    return interface != "" and any(fnmatchcase(interface, glob) for glob in globs)


_CHANGES: dict[type[Operation], Callable[[Any, PathAttributes], PathAttributes]] = {
    AddCommunity: lambda operation, given: add_community(given, operation.community),
    RemoveCommunity: lambda operation, given: remove_communities(given, operation.community),
    PrependAsPath: lambda operation, given: given.replace(as_path=prepend_as_path(given.as_path, operation.asns)),
    SetLocalPref: lambda operation, given: given.replace(local_pref=operation.local_pref),
    SetMed: lambda operation, given: given.replace(med=operation.med),
}


def _set_next_hop(
    wanted: str, attributes: PathAttributes, mode: NextHopMode | None, family: Family, came_with: bytes
) -> tuple[PathAttributes, NextHopMode | None]:
    """The attributes and the mode of the next hop after SetNextHop, as described at the top."""
    if wanted in (NextHopMode.SELF, NextHopMode.KEEP):
        return attributes.replace(next_hop=came_with), NextHopMode(wanted)
    address = pack_address(wanted)
    if len(address) * 8 != MAX_BITS[family]:
        return attributes, mode
    return attributes.replace(next_hop=address), NextHopMode.KEEP
