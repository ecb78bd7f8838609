"""Which pods are asked, out of a real API server: one for each node, and why some cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from segment import eventually

from bgpctl.cli.through_kubectl.agent_pods import AgentPod
from bgpctl.cli.through_kubectl.kubectl import Kubectl
from bgpctl.cli.through_kubectl.pod_node import find_in_cluster
from bgpctl.errors import NotReadyError
from bgpctl.node_plan import Assignment, spec_of
from labs.bench.kubernetes import calico_crds, controller_process
from labs.bench.kubernetes.api_server import PROGRAMS, ApiServer
from reflector.plan import NodePlan

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

RUNNING = {"running": {"startedAt": "2026-12-02T00:00:00Z"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}


class Pods:
    """Those of one namespace; no kubelet and no scheduler runs."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server, self._namespace = server, namespace

    def add(self, name: str, node: str = "", component: str = "agent", affinity: dict[str, Any] | None = None) -> None:
        spec = {"containers": [{"name": component, "image": "bgpctl:test"}], "affinity": affinity or {}}
        if node:
            spec["nodeName"] = node
        labels = {"app.kubernetes.io/name": "bgpctl", "app.kubernetes.io/component": component}
        metadata = {"name": name, "namespace": self._namespace, "labels": labels}
        calico_crds.apply(self._server, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    def report(self, name: str, state: dict[str, Any], component: str = "agent", phase: str = "Running") -> None:
        """As a kubelet does."""
        container = {
            "name": component, "state": state, "image": "bgpctl:test", "imageID": "", "ready": True, "restartCount": 0,
        }  # fmt: skip
        self.patch(name, {"phase": phase, "containerStatuses": [container]})

    def patch(self, name: str, status: dict[str, Any]) -> None:
        words = ("patch", "pod", name, f"--namespace={self._namespace}", "--subresource=status", "--type=merge")
        calico_crds.run(self._server, *words, f"--patch={json.dumps({'status': status})}")

    def delete(self, name: str) -> None:
        calico_crds.run(self._server, "delete", "pod", name, f"--namespace={self._namespace}", "--wait=false")

    def reader(self) -> Path:
        """The kubeconfig of somebody who may list these pods, and nothing else."""
        namespace = f"--namespace={self._namespace}"
        calico_crds.run(self._server, "create", "role", "pods", "--verb=list", "--resource=pods", namespace)
        calico_crds.run(self._server, "create", "rolebinding", "pods", "--role=pods", "--user=reader", namespace)
        kubeconfig = self._server.client_certificate_kubeconfig("reader")
        may = ("auth", "can-i", "list", "pods", namespace, f"--kubeconfig={kubeconfig}")
        eventually(lambda: self._server.kubectl(*may).returncode == 0, "the role is in force")
        return kubeconfig

    def found(self, *nodes: str, kubeconfig: Path | None = None) -> list[AgentPod]:
        file = kubeconfig or self._server.admin_kubeconfig
        kubectl = Kubectl(str(PROGRAMS / "kubectl"), file, "", self._namespace)
        return [each.pod for each in find_in_cluster(kubectl, nodes)]


@pytest.fixture
def planned(api_server: ApiServer, inside_its_network: None) -> Iterator[Callable[[str], None]]:
    """Gives a node a NodePlan."""
    controller_process.install_node_plans(api_server)

    def plan(node: str) -> None:
        spec = json.loads(msgspec.json.encode(spec_of(Assignment(NodePlan(node, "10.0.0.1")))))
        found = {"apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "metadata": {"name": node}, "spec": spec}
        calico_crds.apply(api_server, found)

    yield plan
    calico_crds.run(api_server, "delete", "crd", "nodeplans.bgpctl.io")


@pytest.fixture
def pods(api_server: ApiServer, fresh_namespace: str) -> Pods:
    return Pods(api_server, fresh_namespace)


def test_agents_and_reflectors_are_found_by_their_nodes_and_others_are_not(pods: Pods) -> None:
    for name, node, component in (("x", "b1", "agent"), ("y", "a1", "reflector"), ("z", "c1", "controller")):
        pods.add(name, node, component)
        pods.report(name, RUNNING, component)
    assert pods.found() == [AgentPod("a1", "y", "reflector"), AgentPod("b1", "x", "agent")]


def test_nodes_that_are_named_come_in_their_order(pods: Pods) -> None:
    for node in ("a1", "b1", "c1"):
        pods.add(f"of-{node}", node)
        pods.report(f"of-{node}", RUNNING)
    assert [each.node for each in pods.found("c1", "a1", "c1")] == ["c1", "a1"]
    assert pods.found("b1") == [AgentPod("b1", "of-b1", "agent")]


def test_a_node_without_an_agent_is_named_beside_those_that_have_one(pods: Pods) -> None:
    pods.add("of-a1", "a1")
    pods.report("of-a1", RUNNING)
    _, missing = pods.found("a1", "z9")
    assert (missing.node, missing.why_not.partition(" in the namespace")[0]) == ("z9", "no pod of an agent is on it")
    with pytest.raises(NotReadyError, match="no pod of an agent of the node z9 is in the namespace"):
        pods.found("z9")


def test_of_two_pods_the_one_that_runs_counts(pods: Pods) -> None:
    pods.add("old", "a1")
    pods.report("old", RUNNING)
    pods.add("new", "a1")
    assert pods.found() == [AgentPod("a1", "old", "agent")]
    pods.report("new", RUNNING)
    pods.delete("old")
    assert pods.found() == [AgentPod("a1", "new", "agent")]


def test_a_container_that_waits_says_why(pods: Pods) -> None:
    pods.add("x", "a1")
    pods.report("x", BACK_OFF)
    (found,) = pods.found()
    assert found.why_not == "its pod x does not run (Running, CrashLoopBackOff: back-off 5m0s)"


def test_a_pod_that_no_node_has_room_for_stands_for_its_node(pods: Pods) -> None:
    """A DaemonSet makes its pods like this, and a scheduler refuses one like this."""
    name = {"key": "metadata.name", "operator": "In", "values": ["a1"]}
    terms = {"nodeSelectorTerms": [{"matchFields": [name]}]}
    pods.add("x", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}})
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient memory"}
    pods.patch("x", {"conditions": [refused]})
    assert pods.found() == [AgentPod("a1", "x", "agent", "its pod x does not run (Pending, Insufficient memory)")]


def test_a_pod_that_is_for_no_node_in_particular_has_its_own_name(pods: Pods) -> None:
    pods.add("x", component="reflector")
    assert pods.found() == [AgentPod("pod x", "x", "reflector", "its pod x does not run (Pending)")]


def test_a_node_with_a_plan_and_without_a_pod_has_no_agent(pods: Pods, planned: Callable[[str], None]) -> None:
    for node in ("a1", "b1"):
        planned(node)
    pods.add("of-b1", "b1")
    pods.report("of-b1", RUNNING)
    assert pods.found() == [AgentPod("a1", "", "", "no agent runs on this node"), AgentPod("b1", "of-b1", "agent")]
    assert pods.found("b1") == [AgentPod("b1", "of-b1", "agent")], "what is not named is not meant"


def test_whoever_may_not_list_plans_learns_that_some_may_be_missing(
    pods: Pods, planned: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    planned("a1")
    pods.add("of-b1", "b1")
    pods.report("of-b1", RUNNING)
    assert pods.found(kubeconfig=pods.reader()) == [AgentPod("b1", "of-b1", "agent")]
    assert capsys.readouterr().err == (
        "bgpctl: nodes on which no agent runs are not shown: kubectl get: reader may not list nodeplans; the role "
        "bgpctl-operator-diagnose has that verb, and an administrator binds it\n"
    )
