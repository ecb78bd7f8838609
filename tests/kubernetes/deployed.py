"""An API server of its own with config/default in it, as an operator installs it, and Calico's kinds in both groups.

Of its own, because policies and roles are for a whole cluster. Calico's definitions take any field, so that what is
refused is refused by a policy.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.network import inside

CONFIG = Path(__file__).parents[2] / "config"
SYSTEM = "bgpctl-system"
AGENT = f"system:serviceaccount:{SYSTEM}:bgpctl-agent"
NODE_NAME = "authentication.kubernetes.io/node-name"


@contextmanager
def server_with_deployment(network: str, directory: Path, address: str = "127.0.0.1") -> Iterator[ApiServer]:
    with inside(network):
        server = ApiServer(directory, address)
    try:
        with inside(network):
            for group in (calico_crds.V3, calico_crds.V1):
                calico_crds.install(server, group)
            for room in ("default", "reflector", "rbac/passwords"):
                install(server, room)
            _stand_in_for_controllers(server)
        yield server
    finally:
        server.stop()


def _stand_in_for_controllers(server: ApiServer) -> None:
    """What Kubernetes' own controllers make in every namespace."""
    authority = {"ca.crt": server.ca_certificate.read_text()}
    for each in (
        {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": SYSTEM}},
        {"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "namespace": SYSTEM}, "data": authority},
    ):
        calico_crds.apply(server, {"apiVersion": "v1", **each})


def install(server: ApiServer, room: str) -> None:
    calico_crds.run(server, "apply", "-k", str(CONFIG / room))


def workloads(server: ApiServer, *rooms: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What kustomize makes of the rooms, by kind and name."""
    return {
        (each["kind"], each["metadata"]["name"]): each
        for room in rooms
        for each in yaml.safe_load_all(calico_crds.run(server, "kustomize", str(CONFIG / room)))
    }


def merge_patch(server: ApiServer, token: str, path: str, content: dict[str, Any]) -> str:
    """Of the object at `path`, and nothing else: `kubectl patch` reads it as well. Returns what the API server says,
    and "" when it is done. Call it inside the API server's network."""
    context = ssl.create_default_context(cafile=server.ca_certificate)
    connection = http.client.HTTPSConnection(server.address, server.port, timeout=30, context=context)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}
        connection.request("PATCH", path, json.dumps(content), headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return "" if answer.status == http.client.OK else str(said["message"])
    finally:
        connection.close()


class Access(NamedTuple):
    """One request that may be allowed or not; `resource` as kubectl has it, such as nodeplans.bgpctl.io/status."""

    user: str
    verb: str
    resource: str
    namespace: str = ""
    name: str = ""


def allowed(server: ApiServer, accesses: Iterable[Access]) -> dict[Access, bool]:
    """What the API server's authorizer answers, all in one call."""
    asked = list(accesses)
    reviews = {"apiVersion": "v1", "kind": "List", "items": [_review(each) for each in asked]}
    done = calico_crds.run(server, "create", "--output=json", "--filename=-", stdin=json.dumps(reviews))
    answers = "[" + done.strip().replace("\n}\n{", "\n},\n{") + "]"
    return {each: bool(answer["status"]["allowed"]) for each, answer in zip(asked, json.loads(answers), strict=True)}


def _review(access: Access) -> dict[str, Any]:
    resource, _, subresource = access.resource.partition("/")
    resource, _, group = resource.partition(".")
    attributes = {
        "verb": access.verb, "group": group, "resource": resource, "subresource": subresource,
        "namespace": access.namespace, "name": access.name,
    }  # fmt: skip
    spec: dict[str, Any] = {"user": access.user, "resourceAttributes": attributes}
    if access.user.startswith("system:serviceaccount:"):
        spec["groups"] = ["system:serviceaccounts", "system:authenticated"]
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
