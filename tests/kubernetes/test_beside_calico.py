"""The commands of docs/beside-calico.md against a real API server: the export, what is asked of it, the DaemonSets.

The resources are those of labs/mixed-cluster, the output of BIRD is n2's there. Calico's DaemonSet is one of its shape:
no kubelet and no controller runs here, so its pods never do.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from watched_cluster import Object, Writer, calico, information, node

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.calico_crds import V1
from labs.bench.kubernetes.network import inside

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "beside-calico.md").read_text()
PASTED = ROOT / "tests" / "comparison" / "pasted" / "bird2-n2-show-route-all.txt"
GROUP = f"{V1[0]}/{V1[1]}"
NODES = [node(f"n{each}", f"10.3.0.{each}/24") for each in (1, 2, 3, 4)]
CLUSTER: list[Object] = [
    *NODES,
    calico("IPPool", "pods", GROUP, cidr="10.244.0.0/16", blockSize=26, ipipMode="Never", vxlanMode="Never"),
    calico("BGPConfiguration", "default", GROUP, asNumber=64512, nodeToNodeMeshEnabled=True),
    calico("FelixConfiguration", "default", GROUP, bpfEnabled=False),
    information(GROUP),
    *(
        calico("BlockAffinity", f"n{each}-10-244-{each}-0-26", GROUP, node=f"n{each}", cidr=f"10.244.{each}.0/26")
        for each in (1, 2, 3, 4)
    ),
]
BACKEND = {"name": "CALICO_NETWORKING_BACKEND", "valueFrom": {"configMapKeyRef": {"name": "calico-config", "key": "b"}}}
HEALTH = ["calico", "component", "node", "health"]
CONTAINER = {
    "name": "calico-node",
    "image": "calico",
    "env": [{"name": "DATASTORE_TYPE", "value": "kubernetes"}, BACKEND, {"name": "IP", "value": "autodetect"}],
    "livenessProbe": {"exec": {"command": [*HEALTH, "--felix-live", "--bird-live"]}},
    "readinessProbe": {"exec": {"command": [*HEALTH, "--felix-ready", "--bird-ready"]}},
}
DAEMON_SET = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "calico-node", "namespace": "kube-system", "labels": {"k8s-app": "calico-node"}},
    "spec": {
        "selector": {"matchLabels": {"k8s-app": "calico-node"}},
        "template": {
            "metadata": {"labels": {"k8s-app": "calico-node"}},
            "spec": {"hostNetwork": True, "nodeSelector": {"kubernetes.io/os": "linux"}, "containers": [CONTAINER]},
        },
    },
}


def commands(beginning: str) -> list[str]:
    """Of the page's code blocks, without what is written behind `#`."""
    lines = [
        line for block in re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
    ]
    return [line.partition("     #")[0].strip() for line in lines if line.startswith(beginning)]


@pytest.fixture(scope="module")
def cluster(api_server: ApiServer, api_server_network: str) -> Iterator[ApiServer]:
    with inside(api_server_network):
        calico_crds.install(api_server, V1)
        Writer(api_server).put(*CLUSTER)
    yield api_server
    with inside(api_server_network):
        Writer(api_server).delete(*NODES)
        calico_crds.remove(api_server, V1)


def bgpctl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("bgpctl"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def kubectl(server: ApiServer, line: str) -> str:
    """A command line of the page, which begins with kubectl."""
    words = shlex.split(line.replace("$G", V1[0]).partition(" > ")[0])
    return calico_crds.run(server, *words[1:])


def test_the_export_is_read_and_says_of_a_node_what_its_bird_has(cluster: ApiServer, tmp_path: Path) -> None:
    resources, services = (tmp_path / name for name in ("cluster.yaml", "services.yaml"))
    (first, second) = commands("kubectl get -o yaml")
    resources.write_text(kubectl(cluster, first))
    services.write_text(kubectl(cluster, second))

    validated = bgpctl("validate", resources, services)
    proved = bgpctl("proof", resources)
    compared = bgpctl("compare", resources, "--node", "n2", "--birdc", PASTED)

    assert (validated.returncode, " 0 errors" in validated.stdout) == (0, True), validated.stdout
    assert (proved.returncode, "complete: every prefix reaches every node" in proved.stdout) == (0, True)
    assert (compared.returncode, compared.stdout.splitlines()[0]) == (0, "n2: routes: 4 same, 2 left out")


def test_the_cluster_itself_gives_the_same_answer(cluster: ApiServer) -> None:
    compared = bgpctl("compare", "--kubeconfig", cluster.admin_kubeconfig, "--node", "n2", "--birdc", PASTED)
    assert (compared.returncode, compared.stdout.splitlines()[0]) == (0, "n2: routes: 4 same, 2 left out")


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_the_daemon_sets_divide_the_nodes_and_one_of_them_has_no_bird(cluster: ApiServer, tmp_path: Path) -> None:
    calico_crds.apply(cluster, DAEMON_SET)
    program = tmp_path / "without-bird.jq"
    (text,) = re.findall(r"^```jq\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    program.write_text(text)
    on_delete, not_there = commands("kubectl -n kube-system patch daemonset")
    (copied,) = commands("kubectl -n kube-system get daemonset")
    kubectl(cluster, on_delete)
    found = kubectl(cluster, copied.partition(" | ")[0])
    made = subprocess.run(["jq", "-f", program], input=found, capture_output=True, text=True, check=True).stdout
    calico_crds.run(cluster, "apply", "-f", "-", stdin=made)
    kubectl(cluster, not_there)

    old, new = (daemon_set(cluster, name) for name in ("calico-node", "calico-node-without-bird"))
    assert (terms(old), terms(new)) == (
        [{"key": "bgpctl.io/agent", "operator": "DoesNotExist"}],
        [{"key": "bgpctl.io/agent", "operator": "Exists"}],
    )
    assert old["spec"]["updateStrategy"]["type"] == "OnDelete"
    (container,) = new["spec"]["template"]["spec"]["containers"]
    assert {each["name"]: each.get("value") for each in container["env"]} == {
        "DATASTORE_TYPE": "kubernetes",
        "CALICO_NETWORKING_BACKEND": "vxlan",
        "IP": "autodetect",
    }
    probes = [container[name]["exec"]["command"] for name in ("livenessProbe", "readinessProbe")]
    assert probes == [[*HEALTH, "--felix-live"], [*HEALTH, "--felix-ready"]]
    calico_crds.run(cluster, "-n", "kube-system", "delete", "daemonset", "calico-node", "calico-node-without-bird")


def daemon_set(server: ApiServer, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        calico_crds.run(server, "-n", "kube-system", "get", "daemonset", name, "-o", "json")
    )
    return found


def terms(found: dict[str, Any]) -> list[dict[str, Any]]:
    affinity = found["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    expressions: list[dict[str, Any]] = term["matchExpressions"]
    return expressions
