"""Commands that read a cluster in place of a directory: the same answers, and what they say when there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from watched_cluster import Object, Writer, block, calico, node

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.calico_crds import V3

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

NODES = [node("a1", "10.0.0.1/24"), node("a2", "10.0.0.2/24")]
OTHERS = [calico("IPPool", "pods", cidr="10.100.0.0/16"), block(0), calico("BGPConfiguration", "default")]


def bgpctl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("bgpctl"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def calico_server(api_server: ApiServer) -> Iterator[ApiServer]:
    calico_crds.install(api_server, V3)
    yield api_server
    calico_crds.remove(api_server, V3)


@pytest.fixture
def kubeconfig(calico_server: ApiServer, inside_its_network: None) -> Iterator[Path]:
    """Of a cluster with two nodes in a mesh."""
    writer = Writer(calico_server)
    writer.put(*NODES, *OTHERS)
    yield calico_server.admin_kubeconfig
    calico_server.start_what_was_killed()
    writer.delete(*NODES, *OTHERS)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The same cluster as files."""
    return written(tmp_path / "resources", *NODES, *OTHERS)


def written(directory: Path, *objects: Object) -> Path:
    directory.mkdir()
    (directory / "cluster.json").write_text("\n".join(map(json.dumps, objects)) + "\n")
    return directory


def test_a_cluster_and_its_directory_give_the_same_answers(kubeconfig: Path, directory: Path) -> None:
    cluster = ["--kubeconfig", kubeconfig]
    assert bgpctl("validate", *cluster).stdout == "5 resources, 0 errors, 0 warnings\n"
    for words in (["compile", "--node", "a1", "-o", "json"], ["proof"]):
        here, there = bgpctl(*words, *cluster), bgpctl(*words, directory)
        assert (here.stdout, here.returncode) == (there.stdout, there.returncode)
        assert here.stdout
    assert bgpctl("diff", *cluster, directory).returncode == 0


def test_what_a_directory_would_change_in_a_cluster(kubeconfig: Path, tmp_path: Path) -> None:
    new = written(tmp_path / "new", NODES[0], *OTHERS)
    done = bgpctl("diff", "--kubeconfig", kubeconfig, new)
    assert (done.returncode, "Node a2 is missing" in done.stdout) == (3, True)


def test_without_a_cluster_the_status_is_two(kubeconfig: Path, calico_server: ApiServer) -> None:
    calico_server.kill_api_server()
    for words in (["validate"], ["proof"], ["compile", "--node", "a1"]):
        done = bgpctl(*words, "--kubeconfig", kubeconfig)
        assert (done.returncode, "cannot read the cluster of" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["validate"], "give a file or directory of resources, or a cluster"),
        (["proof", "x", "--in-cluster"], "not both"),
        (["proof", "--in-cluster", "--kubeconfig", "x"], "not both"),
        (["proof", "x", "--context", "y"], "not both"),
        (["proof", "--context", "x", "--in-cluster"], "not both"),
        (["diff", "x"], "give OLD and NEW, or a cluster"),
        (["diff", "x", "y", "--in-cluster"], "give OLD and NEW, or a cluster"),
        (["validate", "--kubeconfig", "/nowhere"], "cannot use the access to /nowhere"),
    ],
)
def test_what_is_no_question(words: list[str], message: str) -> None:
    done = bgpctl(*words)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
