"""The kinds of Calico that we read as CustomResourceDefinitions, for clusters without Calico (docs/crds.md).

Rule: they are written from the types of bgpctl.resources, and from nothing else: fields, bounds, rules and descriptions
stand there. `python -m bgpctl.kubernetes_schema` writes config/crd/calico.
"""

from bgpctl.kubernetes_schema.definition import definition
from bgpctl.kubernetes_schema.served_kinds import SERVED_KINDS, ServedKind

__all__ = ["SERVED_KINDS", "ServedKind", "definition"]
