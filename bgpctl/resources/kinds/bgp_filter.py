"""BGPFilter: ordered rules for each direction and family; the first that matches decides.

All conditions of a rule must hold; a rule without any matches every route. Operations apply when the rule accepts.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bgpctl.resources.values.fields import (
    AsNumber,
    ExactCommunity,
    MaskedCIDRv4,
    MaskedCIDRv6,
    OptionalInterfaceGlob,
    RoutePriority,
)
from bgpctl.resources.values.model import Resource, ResourcePart
from bgpctl.resources.values.rules import Rule, RuledValue, written
from bgpctl.resources.values.served import served

FilterAction = Literal["Accept", "Reject"]
MatchOperator = Literal["Equal", "NotEqual", "In", "NotIn"]
FilterPeerType = Literal["eBGP", "iBGP"]
FilterSource = Literal["RemotePeers"]


LengthV4 = Annotated[int, Field(ge=0, le=32)]
LengthV6 = Annotated[int, Field(ge=0, le=128)]


class PrefixLengthV4(ResourcePart):
    """Bounds of the route's prefix length, both inclusive."""

    min: LengthV4 | None = None
    """The shortest prefix length that matches, 0 to 32. That of cidr if it is not set."""
    max: LengthV4 | None = None
    """The longest prefix length that matches, 0 to 32. 32 if it is not set."""


class PrefixLengthV6(ResourcePart):
    """Bounds of the route's prefix length, both inclusive."""

    min: LengthV6 | None = None
    """The shortest prefix length that matches, 0 to 128. That of cidr if it is not set."""
    max: LengthV6 | None = None
    """The longest prefix length that matches, 0 to 128. 128 if it is not set."""


class CommunityMatch(ResourcePart):
    """Communities that a route must have."""

    values: tuple[ExactCommunity, ...] = Field(min_length=1, max_length=1)
    """Exactly one community, "aa:nn" (RFC 1997) or "aa:nn:mm" (large, RFC 8092), without leading zeros."""


class CommunityToAdd(ResourcePart):
    """A community that the route gets."""

    value: ExactCommunity
    """The community: "aa:nn" (RFC 1997) or "aa:nn:mm" (large, RFC 8092), without leading zeros."""


class PrependASPath(ResourcePart):
    """AS numbers that are put in front of the AS_PATH."""

    prefix: tuple[AsNumber, ...] = Field(min_length=1, max_length=10)
    """The AS numbers in their order: [a, b] makes the path "a b" and then what it was."""


class SetPriority(ResourcePart):
    """The priority that the route gets."""

    value: RoutePriority
    """The priority, 1 to 2147483646: LOCAL_PREF becomes 2147483647 less this, so that a lower value is preferred."""


OPERATION_RULES = (
    Rule(
        "one-operation",
        "",
        (),
        lambda item: [item.add_community, item.prepend_as_path, item.set_priority].count(None) != 2,
        "an operation is exactly one of addCommunity, prependASPath and setPriority; several are several items",
        cel="[has(self.addCommunity), has(self.prependASPath), has(self.setPriority)].exists_one(given, given)",
    ),
)


class FilterOperation(RuledValue):
    """A change of the route: exactly one of addCommunity, prependASPath and setPriority."""

    RULES: ClassVar = OPERATION_RULES

    add_community: CommunityToAdd | None = None
    """Adds a community."""
    prepend_as_path: PrependASPath | None = None
    """Puts AS numbers in front of the AS_PATH."""
    set_priority: SetPriority | None = None
    """Sets the priority, by LOCAL_PREF."""


FILTER_RULES = (
    Rule(
        "required-field",
        "",
        ("cidr", "matchOperator"),
        lambda rule: bool(rule.cidr) != bool(rule.match_operator),
        "cidr and matchOperator must both be set or both be empty",
        cel=f"{written('cidr')} == has(self.matchOperator)",
    ),
    Rule(
        "required-field",
        "prefixLength",
        ("cidr", "prefixLength"),
        lambda rule: rule.prefix_length is not None and not rule.cidr,
        "cidr is required when prefixLength is set; 0.0.0.0/0 or ::/0 stands for every network",
        cel=f"!has(self.prefixLength) || {written('cidr')}",
    ),
    Rule(
        "operations-on-reject",
        "operations",
        ("action", "operations"),
        lambda rule: bool(rule.operations) and rule.action != "Accept",
        "operations change a route that is accepted; remove them or set action to Accept",
        cel="!has(self.operations) || self.operations.size() == 0 || self.action == 'Accept'",
    ),
)


class FilterRule(RuledValue):
    """A rule: its action applies to the routes for which all its conditions hold."""

    RULES: ClassVar = FILTER_RULES

    action: FilterAction
    """Accept or Reject the routes that match. No later rule is asked about them."""
    source: FilterSource | None = None
    """RemotePeers: routes that were learned from a BGP peer."""
    interface: OptionalInterfaceGlob = ""
    """Routes whose interface has this name; "*" is a wildcard."""
    match_operator: MatchOperator | None = None
    """
    How the route's prefix compares with cidr. Equal: it is cidr. In: it is cidr or inside it. NotEqual, NotIn: it is
    not. Required with cidr, and only with it.
    """
    peer_type: FilterPeerType | None = None
    """Routes of sessions with peers of another AS (eBGP) or of the same AS (iBGP)."""
    communities: CommunityMatch | None = None
    """Routes that have this community."""
    as_path_prefix: tuple[AsNumber, ...] = ()
    """Routes whose AS_PATH begins with these AS numbers."""
    priority: RoutePriority | None = None
    """Routes of this priority: their LOCAL_PREF is 2147483647 less this."""
    operations: tuple[FilterOperation, ...] = Field(default=(), min_length=1, max_length=10)
    """Changes of the routes that match, one after the other. Only with the action Accept."""


class FilterRuleV4(FilterRule):
    """A rule for IPv4 routes: its action applies to those for which all its conditions hold; without any, to all."""

    cidr: MaskedCIDRv4 = ""
    """IPv4 network that the route's prefix is compared with, such as 10.0.0.0/8. Needs matchOperator."""
    prefix_length: PrefixLengthV4 | None = None
    """Bounds of the route's prefix length. Needs cidr."""


class FilterRuleV6(FilterRule):
    """A rule for IPv6 routes: its action applies to those for which all its conditions hold; without any, to all."""

    cidr: MaskedCIDRv6 = ""
    """IPv6 network that the route's prefix is compared with, such as 2001:db8::/32. Needs matchOperator."""
    prefix_length: PrefixLengthV6 | None = None
    """Bounds of the route's prefix length. Needs cidr."""


# What CEL has time for; Calico has no bound.
RulesV4 = Annotated[tuple[FilterRuleV4, ...], served(maxItems=1000)]
RulesV6 = Annotated[tuple[FilterRuleV6, ...], served(maxItems=1000)]


class BGPFilterSpec(ResourcePart):
    """
    Rules for each direction and family. The first rule that matches decides; a route that none matches is left to the
    session's own rules.
    """

    export_v4: RulesV4 = ()
    """Rules for IPv4 routes that are advertised to the peer."""
    export_v6: RulesV6 = ()
    """Rules for IPv6 routes that are advertised to the peer."""
    import_v4: RulesV4 = ()
    """Rules for IPv4 routes that are received from the peer. Without a rule that matches they are accepted."""
    import_v6: RulesV6 = ()
    """Rules for IPv6 routes that are received from the peer. Without a rule that matches they are accepted."""


class BGPFilter(Resource):
    """Which routes are accepted and advertised in the sessions of the BGPPeers that name it, and with what changes."""

    spec: BGPFilterSpec = BGPFilterSpec()
    """The rules."""
