"""Roles of config/rbac: a table of who may do what, and each cell of it asked of a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import deployed
import pytest
from deployed import SYSTEM, Access

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READ = "get list watch"
WRITE = "create update patch delete"
ROLES = ("controller", "agent", "operator-read", "operator-write", "operator-diagnose")
USERS = {
    "controller": f"system:serviceaccount:{SYSTEM}:bgpctl-controller",
    "agent": deployed.AGENT,
    "operator-read": "reader",
    "operator-write": "writer",
    "operator-diagnose": "diagnoser",
}
# Resource, namespace and name -> what each of ROLES may; nothing else is allowed.
TABLE: dict[tuple[str, str, str], tuple[str, str, str, str, str]] = {
    ("nodeplans.bgpctl.io", "", ""): ("get list watch create patch delete", READ, READ, "", "get list"),
    ("nodeplans.bgpctl.io/status", "", ""): ("", "patch update", "", "", ""),
    ("bgppeers.GROUP", "", ""): (READ, "", READ, WRITE, ""),
    ("bgpfilters.GROUP", "", ""): (READ, "", READ, WRITE, ""),
    ("bgpconfigurations.GROUP", "", ""): (READ, "", READ, "", ""),
    ("ippools.GROUP", "", ""): (READ, "", READ, "", ""),
    ("blockaffinities.GROUP", "", ""): (READ, "", READ, "", ""),
    ("caliconodestatuses.GROUP", "", ""): (READ, "patch", READ, WRITE, ""),
    ("caliconodestatuses.GROUP/status", "", ""): ("", "patch", "", "", ""),
    ("clusterinformations.GROUP", "", ""): (READ, "", READ, "", ""),
    ("felixconfigurations.GROUP", "", ""): (READ, "", READ, "", ""),
    ("datastoremigrations.migration.projectcalico.org", "", ""): (READ, "", "", "", ""),
    ("nodes", "", ""): (READ, "", READ, "", ""),
    ("nodes/status", "", ""): ("", "", "", "", ""),
    ("services", "", ""): ("", READ, READ, "", ""),
    ("services", "default", ""): ("", READ, READ, "", ""),
    ("endpointslices.discovery.k8s.io", "", ""): ("", READ, READ, "", ""),
    ("events", "default", ""): ("", "", READ, "", ""),
    ("events.events.k8s.io", "default", ""): ("create patch", "create patch", "", "", ""),
    ("secrets", "", ""): ("", "", "", "", ""),
    ("secrets", "kube-system", ""): ("", "", "", "", ""),
    ("secrets", "kube-system", "another"): ("", "", "", "", ""),
    ("secrets", "kube-system", "bgp-passwords"): ("", READ, "", "", ""),
    ("secrets", "default", "bgp-passwords"): ("", "", "", "", ""),
    ("configmaps", SYSTEM, ""): ("", "", "", "", ""),
    ("leases.coordination.k8s.io", SYSTEM, ""): ("create", "", READ, "", ""),
    ("leases.coordination.k8s.io", SYSTEM, "bgpctl-controller"): ("get create update", "", READ, "", ""),
    ("leases.coordination.k8s.io", "kube-system", ""): ("", "", "", "", ""),
    ("controllerrevisions.apps", SYSTEM, ""): ("list create patch delete", "", READ, "", ""),
    ("controllerrevisions.apps", "kube-system", ""): ("", "", "", "", ""),
    ("pods", SYSTEM, ""): ("", "", READ, "", "get list"),
    ("pods/log", SYSTEM, ""): ("", "", READ, "", ""),
    ("pods/exec", SYSTEM, ""): ("", "", "", "", "get create"),
    ("pods/exec", "default", ""): ("", "", "", "", ""),
    ("pods", "default", ""): ("", "", "", "", ""),
    ("daemonsets.apps", SYSTEM, ""): ("", "", "", "", ""),
    ("clusterroles.rbac.authorization.k8s.io", "", ""): ("", "", "", "", ""),
    ("customresourcedefinitions.apiextensions.k8s.io", "", ""): ("", "", "", "", ""),
    ("validatingadmissionpolicies.admissionregistration.k8s.io", "", ""): ("", "", "", "", ""),
    ("serviceaccounts/token", SYSTEM, "bgpctl-agent"): ("", "", "", "", ""),
}
GROUPS = ("projectcalico.org", "crd.projectcalico.org")


def cells() -> dict[Access, bool]:
    """Every cell with what it says."""
    found = {}
    for (resource, namespace, name), row in TABLE.items():
        for role, may in zip(ROLES, row, strict=True):
            for group in GROUPS if "GROUP" in resource else ("",):
                for verb in VERBS:
                    access = Access(USERS[role], verb, resource.replace("GROUP", group), namespace, name)
                    found[access] = verb in may.split()
    return found


def bind(server: ApiServer, role: str, user: str, namespace: str = "") -> None:
    kind = (
        ("rolebinding", "--role", f"--namespace={namespace}")
        if namespace
        else ("clusterrolebinding", "--clusterrole", "")
    )
    words = ["create", kind[0], f"test-{role}", f"{kind[1]}={role}", f"--user={user}"]
    calico_crds.run(server, *words, *([kind[2]] if kind[2] else []))


@pytest.fixture(scope="module")
def server(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with deployed.server_with_deployment(api_server_network, tmp_path_factory.mktemp("roles")) as server:
        bind(server, "bgpctl-operator-read", "reader")
        bind(server, "bgpctl-operator-read", "reader", SYSTEM)
        bind(server, "bgpctl-operator-write", "writer")
        bind(server, "bgpctl-operator-diagnose", "diagnoser")
        bind(server, "bgpctl-operator-diagnose", "diagnoser", SYSTEM)
        yield server


def test_every_cell_of_the_table(server: ApiServer) -> None:
    wanted = cells()
    found = deployed.allowed(server, wanted)
    assert len(wanted) > 1000
    assert {access: found[access] for access in wanted if found[access] != wanted[access]} == {}


def test_the_table_has_every_resource_of_every_rule(server: ApiServer) -> None:
    """What a role names and the table does not is tried by no cell."""
    named = {resource.replace("GROUP", group) for resource, _, _ in TABLE for group in GROUPS}
    for kind in ("clusterroles", "roles"):
        words = ("get", kind, "--all-namespaces", "--selector=app.kubernetes.io/part-of=bgpctl", "--output=json")
        for role in json.loads(calico_crds.run(server, *words))["items"]:
            for rule in role["rules"]:
                resources = {
                    full_name(resource, group) for group in rule["apiGroups"] for resource in rule["resources"]
                }
                # Calico serves Nodes in these groups only where Kubernetes does not have them.
                assert resources - named <= {"nodes.projectcalico.org", "nodes.crd.projectcalico.org"}, role[
                    "metadata"
                ]["name"]


def full_name(resource: str, group: str) -> str:
    """As kubectl has it."""
    name, slash, subresource = resource.partition("/")
    return f"{name}.{group}{slash}{subresource}" if group else resource


def test_no_role_is_for_secrets_without_names(server: ApiServer) -> None:
    for kind in ("clusterroles", "roles"):
        words = ("get", kind, "--all-namespaces", "--selector=app.kubernetes.io/part-of=bgpctl", "--output=json")
        for role in json.loads(calico_crds.run(server, *words))["items"]:
            for rule in role["rules"]:
                assert "*" not in (*rule["resources"], *rule["verbs"], *rule["apiGroups"])
                assert "secrets" not in rule["resources"] or rule["resourceNames"]


def test_a_token_of_an_agent_does_what_the_table_says(server: ApiServer) -> None:
    """Requests, and not what the authorizer says of them."""
    kubeconfig = server.token_kubeconfig(server.token("bgpctl-agent", SYSTEM))
    for words, works in (
        (("get", "nodeplans"), True),
        (("get", "services", "--all-namespaces"), True),
        (("get", "nodes"), False),
        (("get", "secrets", "--namespace=kube-system"), False),
        (("get", "secret", "another", "--namespace=kube-system"), False),
        (("delete", "nodeplan", "a1"), False),
        (("get", "bgppeers.projectcalico.org"), False),
        (("get", "pods", "--all-namespaces"), False),
    ):
        done = server.kubectl("--kubeconfig", kubeconfig, *words)
        assert (done.returncode == 0, "forbidden" in done.stderr.lower()) == (works, not works), (words, done.stderr)
