"""`bgpctl snapshot`, run as a person runs it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from snapshots import CLUSTER

BGPCTL = Path(sys.executable).with_name("bgpctl")


def bgpctl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BGPCTL, *words], capture_output=True, text=True, check=False, timeout=60, cwd=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "cluster.yaml").write_text(CLUSTER)
    return tmp_path


def test_an_archive_with_its_digest(folder: Path) -> None:
    done = bgpctl(folder, "snapshot", "resources", "-o", "s.tar.gz")
    assert (done.returncode, done.stderr) == (0, "")
    octets = (folder / "s.tar.gz").read_bytes()
    lines = done.stdout.splitlines()
    assert lines[-1] == f"s.tar.gz: {len(octets)} octets, SHA-256 {hashlib.sha256(octets).hexdigest()}"
    assert "       2 Node" in lines
    assert "  Secret kube-system/bgp (mesh, tor): named, and not in the archive" in lines
    assert (folder / "s.tar.gz").stat().st_mode & 0o777 == 0o600


def test_without_a_name_it_has_the_time_in_its_name(folder: Path) -> None:
    assert bgpctl(folder, "snapshot", "resources", "--with-secrets").returncode == 0
    (archive,) = folder.glob("*.tar.gz")
    assert archive.name.startswith("bgpctl-snapshot-2")


def test_what_tar_unpacks_is_a_directory_of_resources(folder: Path) -> None:
    bgpctl(folder, "snapshot", "resources", "-o", "s.tar.gz", "--with-secrets")
    (folder / "out").mkdir()
    subprocess.run(["tar", "-xzf", "../s.tar.gz"], cwd=folder / "out", check=True)
    assert bgpctl(folder, "diff", "resources", "out/resources").returncode == 0


def test_what_is_there_is_not_written_over(folder: Path) -> None:
    (folder / "s.tar.gz").write_text("mine")
    done = bgpctl(folder, "snapshot", "resources", "-o", "s.tar.gz")
    assert (done.returncode, (folder / "s.tar.gz").read_text()) == (2, "mine")
    assert "s.tar.gz is there already" in done.stderr


def test_an_archive_is_whole_or_there_is_none(folder: Path) -> None:
    (folder / "resources" / "bad.yaml").write_text("a: [")
    done = bgpctl(folder, "snapshot", "resources", "-o", "s.tar.gz")
    assert (done.returncode, done.stdout) == (1, "")
    assert "resources/bad.yaml:1" in done.stderr
    assert [each.name for each in folder.iterdir()] == ["resources"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give a file or directory of resources, or a cluster"),
        (["resources", "--in-cluster"], "not both"),
        (["/nowhere"], "cannot read resources from /nowhere"),
        (["resources", "-o", "/nowhere/s.tar.gz"], "cannot write /nowhere/s.tar.gz"),
        (["--kubeconfig", "/nowhere"], "cannot use the access to /nowhere"),
    ],
)
def test_what_is_not_ready(words: list[str], message: str, folder: Path) -> None:
    done = bgpctl(folder, "snapshot", *words)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
