"""The pods of config/ run for real: containers with exactly their command, security context, mounts and probes.

The API server is real, and traffic passes through the nodes.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import container_site
import deployed
import pytest
from container_pod import ContainerPod
from container_site import Node
from docker_engine import DockerEngine
from segment import eventually

from bgpctl.lab.traffic.probe import Flow, Probe, Report
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.network import network_namespace

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(1200)]

RESOURCES = [
    {
        "apiVersion": "projectcalico.org/v3", "kind": "BGPConfiguration", "metadata": {"name": "default"},
        "spec": {"asNumber": 64512, "nodeToNodeMeshEnabled": False},
    },
    {
        "apiVersion": "projectcalico.org/v3", "kind": "BGPPeer", "metadata": {"name": "nodes-to-reflectors"},
        "spec": {"nodeSelector": "!has(bgpctl.io/reflector)", "peerSelector": "has(bgpctl.io/reflector)"},
    },
    {
        "apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "pods"},
        "spec": {"cidr": "10.64.0.0/16", "ipipMode": "Never", "vxlanMode": "Never"},
    },
]  # fmt: skip
NODES, REFLECTOR = ("n1", "n2"), "r1"


class Site:
    """Two nodes with an agent, one with a reflector, and a controller on one of them."""

    def __init__(self, server: ApiServer, engine: DockerEngine, namespace: str, files: Path) -> None:
        self.server, self.engine = server, engine
        self.workloads = deployed.workloads(server, "default", "reflector", "uninstall")
        self.nodes = {
            name: Node(server, engine, name, number, namespace, files)
            for number, name in enumerate((*NODES, REFLECTOR), 11)
        }
        for name, node in self.nodes.items():
            calico_crds.apply(server, *node.objects("244.0.0.1" if name == REFLECTOR else ""))
        calico_crds.apply(server, *RESOURCES)
        self.controller = self.nodes["n1"].run(self.workloads["Deployment", "bgpctl-controller"])
        self.pods = {name: node.run(self.workload_of(name)) for name, node in self.nodes.items()}

    def workload_of(self, name: str) -> dict[str, Any]:
        key = ("Deployment", "bgpctl-reflector") if name == REFLECTOR else ("DaemonSet", "bgpctl-agent")
        return dict(self.workloads[key])

    def replace(self, name: str) -> None:
        """What a rolling update does: the pod is gone before the next one is made."""
        self.pods[name].stop()
        self.pods[name].remove()
        self.pods[name] = self.nodes[name].run(self.workload_of(name))

    def is_whole(self) -> bool:
        return all(self.nodes[name].probe(pod, "readinessProbe") for name, pod in self.pods.items()) and all(
            self.sessions(name) == expected for name, expected in (("n1", 1), ("n2", 1), (REFLECTOR, 2))
        )

    def sessions(self, name: str) -> int:
        done = self.engine.try_docker("exec", self.pods[name].name, "bgpctl", "peers", "-o", "json")
        return done.stdout.count('"Established"') if done.returncode == 0 else 0

    def until_whole(self) -> None:
        def last_words() -> str:
            return "\n".join(f"{name}: {pod.log()[-3000:]}" for name, pod in self.pods.items())

        try:
            eventually(self.is_whole, "every pod is ready and every session Established", within=90)
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure}\ncontroller: {self.controller.log()[-3000:]}\n{last_words()}")

    def flows(self) -> tuple[Flow, ...]:
        one, other = (self.nodes[name] for name in NODES)
        return (
            Flow("n1", one.traffic, other.traffic_address),
            Flow("n2", other.traffic, one.traffic_address),
        )

    def close(self) -> None:
        for pod in (*self.pods.values(), self.controller):
            self.engine.docker("rm", "--force", pod.name)
        for node in self.nodes.values():
            node.close()


@pytest.fixture(scope="module")
def site(engine: DockerEngine, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    files = tmp_path_factory.mktemp("site")
    with network_namespace(f"site-{os.getpid()}") as namespace:
        container_site.prepare_network(namespace)
        address = container_site.API_SERVER_ADDRESS
        with deployed.server_with_deployment(namespace, files / "api-server", address) as server:
            made = Site(server, engine, namespace, files)
            try:
                yield made
            finally:
                made.close()


@pytest.fixture
def whole(site: Site) -> Site:
    site.until_whole()
    return site


@contextmanager
def no_packet_lost(site: Site, what: str, record: Callable[[str, object], None]) -> Iterator[None]:
    with Probe.start(site.flows()) as probe:
        began = time.monotonic()
        yield
        site.until_whole()
        # What a sweep takes away may be wrong only after everything is back.
        time.sleep(1.0)
        report: Report = probe.stop()
    record(what, f"{report}, whole after {time.monotonic() - began:.1f} s")
    assert report.lost == 0, report


def status_of(pod: ContainerPod, process: str) -> dict[str, str]:
    lines = pod.execute("cat", f"/proc/{process}/status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def processes(pod: ContainerPod) -> dict[str, str]:
    """Number of each process -> its command line."""
    script = 'for p in /proc/[0-9]*; do echo "${p#/proc/} $(tr "\\0" " " <$p/cmdline)"; done'
    lines = pod.execute("sh", "-c", script).splitlines()
    return {number: command for number, _, command in (line.partition(" ") for line in lines)}


def process_of(pod: ContainerPod, words: str) -> str:
    (found,) = [
        number for number, command in processes(pod).items() if words in command and "start-bgpctl" not in command
    ]
    return found


def test_pods_are_ready_and_traffic_passes(whole: Site) -> None:
    for name, pod in whole.pods.items():
        assert whole.nodes[name].probe(pod, "livenessProbe")
    with Probe.start(whole.flows()) as probe:
        time.sleep(0.5)
        report = probe.stop()
    assert report.sent > 0
    assert report.lost == 0, report


def test_processes_have_what_the_manifest_gives_them_and_nothing_else(whole: Site) -> None:
    for name in ("n1", REFLECTOR):
        pod = whole.pods[name]
        agent, speaker = (
            status_of(pod, process_of(pod, "bgpctl agent")),
            status_of(pod, process_of(pod, "-m reflector")),
        )
        assert (agent["Seccomp"], agent["NoNewPrivs"], agent["Uid"].split()[0]) == ("2", "1", "0")
        # CHOWN, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, and NET_ADMIN on a node.
        assert agent["CapEff"] == agent["CapBnd"] == ("00000000000005e1" if name == REFLECTOR else "00000000000015e1")
        assert (speaker["CapEff"], speaker["CapBnd"], speaker["Uid"].split()[0]) == ("0" * 16, "0" * 16, "17900")
        assert whole.engine.try_docker("exec", pod.name, "touch", "/opt/bgpctl/x").returncode != 0
    controller = status_of(whole.controller, "1")
    assert (controller["CapEff"], controller["CapBnd"], controller["Uid"].split()[0]) == ("0" * 16, "0" * 16, "17900")


@pytest.mark.parametrize("name", ["n1", REFLECTOR])
def test_a_pod_that_is_replaced_costs_no_packet(
    whole: Site, name: str, record_property: Callable[[str, object], None]
) -> None:
    with no_packet_lost(whole, f"pod of {name} replaced", record_property):
        whole.replace(name)


def test_an_agent_that_is_killed_leaves_its_speaker_and_costs_no_packet(
    whole: Site, record_property: Callable[[str, object], None]
) -> None:
    pod = whole.pods["n1"]
    agent, speaker = process_of(pod, "bgpctl agent"), process_of(pod, "-m reflector")
    with no_packet_lost(whole, "agent killed", record_property):
        pod.execute("sh", "-c", f"kill -KILL {agent}")
        eventually(lambda: agent not in processes(pod), "it is gone")
        eventually(
            lambda: "speaker ready" in pod.log().rpartition("ended with status 137")[2], "the next one is there", 30
        )
    assert process_of(pod, "-m reflector") == speaker
    assert process_of(pod, "bgpctl agent") != agent


def test_a_signal_replaces_the_agent_alone(whole: Site, record_property: Callable[[str, object], None]) -> None:
    """kubectl exec POD -- sh -c 'kill -USR2 1'"""
    pod = whole.pods["n2"]
    agent, speaker = process_of(pod, "bgpctl agent"), process_of(pod, "-m reflector")
    with no_packet_lost(whole, "agent replaced", record_property):
        pod.execute("sh", "-c", "kill -USR2 1")
        eventually(lambda: agent not in processes(pod), "it is gone", within=30)
    assert process_of(pod, "-m reflector") == speaker


def test_a_pod_starts_without_the_api_server(whole: Site, record_property: Callable[[str, object], None]) -> None:
    """Its plan is on the node."""
    with no_packet_lost(whole, "pod restarted without the API server", record_property):
        whole.server.kill_api_server()
        try:
            whole.pods["n1"].restart()
            whole.until_whole()
        finally:
            whole.server.start_api_server()


def test_a_pod_that_ends_gives_its_processes_time(whole: Site) -> None:
    began = time.monotonic()
    whole.replace("n2")
    assert time.monotonic() - began < 20, "SIGTERM was answered, the grace period of 30 s was not needed"
    whole.until_whole()


def test_a_node_that_is_given_back_has_nothing_of_bgpctl(whole: Site) -> None:
    """The last test: the node has no agent afterwards. While one runs, nothing is removed."""
    node, workload = whole.nodes["n2"], dict(whole.workloads["DaemonSet", "bgpctl-uninstall"])
    uninstall = node.run(workload)
    eventually(lambda: "in another container" in uninstall.log(), "it is refused beside an agent", within=30)
    whole.until_whole()
    pod = whole.pods.pop("n2")
    pod.stop()
    pod.remove()
    eventually(lambda: node.probe(uninstall, "readinessProbe"), "it is ready: nothing is left", within=60)
    uninstall.remove()
    listed = subprocess.run(
        ["ip", "-n", node.namespace, "route", "show", "table", "all", "proto", "179"], capture_output=True, check=True
    )
    assert listed.stdout == b""
