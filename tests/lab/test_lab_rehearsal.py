"""Events against a real lab of two nodes: what is done to it, what is found, how it is undone and reported.

Most events are rehearsed by one run of the command, as a user does; the tests below read its figures.
"""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import small_lab
from conftest import BGPCTL, Lab, eventually, needs_namespaces

from bgpctl.lab.rehearse.expectations_file import read_expectations
from bgpctl.lab.topology.document import DocumentError
from bgpctl.lab.topology.topology_file import read_topology

pytestmark = [pytest.mark.netns, needs_namespaces, pytest.mark.timeout(600)]

# These are meant to fail, or to be run alone.
FAILING = ("parted, and packets are lost", "nothing happens", "cannot be done")
ALONE = ("stays broken", "interrupted")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    name = f"e{uuid.uuid4().hex[:8]}"
    directory = tmp_path_factory.mktemp("small")
    small_lab.write_files(directory)
    file = directory / f"{name}.clab.yml"
    file.write_text(small_lab.TOPOLOGY.replace("NAME", name))
    made = Lab(name, file)
    try:
        up = made.command("up")
        assert up.returncode == 0, up.stderr
        yield made
    finally:
        made.command("down")
        assert made.traces() == []


@pytest.fixture(scope="module")
def names(lab: Lab) -> list[str]:
    script = read_expectations(lab.file.with_name("expectations.yml"), read_topology(lab.file))
    return [event.name for event in script.events if event.name not in ALONE]


def test_lab(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BGPCTL, "lab", "test", lab.file, *words], capture_output=True, text=True, timeout=560, check=False
    )


test_lab.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def rehearsed(lab: Lab, names: list[str]) -> subprocess.CompletedProcess[str]:
    files = ("--json", str(lab.file.with_suffix(".json")), "--junit", str(lab.file.with_suffix(".xml")))
    return test_lab(lab, *files, *(word for name in names for word in ("--only", name)))


@pytest.fixture(scope="module")
def figures(lab: Lab, rehearsed: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert rehearsed.stderr == ""
    found = json.loads(lab.file.with_suffix(".json").read_text())
    return {event["name"]: event for event in found["events"]}


def test_every_event_is_as_expected_and_costs_no_packet_that_it_may_not(figures, names) -> None:
    assert list(figures) == names
    failures = {name: event["failures"] for name, event in figures.items() if not event["passed"]}
    assert set(failures) == set(FAILING), failures


def test_a_failure_is_reported_in_sentences_and_undone(figures, rehearsed) -> None:
    parted, nothing, impossible = (figures[name] for name in FAILING)
    assert parted["failures"] == [f"lost {parted['lost']} of {parted['sent']} packets; at most 0 may be lost"]
    assert parted["undone"] == ["mend a from b"]
    assert nothing["failures"] == [
        "a -> b: Established, and must not be",
        "b -> a: Established, and must not be",
    ]
    assert impossible["failures"] == ["`kill host`: no process runs on host"]
    assert rehearsed.returncode == 1
    assert "undone by: mend a from b" in rehearsed.stdout


def test_an_outage_is_measured(figures) -> None:
    """Pings every 10 ms: the time without an answer, and the packets that it cost."""
    parted = figures["parted, and packets are lost"]
    assert parted["lost"] > 0
    assert 0 < parted["longest_outage_seconds"] < parted["converged_seconds"] + parted["recovered_seconds"] + 20


def test_a_frozen_node_is_noticed_when_its_hold_time_is_over(figures) -> None:
    """RFC 4271 6.5: 9 s are configured, and a KEEPALIVE may have come just before."""
    assert 5 <= figures["frozen past the hold time"]["converged_seconds"] <= 25


def test_the_table_has_a_row_for_each_event(rehearsed, names) -> None:
    for name in names:
        assert name in rehearsed.stdout


def test_junit_has_a_case_for_each_kind_of_expectation_and_each_event(lab, figures, names) -> None:
    suite = ElementTree.parse(lab.file.with_suffix(".xml")).getroot().find("testsuite")  # noqa: S314  we wrote it
    assert suite is not None
    assert suite.get("name") == lab.name
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    kinds = ["sessions Established", "kernel routes", "BGP routes", "pings answered"]
    assert list(cases) == [*kinds, *names]
    assert {name for name, case in cases.items() if case.find("failure") is not None} == set(FAILING)
    lost = cases[FAILING[0]].find("properties/property[@name='packets_lost']")
    assert lost is not None
    assert lost.get("value") == str(figures[FAILING[0]]["lost"])


def test_events_are_left_out_when_only_convergence_is_asked_for(lab, figures) -> None:
    output = test_lab(lab, "--no-events")
    assert output.returncode == 0, output.stdout
    assert "speaker killed" not in output.stdout


def test_an_unknown_event_is_reported(lab) -> None:
    output = test_lab(lab, "--only", "speaker kiled")
    assert output.returncode == 2
    assert "the lab has no event 'speaker kiled'; did you mean 'speaker killed'?" in output.stderr


def test_an_interrupted_event_is_taken_back(lab, figures) -> None:
    test = subprocess.Popen([BGPCTL, "lab", "test", lab.file, "--only", "interrupted"], stdout=subprocess.DEVNULL)
    eventually(lambda: not lab.ping("pod-a", "10.244.2.2"), 30, "the nodes are parted")
    test.send_signal(signal.SIGINT)
    assert test.wait(timeout=60) == 128 + signal.SIGINT
    assert lab.ping("pod-a", "10.244.2.2")


def test_a_command_of_an_event_finds_the_files_of_the_lab_and_our_command_line(lab) -> None:
    """A procedure of several steps is a script beside the topology."""
    script = lab.file.with_name("procedure")
    script.write_text('#!/bin/sh -e\nbgpctl lab --help\n[ "$1" = a ]\n')
    script.chmod(0o700)
    done = lab.command("do", "run a ./procedure a")
    assert done.returncode == 0, done.stderr
    assert "ended with status 1" in lab.command("do", "run a ./procedure b").stderr


def test_what_is_not_undone_stays_and_the_command_undoes_it_by_hand(lab, figures) -> None:
    """The last one: it breaks the lab. `kill b` leaves its session down, hence the event fails."""
    output = test_lab(lab, "--only", "stays broken", "--within", "20")
    assert output.returncode == 1
    assert "b -> a: the speaker of b does not answer" in output.stdout
    assert lab.command("do", "start b").returncode == 0
    back = test_lab(lab, "--no-events")
    assert back.returncode == 0, back.stdout


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{do: [kill a]}", "$.events[0]: `name` is missing"),
        ("{name: x}", "$.events[0]: `do` is missing"),
        ("{name: x, do: [kil a]}", "$.events[0].do[0]: 'kil' is no action; did you mean 'kill'?"),
        ("{name: x, do: [kill a], undo: [start c]}", "$.events[0].undo[0]: the topology has no node 'c'"),
        ("{name: x, do: [], expect: {within: 3}}", "unknown field 'within'"),
        ("{name: x, do: [], lose at mots: 3}", "unknown field 'lose at mots'; did you mean 'lose at most'?"),
        ("{name: x, do: [], lose at most: few}", "'few' is not a whole number"),
        ("{name: x, do: [], traffic: [[pod-a]]}", "'pod-a' are not two nodes of `pings`"),
        ("{name: x, do: [], expect: {sessions: [{down: [c]}]}}", "no agent and no BGP daemon on a node 'c'"),
        ("{name: x, do: []}, {name: x, do: []}", "$.events[1]: there are two events 'x'"),
    ],
)
def test_a_mistake_in_an_event_is_reported_with_its_line_and_path(tmp_path: Path, text: str, problem: str) -> None:
    small_lab.write_files(tmp_path)
    file = tmp_path / "x.clab.yml"
    file.write_text(small_lab.TOPOLOGY.replace("NAME", "x"))
    expectations = tmp_path / "mistaken.yml"
    expectations.write_text(f"{small_lab.EXPECTATIONS}events: [{text}]\n")
    line = small_lab.EXPECTATIONS.count("\n") + 1
    with pytest.raises(DocumentError) as result:
        read_expectations(expectations, read_topology(file))
    assert problem in str(result.value)
    assert str(result.value).startswith(f"{expectations}:{line}: ")


def test_resources_of_a_running_lab_are_copies(lab) -> None:
    """Whatever has been written, removed and restored above: the originals are what they were."""
    assert (lab.file.parent / "resources/cluster.yaml").read_text() == small_lab.RESOURCES
    assert [file.name for file in (lab.file.parent / "resources").iterdir()] == ["cluster.yaml"]
