"""The same resources as files and as objects of an API server are the same set, and give the same plans to the byte."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bgpctl.compiler import compile_node
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.datastore import read_directory
from bgpctl.datastore.kubernetes.wants import ClusterOptions, Wants, wants
from bgpctl.kubernetes.kinds import (
    ENDPOINT_SLICE,
    KUBERNETES_NODE,
    SECRET,
    SERVICE,
    V1,
    V3,
    ApiKind,
    Group,
    calico_kinds,
)
from bgpctl.kubernetes.wire import Reader
from bgpctl.resources import Loaded, ResourceSet, parse_documents
from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.documents import split_documents
from reflector.plan import encode_plan

LABS = sorted(path.parent.name for path in (Path(__file__).parents[2] / "labs").glob("*/resources"))
ROOT = Path(__file__).parents[2] / "labs"
CLUSTER_WIDE_NODES = frozenset({"nodes"})


def objects_in(directory: Path) -> Iterator[dict[str, Any]]:
    """As an API server would have stored them."""
    for file in sorted(directory.rglob("*.yaml")):
        for _, text in split_documents(file.read_text()):
            data = read_document(text).data
            if data is not None:
                yield {
                    **data,
                    "metadata": {**data["metadata"], "uid": "0", "resourceVersion": "7", "managedFields": []},
                }


def kinds(group: Group) -> dict[tuple[str, str], ApiKind]:
    """By the apiVersion and kind in the files."""
    calico = {("projectcalico.org/v3", each.kind): each for each in calico_kinds(group, CLUSTER_WIDE_NODES)}
    # CRDs of the older group have no Node: those of Calico's API server have.
    (node,) = (each for each in calico_kinds(V3, CLUSTER_WIDE_NODES) if each.kind == "Node")
    others = {("v1", "Node"): KUBERNETES_NODE, ("v1", "Service"): SERVICE}
    slices = {("discovery.k8s.io/v1", "EndpointSlice"): ENDPOINT_SLICE}
    return {("projectcalico.org/v3", "Node"): node} | calico | others | slices


def documents(directory: Path, group: Group) -> dict[str, str]:
    found: dict[str, str] = {}
    by_kind = kinds(group)
    for data in objects_in(directory):
        kind = by_kind.get((data["apiVersion"], data["kind"]))
        if kind is not None:
            data = _older(data) if group == V1 else data
            page = {"metadata": {"resourceVersion": "9"}, "items": [data]}
            found.update(Reader(kind).page(json.dumps(page).encode()).objects)
    return found


def _older(data: dict[str, Any]) -> dict[str, Any]:
    if data["kind"] != "BlockAffinity":
        return data
    return {**data, "spec": {**data["spec"], "deleted": "false"}}


def secrets(directory: Path, wanted: Wants) -> dict[str, str]:
    found = {}
    for data in objects_in(directory):
        name = (data["metadata"].get("namespace", "default"), data["metadata"]["name"])
        if data["kind"] == "Secret" and name in wanted.secrets:
            plain = {key: base64.b64encode(text.encode()).decode() for key, text in data.get("stringData", {}).items()}
            stored = {"metadata": data["metadata"], "data": {**data.get("data", {}), **plain}}
            text = Reader(SECRET).document(json.dumps(stored).encode(), wanted.secrets[name])
            found[SECRET.name_of(*name)] = text
    return found


def as_cluster(directory: Path, group: Group) -> Loaded:
    found = documents(directory, group)
    wanted = wants(parse_documents(found.items()), ClusterOptions(), Wants())
    return parse_documents({**found, **secrets(directory, wanted)}.items())


def collections(resources: ResourceSet) -> dict[str, Any]:
    """Without Secrets, of which a cluster is asked for what is named."""
    names = [name for name in resources.__dataclass_fields__ if name not in ("secrets", "locations")]
    return {name: getattr(resources, name) for name in names}


@pytest.mark.parametrize("group", [V3, V1], ids=["v3", "v1"])
@pytest.mark.parametrize("lab", LABS)
def test_files_and_objects_are_the_same_cluster(lab: str, group: Group) -> None:
    directory = ROOT / lab / "resources"
    files, cluster = read_directory(directory), as_cluster(directory, group)
    assert len(cluster.resources.nodes) > 1
    assert collections(cluster.resources) == collections(files.resources)
    assert [str(each).split(": ", 1)[1] for each in cluster.problems] == [
        str(each).split(": ", 1)[1] for each in files.problems
    ]
    for node in files.resources.nodes:
        plans = [compile_node(each.resources, node, CompileOptions()).plan for each in (files, cluster)]
        assert encode_plan(plans[0]) == encode_plan(plans[1])
