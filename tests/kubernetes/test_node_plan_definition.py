"""config/crd/nodeplan in a real API server: explained, listed, and the status half the agent's alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import msgspec
import pytest
from segment import eventually

from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer as Requests
from bgpctl.kubernetes.failure import FailedError
from bgpctl.node_plan.status import (
    Condition,
    Found,
    FoundWorkload,
    Held,
    HeldDifference,
    NodePlanStatus,
    Routes,
    Sessions,
)
from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import ApiServer

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

SPEC = {"node": "a1", "digest": "0123456789ab", "plan": {"plan": {"version": 2}}}
NODE_PLAN = {"apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "metadata": {"name": "a1"}, "spec": SPEC}
TIME = "2026-12-01T10:00:00Z"
STATUS = NodePlanStatus(
    digest="0123456789ab",
    running="ba9876543210",
    applied_at=TIME,
    sessions=Sessions(2, 3, "2/3", ("10.0.0.9: no route",)),
    routes=Routes(17, 16),
    held=Held("00ff00ff00ff", 1, (HeldDifference("last-session", "no session is left", ("BGPPeer rr",)),)),
    problems=("one",),
    retention="routes are retained",
    version="1.0",
    speaker="running",
    found=Found("10.0.0.1/24", "fd00::1/64", (FoundWorkload("routers", "cali1", ("10.1.0.1",)),)),
    conditions=(Condition("Ready", "True", "Running", "", TIME), Condition("Held", "True", "PlanHeld", "one", TIME)),
)


@pytest.fixture(scope="module")
def cluster(api_server: ApiServer) -> Iterator[ApiServer]:
    controller_process.install_node_plans(api_server)
    yield api_server
    calico_crds.run(api_server, "delete", "crd", "nodeplans.bgpctl.io")


@pytest.fixture
def node_plan(cluster: ApiServer, inside_its_network: None) -> Iterator[None]:
    calico_crds.run(cluster, "create", "-f", "-", stdin=json.dumps(NODE_PLAN))
    yield
    calico_crds.run(cluster, "delete", "nodeplan", "a1")


def patch(server: ApiServer, *words: str, **fields: object) -> tuple[int, str]:
    """Exit status, and why it was refused."""
    command = ("patch", "nodeplan", "a1", "--type=merge", f"--patch={msgspec.json.encode(fields).decode()}")
    done = server.kubectl(*command, *words)
    return done.returncode, done.stderr


def test_every_field_of_a_status_is_stored_as_it_was_written(cluster: ApiServer, node_plan: None) -> None:
    assert patch(cluster, "--subresource=status", status=STATUS) == (0, "")
    found = json.loads(calico_crds.run(cluster, "get", "nodeplan", "a1", "--output=json"))
    assert msgspec.convert(found["status"], NodePlanStatus) == STATUS
    assert found["spec"] == SPEC


def test_what_kubectl_shows(cluster: ApiServer, node_plan: None) -> None:
    assert patch(cluster, "--subresource=status", status=STATUS) == (0, "")
    head, line = calico_crds.run(cluster, "get", "nplan").splitlines()
    assert head.split() == ["NAME", "NODE", "SESSIONS", "ROUTES", "PLAN", "HELD", "AGE"]
    assert line.split()[:6] == ["a1", "a1", "2/3", "16", "0123456789ab", "1"]
    wide = calico_crds.run(cluster, "get", "nplan", "--output=wide").splitlines()[0].split()
    assert set(wide) - set(head.split()) == {"RUNNING", "READY", "REVISION", "AGENT"}
    assert "nodeplan.bgpctl.io/a1" in calico_crds.run(cluster, "get", "bgp", "--output=name")


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("nodeplan", "What one node must run."),
        ("nodeplan.spec.digest", "Equal digests ask for the same."),
        ("nodeplan.status", "What the agent of the node reports."),
        ("nodeplan.status.found.workloads.interface", "Interface of the node that leads to the workload."),
    ],
)
def test_kubectl_explains(cluster: ApiServer, inside_its_network: None, field: str, sentence: str) -> None:
    def explained() -> bool:
        done = cluster.kubectl("explain", field)
        return sentence in " ".join(done.stdout.split())

    eventually(explained, f"{field} is explained: an API server publishes a new kind a little later", within=30)


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ({"sessions": {"up": "two"}}, "status.sessions.up"),
        ({"found": {"workloads": [{"bgpPeer": "routers"}]}}, "status.found.workloads[0].interface"),
        ({"appliedAt": "yesterday"}, "status.appliedAt"),
        ({"conditions": [{"type": "Ready", "status": "yes", "reason": "x"}]}, "status.conditions[0].status"),
    ],
)
def test_a_status_of_other_types_is_refused(cluster: ApiServer, node_plan: None, status: object, field: str) -> None:
    done, error = patch(cluster, "--subresource=status", status=status)
    assert (done, field in error) == (1, True), error


def refusal(access: Access, path: str, patch: object) -> str:
    """Of a merge patch, as an agent sends it; "" for none."""

    async def send() -> str:
        server = Requests(access)
        try:
            await server.send("PATCH", path, msgspec.json.encode(patch), "application/merge-patch+json")
        except FailedError as error:
            return str(error)
        finally:
            await server.close()
        return ""

    return asyncio.run(send())


def test_whoever_may_patch_the_status_changes_nothing_else(
    cluster: ApiServer, node_plan: None, fresh_namespace: str
) -> None:
    """As an agent may: the spec is the controller's, also where a request for the status has one in it."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reporting"},
        "rules": [{"apiGroups": ["bgpctl.io"], "resources": ["nodeplans/status"], "verbs": ["patch"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "reporting"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reporting"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": fresh_namespace}],
    }
    calico_crds.apply(cluster, role, binding)
    access = Access(kubeconfig=cluster.token_kubeconfig(cluster.token("default", fresh_namespace)))
    path = "/apis/bgpctl.io/v1alpha1/nodeplans/a1"
    reported = {"status": {"version": "1.0"}}
    eventually(lambda: refusal(access, f"{path}/status", reported) == "", "the role is in force", within=20)

    more = {"spec": {"digest": "f" * 12}, "metadata": {"labels": {"team": "x"}}, "status": {"version": "1.1"}}
    assert refusal(access, f"{path}/status", more) == ""
    assert "is forbidden" in refusal(access, path, more)
    found = json.loads(calico_crds.run(cluster, "get", "nodeplan", "a1", "--output=json"))
    assert (found["spec"], found["status"]) == (SPEC, {"version": "1.1"})
    assert "labels" not in found["metadata"]
    calico_crds.run(cluster, "delete", "clusterrole,clusterrolebinding", "reporting")
