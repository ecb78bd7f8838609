"""`bgpctl lab run`: labs one after the other, a table, and nothing left of any of them, however it ends."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BGPCTL, Lab, bgpctl, eventually, needs_namespaces

from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running import runner

pytestmark = [pytest.mark.netns, needs_namespaces]

# Two hosts that are enough to be cut apart; no agent has to start for it.
TOPOLOGY = """
name: NAME
topology:
  defaults: {kind: linux}
  nodes:
    one: {labels: {bgpctl-role: host}}
    two: {labels: {bgpctl-role: host}}
  links:
    - {endpoints: ["one:eth1", "two:eth1"], ipv4: [10.9.0.1/24, 10.9.0.2/24]}
"""
PINGS = """
within: 10
pings: {one: 10.9.0.1, two: 10.9.0.2}
"""
CUT = """
events:
  - name: the cable is cut
    do: [cut one--two]
    expect: {unreachable: [{between: [one], and: [two]}]}
    within: 5
    lose at most: 0
"""
# Packets are counted between pairs that are expected to reach each other.
CUT_AND_MISSED = CUT.replace("    expect: {unreachable: [{between: [one], and: [two]}]}\n", "").replace("5", "1")
LONG = CUT.replace("[cut one--two]", "[wait 60s]").replace(
    "    expect: {unreachable: [{between: [one], and: [two]}]}\n", ""
)


@pytest.fixture
def labs(tmp_path: Path) -> Iterator[dict[str, Lab]]:
    """By name; what `run` should have removed is removed here as well."""
    made = {}
    for number, (name, events) in enumerate({"good": CUT, "bad": CUT_AND_MISSED, "long": LONG}.items()):
        directory = tmp_path / name
        directory.mkdir()
        lab = f"s{tmp_path.stat().st_ino % 100_000}{number}"
        file = directory / f"{lab}.clab.yml"
        file.write_text(TOPOLOGY.replace("NAME", lab))
        (directory / "expectations.yml").write_text(PINGS + events)
        made[name] = Lab(lab, file)
    yield made
    for each in made.values():
        runner.down(each.name)


def is_complete(lab: Lab) -> bool:
    record = LabState(lab.name).record()
    return record is not None and record.complete


def test_each_lab_is_tested_and_gone_and_one_that_fails_fails_the_run(labs: dict[str, Lab], tmp_path: Path) -> None:
    junit = tmp_path / "junit"
    done = bgpctl("lab", "run", labs["bad"].file, labs["good"].file, "--junit", junit)
    assert done.returncode == 1
    rows = {
        name: next(line for line in done.stdout.splitlines() if line.startswith(f"│ {lab.name}"))
        for name, lab in labs.items()
        if name != "long"
    }
    assert "0 of 1" in rows["bad"]
    assert "FAIL" in rows["bad"]
    assert "1 of 1" in rows["good"]
    assert "ok" in rows["good"]
    assert "at most 0 may be" in done.stdout
    assert all(lab.traces() == [] for lab in labs.values())
    failed = {name: (junit / f"{labs[name].name}.xml").read_text().count("<failure ") for name in rows}
    assert failed == {"good": 0, "bad": 1}


def test_ctrl_c_leaves_nothing_and_says_what_was_done(labs: dict[str, Lab]) -> None:
    command = [BGPCTL, "lab", "run", labs["good"].file, labs["long"].file, labs["bad"].file]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    eventually(lambda: is_complete(labs["long"]), 30, "the second lab is up and tested")
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=30)
    assert run.returncode == 128 + signal.SIGINT
    assert f"│ {labs['good'].name}" in output
    assert labs["bad"].name not in output
    assert all(lab.traces() == [] for lab in labs.values())


def test_a_lock_that_an_interruption_has_left_behind_does_not_stop_the_undoing(labs: dict[str, Lab]) -> None:
    """The exception of a signal may come between taking the lock and remembering to close it."""
    lab = labs["good"]
    lab.up()
    LabState(lab.name).locked(create=False).__enter__()
    assert runner.down(lab.name)
    assert lab.traces() == []


def test_a_lab_that_is_up_already_is_left_alone(labs: dict[str, Lab]) -> None:
    lab = labs["good"]
    lab.up()
    done = bgpctl("lab", "run", lab.file)
    assert done.returncode == 1
    assert f"the lab {lab.name} is up already" in done.stdout
    assert lab.namespaces() == {lab.namespace("one"), lab.namespace("two")}


def test_a_topology_that_cannot_be_read_is_a_lab_that_fails(labs: dict[str, Lab]) -> None:
    labs["good"].file.write_text("name: broken\ntopology: {nodes: {one: {kind: linus}}}\n")
    done = bgpctl("lab", "run", labs["good"].file, labs["bad"].file)
    assert done.returncode == 1
    assert "unknown kind 'linus'" in done.stdout
    assert f"│ {labs['bad'].name}" in done.stdout
