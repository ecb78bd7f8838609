"""Nodes of a cluster on one machine: their pods run in containers, the API server is real, and traffic passes.

    node     a network namespace on one bridge, with a directory for its host paths
    pod      a Pod object, made of a workload's template and bound to the node, and the container that is made of it:
             with Docker Engine here (`Node`), or by a kubelet (`kubelet_node.py`)
    traffic  a network namespace with an address of the node's block, wired as Calico's CNI plugin does it

There is no scheduler: which pod runs where, and when one is replaced, is for the test to say.
"""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from container_pod import ContainerPod
from docker_engine import DockerEngine

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.network import inside

API_SERVER_ADDRESS = "10.9.0.254"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def prepare_network(namespace: str) -> None:
    """The bridge of the nodes, in the API server's network, with its address."""
    ip("-n", namespace, "link", "add", "nodes", "type", "bridge")
    ip("-n", namespace, "address", "add", f"{API_SERVER_ADDRESS}/24", "dev", "nodes")
    ip("-n", namespace, "link", "set", "nodes", "up")


class Host:
    """A node's network: `number` is the last octet of its address, `block` the one that its traffic is in. Its
    namespace has to be there before `wire`."""

    def __init__(self, name: str, number: int, site: str) -> None:
        self.name = name
        self.address = f"10.9.0.{number}"
        self.block = f"10.64.{number}.0/26"
        self.namespace = f"{site}-{name}"
        self.traffic = f"{site}-{name}-pod"
        self.traffic_address = f"10.64.{number}.2"
        self._site = site

    def objects(self, cluster_id: str = "") -> list[dict[str, Any]]:
        """What the cluster knows of it: its Node and its block; with a cluster ID it is a reflector."""
        annotations = {"projectcalico.org/IPv4Address": f"{self.address}/24"}
        if cluster_id:
            annotations["projectcalico.org/RouteReflectorClusterID"] = cluster_id
        labels = {"bgpctl.io/reflector": ""} if cluster_id else {}
        metadata = {"name": self.name, "annotations": annotations, "labels": labels}
        affinity = {
            "apiVersion": "projectcalico.org/v3",
            "kind": "BlockAffinity",
            "metadata": {"name": f"of-{self.name}"},
            "spec": {"node": self.name, "cidr": self.block, "state": "confirmed"},
        }
        return [{"apiVersion": "v1", "kind": "Node", "metadata": metadata}, affinity]

    def wire(self) -> None:
        port = f"to-{self.name}"
        ip("link", "add", "eth0", "netns", self.namespace, "type", "veth", "peer", "name", port, "netns", self._site)
        ip("-n", self._site, "link", "set", port, "master", "nodes", "up")
        ip("-n", self.namespace, "address", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", self.namespace, "link", "set", "eth0", "up")
        with inside(self.namespace):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self._wire_traffic()

    def _wire_traffic(self) -> None:
        """The gateway's link address is known beforehand, as no proxy ARP runs here."""
        node, pod, link = self.namespace, self.traffic, "02:00:00:00:00:01"
        ip("netns", "add", pod)
        ip("link", "add", "cali1", "address", link, "netns", node, "type", "veth", "peer", "name", "eth0", "netns", pod)
        for namespace, device in ((node, "cali1"), (pod, "lo"), (pod, "eth0")):
            ip("-n", namespace, "link", "set", device, "up")
        ip("-n", node, "route", "add", self.traffic_address, "dev", "cali1")
        ip("-n", pod, "address", "add", f"{self.traffic_address}/32", "dev", "eth0")
        ip("-n", pod, "neigh", "add", "169.254.1.1", "lladdr", link, "dev", "eth0", "nud", "permanent")
        ip("-n", pod, "route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")

    def close(self) -> None:
        ip("netns", "del", self.traffic)
        ip("netns", "del", self.namespace)


def pod_of(workload: dict[str, Any], name: str, node: str) -> dict[str, Any]:
    """A pod as the controller of a DaemonSet or Deployment makes it, and a scheduler binds it."""
    template = workload["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": name, "namespace": workload["metadata"]["namespace"]},
        "spec": {**template["spec"], "nodeName": node},
    }


class Node(Host):
    """One whose pods are run by Docker Engine: a container that sleeps holds its network."""

    def __init__(self, server: ApiServer, engine: DockerEngine, name: str, number: int, site: str, files: Path) -> None:
        super().__init__(name, number, site)
        self._server, self._engine, self._files = server, engine, files / name
        self._holder = f"node-{name}"
        self._generation = 0
        options = ("--detach", f"--name={self._holder}", "--network=none", "--cap-drop=ALL")
        engine.docker("run", *options, "bgpctl:test", "sleep", "infinity")
        ip("netns", "attach", self.namespace, str(engine.process_of(self._holder)))
        self.wire()

    def run(self, workload: dict[str, Any]) -> ContainerPod:
        """The next pod of a DaemonSet or Deployment on this node; the node's objects are in the API."""
        self._generation += 1
        pod = pod_of(workload, f"{workload['metadata']['name']}-{self.name}-{self._generation}", self.name)
        calico_crds.apply(self._server, pod)
        words = ("get", "pod", pod["metadata"]["name"], f"--namespace={pod['metadata']['namespace']}", "--output=json")
        found = ContainerPod(self._server, self._engine, json.loads(calico_crds.run(self._server, *words)), self._files)
        found.run(self._holder, self.address)
        return found

    def probe(self, pod: ContainerPod, name: str) -> bool:
        """Asks as the kubelet of this node does: livenessProbe or readinessProbe."""
        if "exec" in pod.container[name]:
            command = pod.container[name]["exec"]["command"]
            return self._engine.try_docker("exec", pod.name, *command).returncode == 0
        asked = pod.container[name]["httpGet"]
        (port,) = [each["containerPort"] for each in pod.container["ports"] if each["name"] == asked["port"]]
        url = f"http://{asked.get('host', self.address)}:{port}{asked['path']}"
        with inside(self.namespace):
            try:
                with urllib.request.urlopen(url, timeout=pod.container[name]["timeoutSeconds"]) as answer:
                    return bool(answer.status == 200)
            except (urllib.error.URLError, OSError):
                return False

    def close(self) -> None:
        super().close()
        self._engine.docker("rm", "--force", self._holder)
