"""A kind as a CustomResourceDefinition: its schema in the envelope of apiextensions.k8s.io/v1.

Rule: whose it is stands in it, since Calico's own definitions have the same names and must never be replaced by these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bgpctl.kubernetes_schema.served_kinds import CATEGORY, GROUP, VERSION, Column, ServedKind
from bgpctl.kubernetes_schema.structural import RULES, Schema, structural_schema

# On every definition of ours, and on none of Calico's.
LABELS = {"app.kubernetes.io/part-of": "bgpctl"}
ORIGIN = {
    "bgpctl.io/origin": "bgpctl's copy of an API of Calico, for clusters without Calico; never install it beside Calico"
}
AGE = Column("Age", ".metadata.creationTimestamp", "date")


@dataclass(frozen=True, slots=True)
class ApiNames:
    """What a kind is called. No kind has a namespace."""

    kind: str
    plural: str
    short_names: tuple[str, ...]
    group: str = GROUP
    version: str = VERSION


def definition(kind: ServedKind) -> dict[str, Any]:
    """The object, in the order in which it is written."""
    names = ApiNames(kind.kind, kind.plural, kind.short_names)
    found = envelope(names, kind.columns, schema(kind))
    found["metadata"]["annotations"] = ORIGIN
    return found


def envelope(names: ApiNames, columns: Iterable[Column], schema: Schema) -> dict[str, Any]:
    """Around the schema of one version."""
    version = {
        "name": names.version,
        "served": True,
        "storage": True,
        **({"subresources": {"status": {}}} if "status" in schema["properties"] else {}),
        "additionalPrinterColumns": [_column(column) for column in (*columns, AGE)],
        "schema": {"openAPIV3Schema": schema},
    }
    called = {
        "kind": names.kind,
        "listKind": f"{names.kind}List",
        "plural": names.plural,
        "singular": names.kind.lower(),
        "shortNames": list(names.short_names),
        "categories": [CATEGORY],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.plural}.{names.group}", "labels": LABELS},
        "spec": {"group": names.group, "scope": "Cluster", "names": called, "versions": [version]},
    }


def schema(kind: ServedKind) -> Schema:
    found = structural_schema(kind.model)
    properties = found["properties"]
    if kind.status:
        properties["status"] = structural_schema(kind.status)
    for path, value in kind.defaults:
        _at(found, path)["default"] = value
    for field, what, cel in kind.for_life:
        rule = {"rule": cel, "message": f"{what} cannot change; make a new one and delete this one"}
        properties["spec"].setdefault(RULES, []).append({**rule, "fieldPath": f".{field}"})
    return found


def _at(found: Schema, path: str) -> Schema:
    for name in path.split("."):
        found = found["properties"][name]
    return found


def _column(column: Column) -> dict[str, Any]:
    priority = {"priority": 1} if column.wide else {}
    return {"name": column.name, "type": column.type, "jsonPath": column.path, **priority}
