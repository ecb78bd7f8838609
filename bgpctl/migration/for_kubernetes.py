"""Objects for a cluster whose datastore is the Kubernetes API: there a node is Kubernetes' Node with Calico's fields as
annotations, and every name of a node is the one that Kubernetes has.

Calico's Node says that name in its orchRefs. `calicoctl datastore migrate` renames nodes, configurations of a node and
affinities; here BGPPeers and CalicoNodeStatuses that name a node are renamed as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bgpctl.migration.fate import Converted, renamed
from bgpctl.migration.names import network_name
from bgpctl.migration.v1.settings import OF_NODE
from bgpctl.resources.kinds.kubernetes_node import annotations_of
from bgpctl.yaml_source.problem import Problem

KUBERNETES = "k8s"
# Kinds that have a node in a field, and those that have it in their name.
WITH_NODE = frozenset({"BGPPeer", "BlockAffinity", "CalicoNodeStatus"})
OF_A_NODE = frozenset({"BGPConfiguration", "FelixConfiguration"})
NO_NAME = (
    "for a Kubernetes cluster a node needs the name that it has there: an entry in orchRefs with orchestrator k8s and "
    "nodeName"
)


def for_kubernetes(converted: Iterable[Converted], problems: list[Problem]) -> list[Converted]:
    """The same objects as such a cluster has them."""
    found = list(converted)
    names: dict[str, str] = {}
    for each in found:
        if _is_calico_node(each):
            name = _kubernetes_name(each.value)
            if name:
                names[_name(each)] = name
            else:
                problems.append(each.origin.problem(("spec", "orchRefs"), "required-field", NO_NAME))
    return [_changed(each, names) for each in found]


def _is_calico_node(each: Converted) -> bool:
    return (each.value["kind"], each.value["apiVersion"]) == ("Node", "projectcalico.org/v3")


def _name(each: Converted) -> str:
    return str(_mapping(each.value.get("metadata")).get("name", ""))


def _kubernetes_name(node: Mapping[str, Any]) -> str:
    """Calico takes the last one."""
    references = _mapping(node.get("spec")).get("orchRefs")
    names = [
        each.get("nodeName")
        for each in (references if isinstance(references, (list, tuple)) else ())
        if isinstance(each, dict) and each.get("orchestrator") == KUBERNETES
    ]
    return str(names[-1] or "") if names else ""


def _changed(each: Converted, names: Mapping[str, str]) -> Converted:
    if _is_calico_node(each) and _name(each) in names:
        return _as_kubernetes_node(each, names[_name(each)])
    kind, spec = each.value["kind"], _mapping(each.value.get("spec"))
    if kind in WITH_NODE and isinstance(spec.get("node"), str) and spec["node"] in names:
        return _with_node(each, spec["node"], names[spec["node"]])
    of_node = _name(each).removeprefix(OF_NODE)
    if kind in OF_A_NODE and _name(each).startswith(OF_NODE) and of_node in names:
        return _with_name(each, f"{OF_NODE}{names[of_node]}")
    return each


def _with_node(each: Converted, before: str, after: str) -> Converted:
    spec = {**each.value["spec"], "node": after}
    changed = replace(each, value={**each.value, "spec": spec}, notes=(*each.notes, *renamed(before, after)))
    if each.value["kind"] != "BlockAffinity" or not isinstance(spec.get("cidr"), str):
        return changed
    return _with_name(changed, f"{after}-{network_name(spec['cidr'])}")


def _with_name(each: Converted, name: str) -> Converted:
    notes = (*each.notes, *renamed(_name(each), name))
    return replace(each, value={**each.value, "metadata": {**each.value["metadata"], "name": name}}, notes=notes)


def _as_kubernetes_node(each: Converted, name: str) -> Converted:
    metadata = each.value["metadata"]
    annotations = annotations_of(each.value)
    made = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {**metadata, "name": name, "annotations": {**_mapping(metadata.get("annotations")), **annotations}},
    }
    return replace(each, value=made, notes=(*each.notes, *renamed(_name(each), name)))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
