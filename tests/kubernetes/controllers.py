"""Controllers as processes, each with the token of its ServiceAccount, and a lab's resources as a cluster for them."""

from __future__ import annotations

import dataclasses
import http.client
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import calico_crds
import msgspec
from api_server import ApiServer
from segment import eventually

from bgpctl.compiler import CompileOptions, compile_cluster
from bgpctl.datastore import read_directory
from bgpctl.node_plan import NodePlanSpec, assignment_of
from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.documents import split_documents
from reflector.plan import NodePlan

ROOT = Path(__file__).parents[2]
BGPCTL = Path(sys.executable).with_name("bgpctl")
SYSTEM = "bgpctl-system"
ACCOUNT = "bgpctl-controller"
QUICKSTART = "quickstart"
BY_REFERENCE = CompileOptions(keys_by_reference=True)


class ControllerProcess:
    """One replica, `name` in the Lease."""

    def __init__(self, server: ApiServer, directory: Path, name: str, *options: str) -> None:
        directory.mkdir()
        self.name = name
        self._options = options
        self.directory = directory
        self.log = directory / "log"
        self._server = server
        self._kubeconfig = server.token_kubeconfig(server.token(ACCOUNT, SYSTEM))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        """With the options that it always has, and `more`."""
        command = [BGPCTL, "controller", "--kubeconfig", self._kubeconfig, "--namespace", SYSTEM]
        command += ["--identity", self.name, "--run-dir", self.directory / "run", "--metrics-address", "127.0.0.1:0"]
        command += [*self._options, *more]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([str(each) for each in command], stdout=log, stderr=log)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(30)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of one of its pages; 0 and "" before they are served."""
        found = re.findall(r"pages are served.*?address=(\S+)", self.log.read_text())
        if not found:
            return 0, ""
        connection = http.client.HTTPConnection(found[-1], timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


def install(server: ApiServer) -> None:
    """NodePlan, roles and account of the controller, and Calico's kinds."""
    calico_crds.install(server, calico_crds.V3, (*calico_crds.KINDS, "Node"))
    install_node_plans(server)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}
    calico_crds.apply(server, namespace)
    for name in ("controller", "agent", "agent-services"):
        calico_crds.run(server, "apply", "-f", str(ROOT / f"config/rbac/{name}.yaml"))


def install_node_plans(server: ApiServer) -> None:
    """Until they are served."""
    calico_crds.run(server, "apply", "--server-side", "-k", str(ROOT / "config/crd/nodeplan"))
    calico_crds.run(server, "wait", "--for=condition=Established", "--timeout=60s", "crd/nodeplans.bgpctl.io")


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
