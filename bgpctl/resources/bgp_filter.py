"""BGPFilter: ordered rules for each direction and family; the first that matches decides.

All conditions of a rule must hold; a rule without any matches every route. Operations apply when the rule accepts.
"""

from __future__ import annotations

from typing import Literal

from bgpctl.resources.model import Resource, Value

FilterAction = Literal["Accept", "Reject"]
MatchOperator = Literal["Equal", "NotEqual", "In", "NotIn"]
FilterPeerType = Literal["eBGP", "iBGP"]
FilterSource = Literal["RemotePeers"]


class PrefixLengthV4(Value):
    min: int | None = None
    max: int | None = None


class PrefixLengthV6(Value):
    min: int | None = None
    max: int | None = None


class CommunityMatch(Value):
    """Exactly one value today; the API keeps room for more."""

    values: tuple[str, ...]


class AddCommunity(Value):
    value: str


class PrependASPath(Value):
    """[a, b] makes "a b <path as it was>"."""

    prefix: tuple[int, ...]


class SetPriority(Value):
    """Sets LOCAL_PREF to 2147483647 - value."""

    value: int


class FilterOperation(Value):
    """Exactly one of the three."""

    add_community: AddCommunity | None = None
    prepend_as_path: PrependASPath | None = None
    set_priority: SetPriority | None = None


class FilterRule(Value):
    """What the rules of both families share."""

    action: FilterAction
    source: FilterSource | None = None
    interface: str = ""
    match_operator: MatchOperator | None = None
    peer_type: FilterPeerType | None = None
    communities: CommunityMatch | None = None
    as_path_prefix: tuple[int, ...] = ()
    priority: int | None = None
    operations: tuple[FilterOperation, ...] = ()


class FilterRuleV4(FilterRule):
    cidr: str = ""
    prefix_length: PrefixLengthV4 | None = None


class FilterRuleV6(FilterRule):
    cidr: str = ""
    prefix_length: PrefixLengthV6 | None = None


class BGPFilterSpec(Value):
    export_v4: tuple[FilterRuleV4, ...] = ()
    export_v6: tuple[FilterRuleV6, ...] = ()
    import_v4: tuple[FilterRuleV4, ...] = ()
    import_v6: tuple[FilterRuleV6, ...] = ()


class BGPFilter(Resource):
    spec: BGPFilterSpec = BGPFilterSpec()
