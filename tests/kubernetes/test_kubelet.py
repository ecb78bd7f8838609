"""The DaemonSet's pod run by a real kubelet: its probes, its way to end a pod and to start a container once more."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import container_image
import container_site
import deployed
import kubelet_node
import pytest
from commands import bgpctl
from container_site import Node, pod_of
from docker_engine import DockerEngine
from kubelet_node import KubeletNode
from segment import eventually

from bgpctl.lab.traffic.probe import Flow, Probe
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import PROGRAMS, ApiServer
from labs.bench.kubernetes.network import inside, network_namespace

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(1200)]

RESOURCES = [
    {
        "apiVersion": "projectcalico.org/v3", "kind": "BGPConfiguration", "metadata": {"name": "default"},
        "spec": {"asNumber": 64512},
    },
    {
        "apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "pods"},
        "spec": {"cidr": "10.64.0.0/16", "ipipMode": "Never", "vxlanMode": "Never"},
    },
]  # fmt: skip
NAMESPACE = f"--namespace={deployed.SYSTEM}"


class Cluster:
    """A mesh of two nodes: the pods of k1 are a kubelet's, those of n2 (agent and controller) Docker Engine's."""

    def __init__(self, server: ApiServer, engine: DockerEngine, namespace: str, files: Path) -> None:
        self.server, self.network = server, namespace
        self.workloads = deployed.workloads(server, "default")
        self.agent = self.workloads["DaemonSet", "bgpctl-agent"]
        calico_crds.apply(server, *RESOURCES)
        images = [files / "bgpctl.tar", files / "pause.tar"]
        engine.docker("tag", "bgpctl:test", self._image)
        engine.docker("save", f"--output={images[0]}", self._image)
        engine.docker("import", '--change=CMD ["/bin/sleep", "infinity"]', container_image.BASE, kubelet_node.PAUSE)
        engine.docker("save", f"--output={images[1]}", kubelet_node.PAUSE)
        self.n2 = Node(server, engine, "n2", 12, namespace, files)
        calico_crds.apply(server, *self.n2.objects())
        self.pods_of_n2 = [
            self.n2.run(each) for each in (self.workloads["Deployment", "bgpctl-controller"], self.agent)
        ]
        self.k1 = KubeletNode(server, "k1", 11, namespace, files / "k1", images)
        calico_crds.apply(server, *self.k1.objects())
        self.k1.until_registered()
        self._generation = 0
        self.start_pod()

    @property
    def _image(self) -> str:
        return str(self.agent["spec"]["template"]["spec"]["containers"][0]["image"])

    def start_pod(self) -> None:
        self._generation += 1
        calico_crds.apply(self.server, pod_of(self.agent, self.pod, self.k1.name))

    @property
    def pod(self) -> str:
        return f"bgpctl-agent-{self._generation}"

    def delete_pod(self) -> None:
        """Until the kubelet has ended it."""
        calico_crds.run(self.server, "delete", "pod", self.pod, NAMESPACE)

    def status(self) -> dict[str, Any]:
        found = json.loads(calico_crds.run(self.server, "get", "pod", self.pod, NAMESPACE, "--output=json"))
        return dict((found["status"].get("containerStatuses") or [{}])[0])

    def until_ready(self, restarts: int = 0) -> None:
        def is_ready() -> bool:
            status = self.status()
            return bool(status.get("ready")) and status["restartCount"] == restarts

        try:
            eventually(is_ready, "the kubelet finds the pod ready", within=120)
        except pytest.fail.Exception as failure:
            events = calico_crds.run(self.server, "get", "events", NAMESPACE)
            pytest.fail(f"{failure}\n{self.status()}\n{events[-3000:]}\n{self.k1.log()}")

    def flows(self) -> tuple[Flow, ...]:
        return (
            Flow("k1", self.k1.traffic, self.n2.traffic_address),
            Flow("n2", self.n2.traffic, self.k1.traffic_address),
        )

    def process(self, words: str) -> int:
        """Of k1's network, by its command line: its number on this machine."""
        return next(self.processes(words), 0) or pytest.fail(f"no process {words} on k1")

    def processes(self, words: str) -> Iterator[int]:
        network = Path("/run/netns", self.k1.namespace).stat().st_ino
        for each in Path("/proc").glob("[0-9]*"):
            try:
                command = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command.startswith(words) and (each / "ns/net").stat().st_ino == network:
                    yield int(each.name)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile

    def kubeconfig(self, user: str, *roles: str) -> Path:
        """Of a user with these roles and no others."""
        for role in roles:
            words = (f"{user}-{role}", NAMESPACE, f"--role={role}", f"--user={user}")
            calico_crds.run(self.server, "create", "rolebinding", *words)
        return self.server.client_certificate_kubeconfig(user)

    def bgpctl(self, *words: str, kubeconfig: Path) -> CompletedProcess[str]:
        """As an operator types it, from where the API server can be reached."""
        with inside(self.network):
            return bgpctl(*words, KUBECTL=str(PROGRAMS / "kubectl"), KUBECONFIG=str(kubeconfig))

    def close(self) -> None:
        self.k1.close()
        for pod in self.pods_of_n2:
            pod.remove()
        self.n2.close()


@pytest.fixture(scope="module")
def cluster(engine: DockerEngine, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    files = tmp_path_factory.mktemp("kubelet")
    with network_namespace(f"kubelet-{os.getpid()}") as namespace:
        container_site.prepare_network(namespace)
        address = container_site.API_SERVER_ADDRESS
        with deployed.server_with_deployment(namespace, files / "api-server", address) as server:
            made = Cluster(server, engine, namespace, files)
            yield made
            made.close()


@contextmanager
def no_packet_lost(cluster: Cluster, what: str, record: Callable[[str, object], None]) -> Iterator[None]:
    with Probe.start(cluster.flows()) as probe:
        began = time.monotonic()
        yield
        elapsed = time.monotonic() - began
        # What a sweep takes away may be wrong only after everything is back.
        time.sleep(1.0)
        report = probe.stop()
    record(what, f"{report}, ready after {elapsed:.1f} s")
    assert report.lost == 0, report


def test_a_kubelet_finds_the_pod_ready(cluster: Cluster) -> None:
    cluster.until_ready()
    with Probe.start(cluster.flows()) as probe:
        time.sleep(0.5)
        report = probe.stop()
    assert report.sent > 0
    assert report.lost == 0, report


def test_the_kubelet_gives_its_processes_what_the_manifest_says(cluster: Cluster) -> None:
    cluster.until_ready()
    for words, capabilities, user in (
        ("/opt/bgpctl/bin/python /usr/local/bin/bgpctl agent", "00000000000015e1", "0"),
        ("/opt/bgpctl/bin/python -P -m reflector", "0" * 16, "17900"),
    ):
        lines = Path(f"/proc/{cluster.process(words)}/status").read_text().splitlines()
        status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        assert (status["CapEff"], status["CapBnd"], status["Uid"][0]) == ([capabilities], [capabilities], user)
        assert (status["Seccomp"], status["NoNewPrivs"]) == (["2"], ["1"])


def test_a_pod_that_the_kubelet_replaces_costs_no_packet(
    cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    cluster.until_ready()
    with no_packet_lost(cluster, "pod replaced by a kubelet", record_property):
        cluster.delete_pod()
        cluster.start_pod()
        cluster.until_ready()


def test_a_container_that_the_kubelet_starts_once_more_costs_no_packet(
    cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    cluster.until_ready()
    with no_packet_lost(cluster, "container killed, started by a kubelet", record_property):
        os.kill(cluster.process("/bin/sh /usr/local/bin/start-bgpctl"), 9)
        cluster.until_ready(restarts=1)


def test_the_node_plan_says_what_the_pod_has_come_to(cluster: Cluster) -> None:
    """Written with the token that the kubelet has given the pod, past the policy that holds it to its own node."""
    cluster.until_ready(restarts=1)

    def ready() -> bool:
        found = json.loads(calico_crds.run(cluster.server, "get", "nodeplan", "k1", "--output=json"))
        conditions = {each["type"]: each["status"] for each in found.get("status", {}).get("conditions", ())}
        return conditions.get("Ready") == "True" and found["status"]["sessions"]["summary"] == "1/1"

    eventually(ready, "the condition Ready is True, with the session up", within=60)


# ------------------------------------------------------------------------ asked through the API server

CONNECT = "/opt/bgpctl/bin/python /usr/local/bin/bgpctl connect"
ASKED = {
    "status": ("k1", "1/1"),
    "peers": ("10.9.0.12", "Established"),
    "routes": ("10.64.12.0/26", "10.9.0.12"),
    "explain 10.64.12.2": ("10.64.12.0/26 on k1", "the kernel, for 10.64.12.2"),
    "fib": ("k1", "as desired"),
    "node-status --class=BGP": ("CalicoNodeStatus", "numberEstablishedV4: 1"),
}


@pytest.fixture(scope="module")
def operator(cluster: Cluster) -> Path:
    """With bgpctl-operator-diagnose alone."""
    found = cluster.kubeconfig("diagnoser", "bgpctl-operator-diagnose")
    eventually(
        lambda: cluster.bgpctl("fib", "--node", "k1", "--kubeconfig", str(found), kubeconfig=found).returncode == 0,
        "the role is in force, and the kernel has its routes",
        within=60,
    )
    return found


@pytest.mark.parametrize("command", ASKED)
def test_a_command_asks_the_node_through_kubectl(
    cluster: Cluster, operator: Path, command: str, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    done = cluster.bgpctl(*command.split(), "--node=k1", f"--namespace={deployed.SYSTEM}", kubeconfig=operator)
    record_property(command, f"{time.monotonic() - began:.2f} s")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert [word for word in ASKED[command] if word not in done.stdout] == []


def test_a_node_is_changed_through_kubectl_and_the_audit_log_says_so(cluster: Cluster, operator: Path) -> None:
    def asked(*words: str) -> CompletedProcess[str]:
        return cluster.bgpctl(*words, f"--kubeconfig={operator}", kubeconfig=operator)

    held = asked("confirm", "k1")
    assert (held.returncode, held.stdout) == (1, "k1: nothing is held\n"), held.stderr
    drained = asked("drain", "--node=k1", "--wait=0", "--reason=new disk")
    assert (drained.returncode, drained.stderr) == (0, "")
    assert "k1: what draws traffic here is marked with GRACEFUL_SHUTDOWN; acknowledged by 1 peer" in drained.stdout
    assert "k1 has been drained for" in asked("status", "--node=k1").stdout
    assert asked("drain", "--node=k1", "--undo").stdout == "k1 is in use\n"
    assert asked("journal", "start", "--node=k1").stdout.startswith("recording into /run/bgpctl/k1/journal")
    assert asked("journal", "stop", "--node=k1").returncode == 0
    executed = [each for each in cluster.server.requests() if each.resource == "pods/exec" and each.user == "diagnoser"]
    assert len([each for each in executed if "command=--change" in each.uri]) >= 4
    assert [each for each in executed if "command=--change" not in each.uri], "looking says nothing of the kind"


def test_the_answer_is_that_of_the_machine_itself(cluster: Cluster, operator: Path) -> None:
    words = ("routes", "-o", "json")
    here = cluster.server.kubectl("exec", cluster.pod, NAMESPACE, "--container=agent", "--", "bgpctl", *words)
    there = cluster.bgpctl(*words, "--node=k1", f"--kubeconfig={operator}", kubeconfig=operator)
    assert json.loads(here.stdout)
    assert there.stdout == here.stdout


def test_a_node_that_cannot_be_asked_is_a_line_with_its_reason(cluster: Cluster, operator: Path) -> None:
    """No kubelet reports the pod of n2."""
    done = cluster.bgpctl("status", "--all-nodes", kubeconfig=operator)
    pod = cluster.pods_of_n2[1].name
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()[:3]] == ["NODE", "k1", "n2"]
    why = f"its pod {pod} does not run (Pending)"
    assert f"n2: error: the agent of n2 does not answer: {why}" in done.stdout
    peers = cluster.bgpctl("peers", "--all-nodes", kubeconfig=operator)
    assert peers.returncode == 1
    assert [line.split()[:2] for line in peers.stdout.splitlines()[:2]] == [["NODE", "PEER"], ["k1", "10.9.0.12"]]
    assert f"bgpctl: the speaker of n2 does not answer: {why}" in peers.stderr


def test_whoever_only_reads_learns_which_role_is_lacking(cluster: Cluster) -> None:
    reader = cluster.kubeconfig("reader", "bgpctl-operator-read")
    lacking = "reader may not create pods/exec in the namespace bgpctl-system; the role bgpctl-operator-diagnose"
    eventually(
        lambda: (
            f"the agent of k1 does not answer: {lacking}"
            in cluster.bgpctl("status", "--node=k1", f"--kubeconfig={reader}", kubeconfig=reader).stdout
        ),
        "the role to read is in force, and the one that is lacking is named",
        within=30,
    )
    stranger = cluster.kubeconfig("stranger")
    done = cluster.bgpctl("status", "--all-nodes", kubeconfig=stranger)
    assert done.returncode == 2
    assert "stranger may not list pods in the namespace bgpctl-system" in done.stderr


def test_a_node_is_asked_while_the_routes_of_pods_are_gone(cluster: Cluster, operator: Path) -> None:
    """A rule before those of the kernel drops what is for the blocks of all nodes, on both of them."""
    nodes = (cluster.k1.namespace, cluster.n2.namespace)
    rule = ("to", "10.64.0.0/16", "priority", "0", "blackhole")
    for node in nodes:
        container_site.ip("-n", node, "rule", "add", *rule)
    try:
        with Probe.start(cluster.flows()) as probe:
            done = cluster.bgpctl("peers", "--all-nodes", kubeconfig=operator)
            report = probe.stop()
    finally:
        for node in nodes:
            container_site.ip("-n", node, "rule", "del", *rule)
    assert report.sent > 0
    assert report.lost == report.sent
    assert "Established" in done.stdout


def test_nothing_stays_in_the_pod_of_a_caller_that_is_gone(cluster: Cluster, operator: Path) -> None:
    eventually(lambda: not list(cluster.processes(CONNECT)), "what was asked before has ended")
    words: list[str | Path] = [PROGRAMS / "kubectl", f"--kubeconfig={operator}", NAMESPACE, "exec", "--stdin"]
    words += [cluster.pod, "--container=agent", "--", "bgpctl", "connect", "agent"]
    with inside(cluster.network):
        caller = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with caller:
        eventually(lambda: bool(list(cluster.processes(CONNECT))), "it is connected", within=30)
        caller.kill()
    eventually(lambda: not list(cluster.processes(CONNECT)), "it has ended as well", within=30)
