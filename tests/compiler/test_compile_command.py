"""`bgpctl compile`, run as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BGPCTL = Path(sys.executable).with_name("bgpctl")
RESOURCES = """\
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec: {bgp: {ipv4Address: 10.0.0.1/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b}
spec: {bgp: {ipv4Address: 10.0.0.2/24}}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pool}
spec: {cidr: 192.168.0.0/16}
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: {name: a-block}
spec: {node: a, cidr: 192.168.1.0/26, state: confirmed, deleted: false}
---
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {nodeMeshPassword: {secretKeyRef: {name: bgp, key: mesh}}}
---
apiVersion: v1
kind: Secret
metadata: {name: bgp, namespace: kube-system}
stringData: {mesh: hush-hush}
"""
IN_BASE64 = "aHVzaC1odXNo"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "cluster.yaml").write_text(RESOURCES)
    return tmp_path


def bgpctl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BGPCTL), "compile", str(folder / "resources"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
    )


def test_a_plan_says_what_the_node_runs(folder: Path) -> None:
    done = bgpctl(folder, "--node", "a")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("node a: AS 64512, router ID 10.0.0.1\n")
    assert "10.0.0.2 (b) port 179: AS 64512, ibgp, passive, password" in done.stdout
    assert "192.168.1.0/26 block, priority 1024: block affinity" in done.stdout
    assert "accept inside 192.168.0.0/16 length 16 to 32: IPPool pool" in done.stdout
    assert "blackhole 192.168.1.0/26" in done.stdout


@pytest.mark.parametrize("output", ["plan", "json", "exabgp"])
def test_no_output_shows_a_password_unasked(output: str, folder: Path) -> None:
    done = bgpctl(folder, "--node", "a", "-o", output)

    assert done.returncode == 0
    assert "hush" not in done.stdout
    assert IN_BASE64 not in done.stdout


def test_exabgp_output_has_passwords_when_asked(folder: Path) -> None:
    assert f"md5-password {IN_BASE64};" in bgpctl(folder, "-n", "a", "-o", "exabgp", "--with-passwords").stdout


def test_json_stays_without_passwords_even_then(folder: Path) -> None:
    done = bgpctl(folder, "-n", "a", "-o", "json", "--with-passwords")

    assert json.loads(done.stdout)["sessions"][0]["password"] == {"secret": "hidden"}


def test_all_nodes_are_written_where_only_their_owner_can_read(folder: Path) -> None:
    done = bgpctl(folder, "--all-nodes", "-o", str(folder / "out"), "--with-passwords")

    assert done.returncode == 0
    assert done.stdout.startswith(f"wrote 2 nodes to {folder}/out\n")
    written = sorted(path for path in (folder / "out").rglob("*") if path.is_file())
    assert [str(path.relative_to(folder / "out")) for path in written] == [
        "a/exabgp.conf",
        "a/plan.json",
        "b/exabgp.conf",
        "b/plan.json",
    ]
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    assert json.loads((folder / "out/b/plan.json").read_text())["node"] == "b"


def test_a_node_that_is_not_there_is_an_answer_and_it_is_no(folder: Path) -> None:
    done = bgpctl(folder, "--node", "z")

    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no Node resource named 'z' among 2 nodes" in done.stderr


def test_a_path_that_is_not_there_is_a_world_that_is_not_ready(tmp_path: Path) -> None:
    done = bgpctl(tmp_path, "--node", "a")

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_bad_resource_is_reported_and_does_not_hide_the_others(folder: Path) -> None:
    bad = "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: bad}\nspec: {cidr: nonsense}\n"
    (folder / "resources" / "bad.yaml").write_text(bad)

    done = bgpctl(folder, "--node", "a")

    assert done.returncode == 1
    assert "bad.yaml:4" in done.stderr
    assert "10.0.0.2 (b)" in done.stdout


def test_what_the_compiler_finds_goes_to_standard_error(folder: Path) -> None:
    file = folder / "resources" / "cluster.yaml"
    file.write_text(file.read_text().replace("key: mesh", "key: other"))

    done = bgpctl(folder, "--node", "a")

    assert done.returncode == 0
    assert "has no key 'other'" in done.stdout
    assert "cluster.yaml" in done.stderr
    assert "[password-missing]" in done.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("--node", "a", "--all-nodes"), ("--node", "a", "-o", "xml"), ("--all-nodes",)]
)
def test_contradictions_are_explained(arguments: tuple[str, ...], folder: Path) -> None:
    assert bgpctl(folder, *arguments).returncode == 2
