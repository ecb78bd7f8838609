"""`bgpctl migrate`, run as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dumps import CLUSTER, answer

BGPCTL = Path(sys.executable).with_name("bgpctl")


def bgpctl(*words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([BGPCTL, *words], capture_output=True, text=True, check=False, timeout=60, input=stdin)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "dump.json"
    path.write_text(json.dumps(answer(CLUSTER)))
    return path


def test_without_apply_nothing_is_written(dump: Path) -> None:
    directory = dump.with_name("resources")
    done = bgpctl("migrate", dump, "-o", directory)
    assert (done.returncode, done.stderr) == (0, "dry run, nothing is written: -o DIR --apply writes it\n")
    assert not directory.exists()
    lines = done.stdout.splitlines()
    assert "  BGPPeer/node-a.10-9-0-2: /calico/bgp/v1/host/Node_A/peer_v4/10.9.0.2" in lines
    assert "    renamed: 'Node_A' is 'node-a'" in lines
    assert lines[-1] == "10 resources, 0 lost, 8 left, 0 errors, 0 warnings"


def test_what_is_written_is_valid_and_private(dump: Path) -> None:
    directory = dump.with_name("resources")
    done = bgpctl("migrate", dump, "-o", directory, "--apply")
    assert (done.returncode, done.stderr.startswith("wrote 7 files to")) == (0, True)
    validated = bgpctl("validate", directory)
    assert (validated.returncode, validated.stdout) == (0, "10 resources, 0 errors, 0 warnings\n")
    assert {oct(each.stat().st_mode & 0o777) for each in directory.iterdir()} == {"0o600"}
    assert sorted(each.name for each in dump.parent.iterdir()) == ["dump.json", "resources"]


def test_from_standard_input() -> None:
    done = bgpctl("migrate", "-", stdin=json.dumps(CLUSTER))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "10 resources, 0 lost, 8 left, 0 errors, 0 warnings")


def test_with_one_error_nothing_is_written(dump: Path) -> None:
    dump.write_text(json.dumps({**CLUSTER, "/calico/bgp/v1/host/b/ip_addr_v4": "10.0.0.256"}))
    directory = dump.with_name("resources")
    done = bgpctl("migrate", dump, "-o", directory, "--apply")
    assert done.returncode == 1
    assert f"{dump}: error: /calico/bgp/v1/host/b/ip_addr_v4 $: '10.0.0.256' is not an IP address" in done.stdout
    assert done.stderr == "nothing is written: with an error in it, none of it is\n"
    assert not directory.exists()


def test_a_directory_that_has_something_is_not_written_over(dump: Path) -> None:
    (dump.parent / "resources").mkdir()
    mine = dump.parent / "resources" / "mine.yaml"
    mine.write_text("kept")
    done = bgpctl("migrate", dump, "-o", mine.parent, "--apply")
    assert (done.returncode, "has something in it" in done.stderr) == (2, True)
    assert [each.read_text() for each in mine.parent.iterdir()] == ["kept"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["/nowhere"], "cannot read resources from /nowhere"),
        (["DUMP", "--apply"], "give -o DIR"),
        (["DUMP", "-o", "/nowhere/at/all"], "there is no directory /nowhere/at"),
        (["DUMP", "-o", "/proc/resources", "--apply"], "cannot write /proc/resources"),
    ],
)
def test_what_is_not_ready(words: list[str], message: str, dump: Path) -> None:
    done = bgpctl("migrate", *(dump if word == "DUMP" else word for word in words))
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_the_report_as_data_has_every_object(dump: Path) -> None:
    done = bgpctl("migrate", dump, "--report", "json")
    report = json.loads(done.stdout)
    assert (report["ok"], report["problems"]) == (True, [])
    assert CLUSTER.keys() - {each["origin"]["name"] for each in report["fates"]} == set()


def test_full_names_each_object_that_is_left(dump: Path) -> None:
    short, full = (bgpctl("migrate", dump, *words).stdout for words in ((), ("--full",)))
    policy = "/calico/v1/policy/tier/default/policy/Allow_It"
    assert f"1 policy, not for BGP, left to Calico's own tool: {policy}" in short
    assert f"{policy}: policy, not for BGP, left to Calico's own tool (allow-it-cb84137c there)" in full
