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
from bgpctl.resources.values.rules import Rule, RuledValue

FilterAction = Literal["Accept", "Reject"]
MatchOperator = Literal["Equal", "NotEqual", "In", "NotIn"]
FilterPeerType = Literal["eBGP", "iBGP"]
FilterSource = Literal["RemotePeers"]


LengthV4 = Annotated[int, Field(ge=0, le=32)]
LengthV6 = Annotated[int, Field(ge=0, le=128)]


class PrefixLengthV4(ResourcePart):
    """Bounds of the route's prefix length, both inclusive."""

    min: LengthV4 | None = None
    max: LengthV4 | None = None


class PrefixLengthV6(ResourcePart):
    """Bounds of the route's prefix length, both inclusive."""

    min: LengthV6 | None = None
    max: LengthV6 | None = None


class CommunityMatch(ResourcePart):
    """Exactly one value today; the API keeps room for more."""

    values: tuple[ExactCommunity, ...] = Field(min_length=1, max_length=1)


class CommunityToAdd(ResourcePart):
    value: ExactCommunity


class PrependASPath(ResourcePart):
    """[a, b] makes "a b <path as it was>"."""

    prefix: tuple[AsNumber, ...] = Field(min_length=1, max_length=10)


class SetPriority(ResourcePart):
    """Sets LOCAL_PREF to 2147483647 - value."""

    value: RoutePriority


OPERATION_RULES = (
    Rule(
        "one-operation",
        "",
        (),
        lambda item: [item.add_community, item.prepend_as_path, item.set_priority].count(None) != 2,
        "an operation is exactly one of addCommunity, prependASPath and setPriority; several are several items",
    ),
)


class FilterOperation(RuledValue):
    """Exactly one of the three."""

    RULES: ClassVar = OPERATION_RULES

    add_community: CommunityToAdd | None = None
    prepend_as_path: PrependASPath | None = None
    set_priority: SetPriority | None = None


FILTER_RULES = (
    Rule(
        "required-field",
        "",
        ("cidr", "matchOperator"),
        lambda rule: bool(rule.cidr) != bool(rule.match_operator),
        "cidr and matchOperator must both be set or both be empty",
    ),
    Rule(
        "required-field",
        "prefixLength",
        ("cidr", "prefixLength"),
        lambda rule: rule.prefix_length is not None and not rule.cidr,
        "cidr is required when prefixLength is set; 0.0.0.0/0 or ::/0 stands for every network",
    ),
    Rule(
        "operations-on-reject",
        "operations",
        ("action", "operations"),
        lambda rule: bool(rule.operations) and rule.action != "Accept",
        "operations change a route that is accepted; remove them or set action to Accept",
    ),
)


class FilterRule(RuledValue):
    """What the rules of both families share."""

    RULES: ClassVar = FILTER_RULES

    action: FilterAction
    source: FilterSource | None = None
    interface: OptionalInterfaceGlob = ""
    match_operator: MatchOperator | None = None
    peer_type: FilterPeerType | None = None
    communities: CommunityMatch | None = None
    as_path_prefix: tuple[AsNumber, ...] = ()
    priority: RoutePriority | None = None
    operations: tuple[FilterOperation, ...] = Field(default=(), min_length=1, max_length=10)


class FilterRuleV4(FilterRule):
    cidr: MaskedCIDRv4 = ""
    prefix_length: PrefixLengthV4 | None = None


class FilterRuleV6(FilterRule):
    cidr: MaskedCIDRv6 = ""
    prefix_length: PrefixLengthV6 | None = None


class BGPFilterSpec(ResourcePart):
    export_v4: tuple[FilterRuleV4, ...] = ()
    export_v6: tuple[FilterRuleV6, ...] = ()
    import_v4: tuple[FilterRuleV4, ...] = ()
    import_v6: tuple[FilterRuleV6, ...] = ()


class BGPFilter(Resource):
    spec: BGPFilterSpec = BGPFilterSpec()
