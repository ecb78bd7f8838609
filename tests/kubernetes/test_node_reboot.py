"""A node is drained and reboots, as docs/drain.md has it: what that costs pods of other nodes, and whether it is back.

The node has its Kubernetes Node, the pod of its agent as the DaemonSet makes it, and a pod of a workload: kubectl
cordons and drains it. A reboot is links down, no process, none of our routes and devices, and an empty /run; what is
left is the file in --state-dir.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import yaml
from cluster_lab import ClusterLab, lab_with_controller
from kubernetes_node import KubernetesNode
from segment import eventually

from bgpctl.lab.traffic.probe import Flow, Probe
from labs.bench.kubernetes import controller_process
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.network import inside
from reflector.drain import Stage

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

Record = Callable[[str, object], None]
RATE = 50.0
# A node of a rack, a dedicated reflector, and a node that reflects.
QUICKSTART, REFLECTING = "quickstart", "reflectors-on-nodes"
NODES = [pytest.param(QUICKSTART, "a1"), pytest.param(QUICKSTART, "rr1"), pytest.param(REFLECTING, "n1")]


@pytest.fixture(scope="module")
def lab_named(
    request: pytest.FixtureRequest,
    cluster: ApiServer,
    api_server_network: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ClusterLab]:
    name: str = request.param
    with inside(api_server_network), lab_with_controller(cluster, name, tmp_path_factory.mktemp(name)) as lab:
        yield lab


@contextmanager
def no_packet_lost_elsewhere(lab: ClusterLab, node: str, what: str, record: Record) -> Iterator[None]:
    """Between the pods of all other nodes, each to each."""
    pods = yaml.safe_load((lab.topology.file.parent / "expectations.yml").read_text())["pings"]
    pods.pop(f"pod-{node}", None)
    flows = [Flow(a, lab.namespace(a), pods[b]) for a in pods for b in pods if a != b]
    with Probe.start(flows, RATE) as probe:
        yield
        report = probe.stop()
    record(f"{what}: packets lost", report.lost)
    print(f"{what}: {report}")  # noqa: T201  the figure
    assert report.sent > len(flows) * RATE
    assert report.lost == 0, report


@pytest.fixture
def kubernetes_node(api_server: ApiServer, lab_named: ClusterLab, node: str) -> Iterator[KubernetesNode]:
    made = KubernetesNode(api_server, node)
    yield made
    made.remove()


def bgpctl(lab: ClusterLab, node: str, *words: str) -> str:
    """As in the agent's container."""
    command = ["ip", "netns", "exec", lab.namespace(node), str(controller_process.BGPCTL), *words]
    run_directory = f"--run-dir={lab.state.node_directory(node)}"
    done = subprocess.run([*command, run_directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def is_back(lab: ClusterLab, node: str) -> None:
    """It is in use, and its own pod answers."""
    lab.until_all_established()
    lab.is_as_expected()
    assert lab.status(node).drain is None


@pytest.mark.parametrize(("lab_named", "node"), NODES, indirect=["lab_named"])
def test_a_node_that_is_drained_and_reboots_costs_pods_elsewhere_no_packet(
    lab_named: ClusterLab, node: str, kubernetes_node: KubernetesNode, record_property: Record
) -> None:
    """Between the end of its agent and the reboot the kubelet starts the agent's container once more."""
    lab = lab_named
    with no_packet_lost_elsewhere(lab, node, f"{node} is drained and reboots", record_property):
        kubernetes_node.drain()
        printed = bgpctl(lab, node, "drain", "--stop", "--wait=1", "--reason=kernel upgrade")
        assert "speaker and agent have ended" in printed
        lab.up()
        lab.until_all_established()
        drained = lab.status(node).drain
        assert drained is not None
        assert (drained.stage, drained.reason) == (Stage.WITHDRAWN, "kernel upgrade")
        lab.power_off(node)
        lab.power_on(node)
        is_back(lab, node)
        kubernetes_node.uncordon()
    assert not kubernetes_node.is_unschedulable


@pytest.mark.parametrize(("lab_named", "node"), NODES, indirect=["lab_named"])
def test_a_node_that_reboots_undrained_and_without_the_api_server_costs_pods_elsewhere_no_packet(
    lab_named: ClusterLab, node: str, record_property: Record
) -> None:
    """It comes back with what is on its disk."""
    lab = lab_named
    with no_packet_lost_elsewhere(lab, node, f"{node} reboots, and no API server answers", record_property):
        lab.relay.close()
        try:
            lab.power_off(node)
            lab.power_on(node)
            is_back(lab, node)
            problems = [each.message for each in lab.status(node).problems]
            assert any("in use is the NodePlan" in each for each in problems), problems
        finally:
            lab.relay.open()
        eventually(lambda: not lab.status(node).problems, "the API server is back", within=40)
