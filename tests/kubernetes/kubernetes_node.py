"""What the API has of a node: its Node, the pod of its agent as the DaemonSet makes it, and a pod of a workload.

No kubelet is there: the workload's pod has no time to end in, so the API server removes it as soon as it is evicted.
"""

from __future__ import annotations

import json
from typing import Any

import deployed
from container_site import pod_of

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.controller_process import SYSTEM

AGENT, WORKLOAD = "bgpctl-agent", "workload"
NAMESPACE = f"--namespace={SYSTEM}"


class KubernetesNode:
    def __init__(self, server: ApiServer, name: str) -> None:
        self._server, self.name = server, name
        daemon_set = deployed.workloads(server, "default")["DaemonSet", AGENT]
        calico_crds.apply(server, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}, daemon_set)
        calico_crds.apply(server, self._agent_pod(daemon_set), self._workload_pod())

    def drain(self) -> None:
        """What may move away moves; the agent's pod stays."""
        done = self._server.kubectl("drain", self.name, "--ignore-daemonsets", "--force", "--timeout=60s")
        assert done.returncode == 0, done.stderr
        assert f"node/{self.name} drained" in done.stdout
        assert (self.is_unschedulable, self.pods) == (True, {f"agent-{self.name}"})

    def uncordon(self) -> None:
        calico_crds.run(self._server, "uncordon", self.name)

    @property
    def is_unschedulable(self) -> bool:
        return bool(self._get("node", self.name)["spec"].get("unschedulable"))

    @property
    def pods(self) -> set[str]:
        found = self._get("pods", NAMESPACE, f"--field-selector=spec.nodeName={self.name}")
        return {each["metadata"]["name"] for each in found["items"]}

    def remove(self) -> None:
        at_once = (NAMESPACE, "--ignore-not-found", "--force", "--grace-period=0")
        calico_crds.run(self._server, "delete", "pod", WORKLOAD, f"agent-{self.name}", *at_once)
        calico_crds.run(self._server, "delete", "daemonset", AGENT, NAMESPACE)
        calico_crds.run(self._server, "delete", "node", self.name)

    def _agent_pod(self, daemon_set: dict[str, Any]) -> dict[str, Any]:
        pod = pod_of(daemon_set, f"agent-{self.name}", self.name)
        uid = self._get("daemonset", AGENT, NAMESPACE)["metadata"]["uid"]
        owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": AGENT, "uid": uid, "controller": True}
        pod["metadata"]["ownerReferences"] = [owner]
        return pod

    def _workload_pod(self) -> dict[str, Any]:
        spec = {
            "nodeName": self.name,
            "serviceAccountName": AGENT,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": WORKLOAD, "image": WORKLOAD}],
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": WORKLOAD, "namespace": SYSTEM}, "spec": spec}

    def _get(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(calico_crds.run(self._server, "get", *words, "--output=json"))
        return found
