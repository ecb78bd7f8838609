"""Nodes of a cluster on one machine: their pods run in containers, the API server is real, and traffic passes.

    node     a network namespace, held by a container that sleeps, with a directory for its host paths; on one bridge
    pod      a Pod object, made of a workload's template and bound to the node, and the container that a kubelet runs
    traffic  a network namespace with an address of the node's block, wired as Calico's CNI plugin wires a workload

There are no kubelet and no scheduler: which pod runs where, and when one is replaced, is for the test to say.
"""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import calico_crds
from api_server import ApiServer
from container_pod import ContainerPod
from docker_engine import DockerEngine
from network import inside

API_SERVER_ADDRESS = "10.9.0.254"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def prepare_network(namespace: str) -> None:
    """The bridge of the nodes, in the API server's network, with its address."""
    ip("-n", namespace, "link", "add", "nodes", "type", "bridge")
    ip("-n", namespace, "address", "add", f"{API_SERVER_ADDRESS}/24", "dev", "nodes")
    ip("-n", namespace, "link", "set", "nodes", "up")


class Node:
    """`number` is the last octet of its address; `block` the one that its traffic is in."""

    def __init__(self, server: ApiServer, engine: DockerEngine, name: str, number: int, site: str, files: Path) -> None:
        self.name = name
        self.address = f"10.9.0.{number}"
        self.block = f"10.64.{number}.0/26"
        self.namespace = f"{site}-{name}"
        self.traffic = f"{site}-{name}-pod"
        self.traffic_address = f"10.64.{number}.2"
        self._server, self._engine, self._files = server, engine, files / name
        self._holder = f"node-{name}"
        self._generation = 0
        self._make(site)

    def run(self, workload: dict[str, Any]) -> ContainerPod:
        """The next pod of a DaemonSet or Deployment on this node."""
        self._generation += 1
        template = workload["spec"]["template"]
        name = f"{workload['metadata']['name']}-{self.name}-{self._generation}"
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": name, "namespace": workload["metadata"]["namespace"]},
            "spec": {**template["spec"], "nodeName": self.name},
        }
        calico_crds.apply(self._server, pod)
        words = ("get", "pod", name, f"--namespace={pod['metadata']['namespace']}", "--output=json")
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

    def _make(self, site: str) -> None:
        calico_crds.apply(self._server, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name}})
        self._engine.docker(
            "run",
            "--detach",
            f"--name={self._holder}",
            "--network=none",
            "--cap-drop=ALL",
            "bgpctl:test",
            "sleep",
            "infinity",
        )
        ip("netns", "attach", self.namespace, str(self._engine.process_of(self._holder)))
        port = f"to-{self.name}"
        ip("link", "add", "eth0", "netns", self.namespace, "type", "veth", "peer", "name", port, "netns", site)
        ip("-n", site, "link", "set", port, "master", "nodes", "up")
        ip("-n", self.namespace, "address", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", self.namespace, "link", "set", "eth0", "up")
        self._set("net.ipv4.ip_forward=1")
        self._make_traffic()

    def _make_traffic(self) -> None:
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

    def _set(self, *settings: str) -> None:
        words = ["ip", "netns", "exec", self.namespace, "sysctl", "--quiet", "--write", *settings]
        subprocess.run(words, check=True)

    def close(self) -> None:
        ip("netns", "del", self.traffic)
        ip("netns", "del", self.namespace)
        self._engine.docker("rm", "--force", self._holder)
