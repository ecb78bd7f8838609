"""A lab's resources as a cluster for controllers, and the plans that they are to write for it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from segment import eventually

from bgpctl.compiler import CompileOptions, compile_cluster
from bgpctl.datastore import read_directory
from bgpctl.node_plan import NodePlanSpec, assignment_of
from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.documents import split_documents
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.controller_process import ROOT, SYSTEM
from reflector.plan import NodePlan

QUICKSTART = "quickstart"
BY_REFERENCE = CompileOptions(keys_by_reference=True)


def objects_in(directory: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(directory.rglob("*.yaml")):
        for _, text in split_documents(file.read_text()):
            data = read_document(text).data
            if data is not None:
                yield dict(data)


def apply_lab(server: ApiServer, lab: str) -> list[dict[str, Any]]:
    """The objects that are now in the API; Secrets are not, for the controller reads none."""
    found = [each for each in objects_in(ROOT / "labs" / lab / "resources") if each["kind"] != "Secret"]
    for each in found:
        if each["kind"] == "Service":
            # Which no file of a lab needs, and the API asks for.
            each["spec"] = {"ports": [{"port": 80}], **each["spec"]}
    calico_crds.apply(server, *found)
    for each in found:
        if each["kind"] == "Service" and "status" in each:
            patch = json.dumps({"status": each["status"]})
            name, namespace = each["metadata"]["name"], each["metadata"].get("namespace", "default")
            words = ("patch", "service", name, f"--namespace={namespace}", "--subresource=status", "--type=merge")
            calico_crds.run(server, *words, f"--patch={patch}")
    return found


def delete(server: ApiServer, objects: list[dict[str, Any]]) -> None:
    document = {"apiVersion": "v1", "kind": "List", "items": objects}
    calico_crds.run(server, "delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=json.dumps(document))


def clear(server: ApiServer, applied: list[dict[str, Any]]) -> None:
    """What was applied, and what controllers made of it."""
    server.start_what_was_killed()
    delete(server, applied)
    calico_crds.run(server, "delete", "nodeplans", "--all")
    calico_crds.run(server, "delete", "lease,controllerrevisions", "--all", f"--namespace={SYSTEM}")


class _Object(msgspec.Struct):
    spec: NodePlanSpec


class _Objects(msgspec.Struct):
    items: list[_Object]


def specs(server: ApiServer) -> dict[str, NodePlanSpec]:
    answer = calico_crds.run(server, "get", "nodeplans", "--output=json")
    return {each.spec.node: each.spec for each in msgspec.json.decode(answer.encode(), type=_Objects).items}


def plans(server: ApiServer) -> dict[str, NodePlan]:
    """What is in the API, read as an agent reads it."""
    return {name: assignment_of(spec).plan for name, spec in specs(server).items()}


def of_directory(lab: str) -> dict[str, NodePlan]:
    """Without Services, which agents follow."""
    resources = read_directory(ROOT / "labs" / lab / "resources").resources
    resources = dataclasses.replace(resources, services={}, endpoint_slices={})
    return {each.plan.node: each.plan for each in compile_cluster(resources, BY_REFERENCE)}


def wait_for_plans(server: ApiServer, wanted: dict[str, NodePlan]) -> None:
    eventually(lambda: plans(server) == wanted, "the plans are those of the resources", within=40)
