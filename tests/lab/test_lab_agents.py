"""Agents as daemons of a lab: started, awaited, started again, ended. A stand-in answers for `bgpctl agent`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from conftest import eventually, needs_namespaces

from bgpctl.errors import NotReadyError
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running import agents, runner
from bgpctl.lab.topology.topology import Node
from bgpctl.lab.topology.topology_file import read_topology

pytestmark = [pytest.mark.netns, needs_namespaces]

STAND_IN = str(Path(__file__).with_name("stand_in_agent.py"))
TWO_AGENTS = """
name: NAME
topology:
  defaults: {kind: linux}
  groups:
    agent: {labels: {bgpctl-role: node}, binds: [".:/etc/bgpctl/resources"], env: {COLOUR: blue}}
  nodes: {n1: {group: agent}, n2: {group: agent}}
"""


def stand_in(node: Node, directory: Path) -> list[str]:
    return [sys.executable, STAND_IN, node.name, str(directory)]


@pytest.fixture
def lab(make_lab):
    return make_lab(TWO_AGENTS)


def alive(lab) -> dict[str, int]:
    return agents.running(LabState(lab.name), read_topology(lab.file).agents)


def test_up_returns_when_every_agent_answers(lab) -> None:
    result = runner.up(read_topology(lab.file), stand_in)
    assert result.started == ("n1", "n2")
    assert all(agents.is_ready(LabState(lab.name).node_directory(node)) for node in ("n1", "n2"))


def test_agents_run_in_their_nodes_with_their_environment_and_a_session_of_their_own(lab) -> None:
    runner.up(read_topology(lab.file), stand_in)
    for node, pid in alive(lab).items():
        assert lab.processes()[lab.namespace(node)] == [pid]
        assert b"COLOUR=blue" in Path(f"/proc/{pid}/environ").read_bytes()
        assert os.getsid(pid) == pid


def test_a_second_up_starts_only_the_agent_that_is_gone(lab) -> None:
    runner.up(read_topology(lab.file), stand_in)
    before = alive(lab)
    os.kill(before["n1"], signal.SIGKILL)
    eventually(lambda: "n1" not in alive(lab), 5, "n1's agent is gone")
    result = runner.up(read_topology(lab.file), stand_in)
    assert (result.built, result.started) == (False, ("n1",))
    assert alive(lab)["n2"] == before["n2"]


def test_an_agent_that_cannot_start_ends_up_with_its_sentence_and_nothing_is_left(lab) -> None:
    def refusing(node: Node, directory: Path) -> list[str]:
        refusal = [sys.executable, STAND_IN, "--refuse", "port 179 is taken by another process"]
        return refusal if node.name == "n2" else stand_in(node, directory)

    sentence = r"^the agent of n2 cannot start: port 179 is taken by another process$"
    with pytest.raises(NotReadyError, match=sentence):
        runner.up(read_topology(lab.file), refusing)
    assert lab.traces() == []


def test_an_agent_that_crashes_ends_up_with_its_last_words(lab) -> None:
    def crashing(_node: Node, _directory: Path) -> list[str]:
        return [sys.executable, "-c", "raise SystemError('out of luck')"]

    with pytest.raises(NotReadyError, match=r"^the agent of n\d ended with status 1: SystemError: out of luck$"):
        runner.up(read_topology(lab.file), crashing)
    assert lab.traces() == []


def test_down_ends_the_agents(lab) -> None:
    runner.up(read_topology(lab.file), stand_in)
    runner.down(lab.name)
    assert lab.traces() == []


def test_the_agent_of_a_reflector_leaves_the_kernel_alone(tmp_path) -> None:
    file = tmp_path / "x.clab.yml"
    file.write_text(
        "name: x\ntopology:\n  defaults: {kind: linux, binds: ['.:/etc/bgpctl/resources']}\n"
        "  nodes: {n: {labels: {bgpctl-role: node}}, rr: {labels: {bgpctl-role: reflector}}}\n"
    )
    programs = {node.name: agents.our_agent(node, tmp_path).program_fib for node in read_topology(file).agents}
    assert programs == {"n": True, "rr": False}
