"""Kinds as CustomResourceDefinitions: NodePlan, and those of Calico that we read, for clusters without Calico
(docs/crds.md).

Rule: they are written from the types of bgpctl.node_plan and bgpctl.resources: fields and descriptions stand there, of
Calico's kinds bounds and rules as well. `python -m bgpctl.kubernetes_schema` writes config/crd.
"""

from bgpctl.kubernetes_schema.definition import definition
from bgpctl.kubernetes_schema.served_kinds import SERVED_KINDS, ServedKind

__all__ = ["SERVED_KINDS", "ServedKind", "definition"]
