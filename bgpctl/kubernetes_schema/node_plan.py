"""NodePlan as a CustomResourceDefinition: the Structs of bgpctl.node_plan, and what an API server checks besides."""

from __future__ import annotations

from typing import Any

from bgpctl.kubernetes_schema.definition import ApiNames, envelope
from bgpctl.kubernetes_schema.served_kinds import Column
from bgpctl.kubernetes_schema.struct_schema import at, struct_schema
from bgpctl.kubernetes_schema.structural import LIST_TYPE, RULES, Schema
from bgpctl.node_plan import NodePlanSpec
from bgpctl.node_plan.status import NodePlanStatus

NAMES = ApiNames("NodePlan", "nodeplans", ("nplan",), "bgpctl.io", "v1alpha1")
DESCRIPTION = (
    "What one node must run. The controller writes it; the agent of the node reads it, and reports in its status."
)
LONGEST_NAME = 253
COLUMNS = (
    Column("Node", ".spec.node"),
    Column("Sessions", ".status.sessions.summary"),
    Column("Routes", ".status.routes.installed", "integer"),
    Column("Plan", ".spec.digest"),
    Column("Held", ".status.held.count", "integer"),
    Column("Running", ".status.running", wide=True),
    Column("Ready", '.status.conditions[?(@.type=="Ready")].status', wide=True),
    Column("Revision", ".spec.revision", wide=True),
    Column("Agent", ".status.version", wide=True),
)
# What is checked of single fields.
BOUNDS: dict[str, Schema] = {
    "spec.node": {"minLength": 1, "maxLength": LONGEST_NAME},
    "spec.digest": {"pattern": "^[0-9a-f]{12}$"},
    "spec.revision": {"maxLength": LONGEST_NAME},
    "status.appliedAt": {"format": "date-time"},
    "status.conditions": {LIST_TYPE: "map", "x-kubernetes-list-map-keys": ["type"]},
    "status.conditions.[].status": {"enum": ["True", "False", "Unknown"]},
    "status.conditions.[].lastTransitionTime": {"format": "date-time"},
}
OF_ITS_NODE = {"rule": "self.spec.node == self.metadata.name", "message": "a NodePlan has the name of its node"}
EITHER = {
    "rule": "has(self.plan) != has(self.compressed)",
    "message": "the plan is in plan or in compressed, and not in both",
}


def node_plan_definition() -> dict[str, Any]:
    """The object, in the order in which it is written."""
    return envelope(NAMES, COLUMNS, node_plan_schema())


def node_plan_schema() -> Schema:
    spec, status = struct_schema(NodePlanSpec), struct_schema(NodePlanStatus)
    found: Schema = {
        "description": DESCRIPTION,
        "type": "object",
        "required": ["spec"],
        RULES: [OF_ITS_NODE],
        "properties": {"spec": {**spec, RULES: [EITHER]}, "status": status},
    }
    for path, bounds in BOUNDS.items():
        at(found, path).update(bounds)
    return found
