"""A node under the brake whose object a controller writes: the controller's own code assigns and changes it."""

from __future__ import annotations

from braked_node import OfObject

from bgpctl.brake import proof_of
from bgpctl.controller.assigning import assign
from bgpctl.controller.cluster_plans import ClusterPlans
from bgpctl.controller.large_plans import LargePlans
from bgpctl.controller.transitions import Former, change
from bgpctl.node_plan import Assignment, NodePlanSpec, assignment_of, spec_of
from reflector.plan import NodePlan


class ControlledNode(OfObject):
    """`spec` is what is in its object; `writes` how often that was written, `large` what was kept of all."""

    spec: NodePlanSpec | None = None
    writes = 0
    large = LargePlans()

    def _assigned(self, wanted: NodePlan) -> Assignment:
        new = spec_of(assign(self.index, wanted.node, self.options).assignment)
        is_held = bool(self.held) if self.running is not None else False
        if self.spec is None or self.spec.digest != new.digest or is_held:
            before, self.spec = self.spec, self.written(new, is_held=is_held)
            self.writes += before != self.spec
        return assignment_of(self.spec)

    def written(self, new: NodePlanSpec, *, is_held: bool) -> NodePlanSpec:
        former = None
        if self.spec is not None:
            former = Former(self.spec, is_run=not is_held and self.running == assignment_of(self.spec).plan)
        plans = ClusterPlans(1, {}, self.index, self.options, self.large)
        found = change(plans, new, former)
        judge = proof_of(self.resources, self.options)
        return found.spec(is_complete=bool(found.concerned) and judge(found.concerned))
