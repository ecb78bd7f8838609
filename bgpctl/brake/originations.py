"""Which originations of a plan last, and which follow something else and come and go with it: the endpoints of one
Service, the tunnel routes to blocks of other nodes."""

from __future__ import annotations

from reflector.addresses import is_single_address
from reflector.plan import NodePlan, Origination, RouteSource


def follows_endpoints(origination: Origination) -> bool:
    return origination.source is RouteSource.SERVICE and is_single_address(origination.prefix)


def is_of_another_node(origination: Origination) -> bool:
    """The block of a node without a BGP speaker."""
    return origination.source is RouteSource.STATIC


def lasting(plan: NodePlan) -> frozenset[str]:
    """The prefixes of a plan that are worth remembering."""
    return frozenset(
        each.prefix for each in plan.originations if not (follows_endpoints(each) or is_of_another_node(each))
    )
