"""A plan that was compiled without any service, completed with the services that there are.

Rule: it is the plan that compiling with them gives, to the byte. So whoever compiles in one place need not know the
services, and a node whose plan was made elsewhere follows their endpoints by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bgpctl.compiler.cluster.service_routes import service_routes
from bgpctl.compiler.policies.export_policy import export_policy_name, with_service_rules
from bgpctl.compiler.routes import originations
from reflector.addresses import FAMILIES
from reflector.plan import NodePlan, RouteSource

if TYPE_CHECKING:
    from bgpctl.compiler.cluster.service_routes import ServiceFacts, ServiceRules


def with_services(plan: NodePlan, rules: ServiceRules, services: Iterable[ServiceFacts]) -> NodePlan:
    """`rules` are the node's, as the plan was compiled with. Raises ValueError for a plan of another version."""
    before, after = service_routes((), rules), service_routes(services, rules)
    if before == after:
        return plan
    named = {export_policy_name(family): family for family in FAMILIES}
    kernel = plan.kernel
    return replace(
        plan,
        policies=tuple(
            with_service_rules(each, named[each.name], before, after) if each.name in named else each
            for each in plan.policies
        ),
        originations=originations.with_services(
            (each for each in plan.originations if each.source is not RouteSource.SERVICE),
            after,
            {4: kernel.normal_priority_v4, 6: kernel.normal_priority_v6},
        ),
    )
