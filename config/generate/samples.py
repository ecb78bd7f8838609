"""The topology of each lab as a kustomization: its resources as a Kubernetes cluster has them.

Calico Node      a Node, whose BGP stands in labels and annotations (docs/kubernetes-datastore.md)
Service          with a port, which the API asks for and no lab needs
everything else  as it is
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yaml_text import kustomization, yaml_of

from bgpctl.resources.kinds.kubernetes_node import ANNOTATIONS
from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.documents import split_documents

LABS = Path(__file__).parents[2] / "labs"
_PATHS = {path: annotation for annotation, path in ANNOTATIONS.items()}


def files() -> dict[str, str]:
    """Of every lab whose resources are files of the repository."""
    found = {}
    for name in names():
        directory = LABS / name / "resources"
        source = f"labs/{name}/resources"
        objects = [as_in_a_cluster(each) for each in _objects(directory)]
        found[f"samples/labs/{name}/resources.yaml"] = yaml_of(objects, source)
        found[f"samples/labs/{name}/kustomization.yaml"] = kustomization(["resources.yaml"], source)
    return found


def names() -> list[str]:
    """The labs that have resources, but for those that make theirs: whether these are there depends on who ran them."""
    directories = (each.parent for each in LABS.glob("*/resources"))
    return sorted(each.name for each in directories if not (each / "generate.py").exists())


def _objects(directory: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(directory.rglob("*.yaml")):
        for _, text in split_documents(file.read_text()):
            data = read_document(text).data
            if data is not None:
                yield _plain(data)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value


def as_in_a_cluster(data: dict[str, Any]) -> dict[str, Any]:
    if data["kind"] == "Service":
        return {**data, "spec": {"ports": [{"port": 80}], **data["spec"]}}
    if (data["apiVersion"], data["kind"]) != ("projectcalico.org/v3", "Node"):
        return data
    annotations = dict(data["metadata"].get("annotations", {}))
    pod_cidrs: list[str] = []
    for path, value in [*_leaves(data.get("spec", {}), ("spec",)), *_leaves(data.get("status", {}), ("status",))]:
        if path == ("status", "podCIDRs"):
            pod_cidrs = value
        else:
            # A field without an annotation has no place in a cluster: a lab that needs it is no sample.
            annotations[_PATHS[path]] = str(value)
    spec = {"podCIDR": pod_cidrs[0], "podCIDRs": pod_cidrs} if pod_cidrs else {}
    metadata = {**data["metadata"], "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, **({"spec": spec} if spec else {})}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for key, each in value.items():
        yield from _leaves(each, (*path, key))
