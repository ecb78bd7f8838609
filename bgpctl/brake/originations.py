"""Which originations of a plan last, and which follow the endpoints of one Service and come and go with them."""

from __future__ import annotations

from reflector.addresses import is_single_address
from reflector.plan import NodePlan, Origination, RouteSource


def follows_endpoints(origination: Origination) -> bool:
    return origination.source is RouteSource.SERVICE and is_single_address(origination.prefix)


def lasting(plan: NodePlan) -> frozenset[str]:
    """The prefixes of a plan that are worth remembering."""
    return frozenset(each.prefix for each in plan.originations if not follows_endpoints(each))
