"""`bgpctl restore` into directories, run as a person runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from snapshots import CLUSTER

BGPCTL = Path(sys.executable).with_name("bgpctl")
# The quickstart's design: without the reflectors' label nothing reaches anything.
NODES = "".join(
    f"""\
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: {name}}}  # {name}
spec: {{bgp: {{ipv4Address: 10.0.0.{number}/24}}}}
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: {{name: {name}}}
spec: {{node: {name}, cidr: 192.168.{number}.0/26, state: confirmed}}
"""
    for number, name in enumerate("abc", 1)
)
MESH = """\
# who peers with whom
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {nodeToNodeMeshEnabled: true}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 192.168.0.0/16}
"""
PEER = """\
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: new}
spec: {peerIP: 10.0.0.99, asNumber: 65099}
"""


def bgpctl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BGPCTL, *words], capture_output=True, text=True, check=False, timeout=60, cwd=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With `resources`, and the archive of them."""
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "nodes.yaml").write_text(NODES)
    (tmp_path / "resources" / "mesh.yaml").write_text(MESH)
    done = bgpctl(tmp_path, "snapshot", "resources", "-o", "s.tar.gz")
    assert done.returncode == 0, done.stderr
    return tmp_path


def texts(folder: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in sorted((folder / "resources").iterdir())}


def test_into_a_new_directory(folder: Path) -> None:
    dry = bgpctl(folder, "restore", "s.tar.gz", "-o", "new")
    assert (dry.returncode, dry.stderr) == (1, "dry run, nothing is written: --apply writes it\n")
    assert not (folder / "new").exists()
    done = bgpctl(folder, "restore", "s.tar.gz", "-o", "new", "--apply")
    assert (done.returncode, done.stderr) == (0, "wrote 8 of 8 objects into new\n")
    assert bgpctl(folder, "diff", "resources", "new").returncode == 0


def test_where_nothing_differs_nothing_is_written(folder: Path) -> None:
    before = texts(folder)
    done = bgpctl(folder, "restore", "s.tar.gz", "-o", "resources", "--apply")
    assert (done.returncode, done.stderr, texts(folder)) == (0, "", before)


def test_objects_are_changed_where_they_stand(folder: Path) -> None:
    """With the difference that `bgpctl diff` shows, and all else in the files as it is."""
    before = texts(folder)
    added = ", prefixAdvertisements: [{cidr: 192.168.0.0/16, communities: ['64512:7']}]}"
    changed = before["mesh.yaml"].replace("Enabled: true}", f"Enabled: true{added}").replace("# who", "# mine: who")
    (folder / "resources" / "mesh.yaml").write_text(changed)
    dry = bgpctl(folder, "restore", "s.tar.gz", "-o", "resources")
    assert (dry.returncode, "configured  1 BGPConfiguration: default" in dry.stdout) == (1, True)
    assert "64512:7" in dry.stdout
    assert texts(folder)["mesh.yaml"] == changed
    done = bgpctl(folder, "restore", "s.tar.gz", "-o", "resources", "--apply")
    assert (done.returncode, done.stderr) == (0, "wrote 1 of 1 objects into resources\n")
    assert texts(folder) == {**before, "mesh.yaml": before["mesh.yaml"].replace("# who", "# mine: who")}


def test_what_came_since_stays_without_prune(folder: Path) -> None:
    before = texts(folder)
    (folder / "resources" / "new.yaml").write_text(PEER)
    assert bgpctl(folder, "restore", "s.tar.gz", "-o", "resources", "--apply").returncode == 0
    assert texts(folder) == {**before, "new.yaml": PEER}
    done = bgpctl(folder, "restore", "s.tar.gz", "-o", "resources", "--apply", "--prune")
    assert (done.returncode, "   deleted  1 BGPPeer: new" in done.stdout) == (0, True)
    assert texts(folder) == before


def test_what_parts_nodes_is_not_written_without_yes(folder: Path) -> None:
    """The archive is of a time without a mesh."""
    mesh = folder / "resources" / "mesh.yaml"
    mesh.write_text(MESH.replace("true", "false"))
    bgpctl(folder, "snapshot", "resources", "-o", "without.tar.gz")
    mesh.write_text(MESH)
    words = ("restore", "without.tar.gz", "-o", "resources", "--apply")
    done = bgpctl(folder, *words)
    assert (done.returncode, mesh.read_text()) == (3, MESH)
    assert "pairs of nodes are no longer reached" in done.stdout
    assert "nothing is written: it parts nodes" in done.stderr
    assert bgpctl(folder, *words, "--yes").returncode == 0
    assert mesh.read_text() == MESH.replace("true", "false")


def test_an_archive_that_is_damaged_is_not_used(folder: Path) -> None:
    archive = folder / "s.tar.gz"
    octets = bytearray(archive.read_bytes())
    octets[len(octets) // 2] ^= 0x55
    archive.write_bytes(octets)
    before = texts(folder)
    done = bgpctl(folder, "restore", "s.tar.gz", "-o", "resources", "--apply")
    assert (done.returncode, done.stdout, texts(folder)) == (2, "", before)
    assert done.stderr.startswith("bgpctl: s.tar.gz cannot be used: it ")


def test_secrets_that_are_not_in_it_are_named(tmp_path: Path) -> None:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "cluster.yaml").write_text(CLUSTER)
    bgpctl(tmp_path, "snapshot", "resources", "-o", "s.tar.gz")
    done = bgpctl(tmp_path, "restore", "s.tar.gz", "-o", "resources")
    assert "not in the archive: Secret kube-system/bgp (mesh, tor), which sessions name" in done.stdout
    assert "hush" not in done.stdout + done.stderr
    assert (tmp_path / "resources" / "cluster.yaml").read_text() == CLUSTER


def test_of_kubernetes_objects_what_the_archive_has_not_stays(tmp_path: Path) -> None:
    (tmp_path / "resources").mkdir()
    file = tmp_path / "resources" / "cluster.yaml"
    file.write_text(CLUSTER)
    bgpctl(tmp_path, "snapshot", "resources", "-o", "s.tar.gz")
    file.write_text(CLUSTER.replace("10.70.0.0/24", "10.71.0.0/24"))
    done = bgpctl(tmp_path, "restore", "s.tar.gz", "-o", "resources", "--apply")
    assert (done.returncode, "configured  1 Node: b" in done.stdout) == (0, True), done.stdout + done.stderr
    assert file.read_text() == CLUSTER


def test_a_directory_that_cannot_be_read_as_a_whole(folder: Path) -> None:
    (folder / "resources" / "bad.yaml").write_text("a: [")
    done = bgpctl(folder, "restore", "s.tar.gz", "-o", "resources", "--apply")
    assert (done.returncode, "cannot be read as a whole" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["s.tar.gz"], "give -o DIR, or a cluster"),
        (["s.tar.gz", "-o", "new", "--in-cluster"], "give -o DIR, or a cluster"),
        (["/nowhere", "-o", "new"], "cannot read /nowhere"),
        (["resources", "-o", "new"], "it is no file"),
        (["resources/mesh.yaml", "-o", "new"], "cannot be used"),
        (["s.tar.gz", "-o", "s.tar.gz"], "is no directory"),
        (["s.tar.gz", "-o", "no/where"], "there is no directory no"),
        (["s.tar.gz", "--kubeconfig", "/nowhere"], "cannot use the access to /nowhere"),
    ],
)
def test_what_is_not_ready(words: list[str], message: str, folder: Path) -> None:
    done = bgpctl(folder, "restore", *words)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
