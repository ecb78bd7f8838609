"""A node's plan as an object of the Kubernetes API: NodePlan (bgpctl.io), one a node, named after it.

Rule: an object never has a password in it, and reads back as the plan that it was made of, to the byte. The plan
itself (`reflector.plan`) is the contract; this room only writes it down small.
"""

from bgpctl.node_plan.assignment import Assignment
from bgpctl.node_plan.keys import PlanKeys, references, with_keys, without_key
from bgpctl.node_plan.spec import NodePlanSpec, PlanTooLargeError, UnreadablePlanError, assignment_of, spec_of

__all__ = [
    "Assignment",
    "NodePlanSpec",
    "PlanKeys",
    "PlanTooLargeError",
    "UnreadablePlanError",
    "assignment_of",
    "references",
    "spec_of",
    "with_keys",
    "without_key",
]
