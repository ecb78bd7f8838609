"""Labs of labs/many: the generated files, a small one running, two at once, and how their speakers were started."""

from __future__ import annotations

import importlib.util
import os
import pty
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from conftest import BGPCTL, Lab, command_line, eventually, needs_namespaces

from bgpctl.lab.actions import RunningLab
from bgpctl.lab.actions.operands import Part
from bgpctl.lab.actions.processes import Kill
from bgpctl.lab.expect.convergence import wait_for
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.rehearse.expectations_file import read_expectations
from bgpctl.lab.running import agents, runner
from bgpctl.lab.running.warm_speaker import SPEAKER_MODULES
from bgpctl.lab.topology.roles import Role
from bgpctl.lab.topology.topology_file import read_topology

GENERATOR = Path(__file__).parents[2] / "labs/many/generate.py"
# The bound is that a machine with eight times more to do than cores still gets there.
CONVERGED = 60.0
TERMINAL = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}


def load_generator():
    spec = importlib.util.spec_from_file_location("generate_many", GENERATOR)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(directory: Path, nodes: int, *, pods: bool = False) -> Lab:
    name = f"t{uuid.uuid4().hex[:6]}"
    return Lab(name, load_generator().write(nodes, directory, pods=pods, name=name))


@pytest.mark.slow
def test_the_generated_lab_of_4000_nodes_is_sound_and_every_block_and_address_is_there_once(tmp_path) -> None:
    generate = load_generator()
    numbers = range(1, 4001)
    assert len({generate.block(number) for number in numbers}) == 4000
    assert len({generate.address(number) for number in numbers}) == 4000
    topology = read_topology(generate.write(4000, tmp_path))
    assert len(topology.with_role(Role.NODE)) == 4000
    assert len(topology.links) == 4002


def converge(lab: Lab) -> None:
    topology = read_topology(lab.file)
    result = wait_for(
        topology, read_expectations(lab.file.with_name("expectations.yml"), topology).expectations, CONVERGED
    )
    assert result.passed, result.checks


@pytest.fixture(scope="module")
def labs(tmp_path_factory):
    """Two labs of the same addresses, started at the same time by two commands."""
    labs = [make(tmp_path_factory.mktemp("many"), 3, pods=True) for _ in range(2)]
    try:
        commands = [lab.start("up") for lab in labs]
        output = [command.communicate(timeout=90) for command in commands]
        assert [command.returncode for command in commands] == [0, 0], output
        yield labs
    finally:
        for lab in labs:
            runner.down(lab.name)
    assert [lab.traces() for lab in labs] == [[], []]


@pytest.mark.netns
@needs_namespaces
def test_two_labs_with_the_same_addresses_run_at_once(labs) -> None:
    for lab in labs:
        converge(lab)


@pytest.mark.netns
@needs_namespaces
def test_taking_one_lab_down_leaves_the_other_alone(labs, tmp_path) -> None:
    third = make(tmp_path, 2)
    before = labs[0].processes()
    third.up()
    runner.down(third.name)
    assert third.traces() == []
    assert labs[0].processes() == before


@pytest.mark.netns
@needs_namespaces
def test_agents_that_this_process_started_and_ended_are_no_zombies(tmp_path) -> None:
    lab = make(tmp_path, 2)
    try:
        lab.up()
        topology = read_topology(lab.file)
        alive = agents.running(LabState(lab.name), topology.agents)
        killed = alive.pop("n1")
        with LabState(lab.name).locked(create=False) as lock:
            Kill("n1", Part.AGENT).do(RunningLab(topology, tmp_path, lock))
        assert not Path(f"/proc/{killed}").exists()
    finally:
        runner.down(lab.name)
    assert alive
    assert [pid for pid in alive.values() if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.netns
@needs_namespaces
def test_on_a_terminal_up_draws_and_the_agents_still_write_into_their_logs(tmp_path) -> None:
    """The bar takes the place of standard output while agents are forked."""
    lab = make(tmp_path, 2)
    terminal, theirs = pty.openpty()
    try:
        up = subprocess.Popen([BGPCTL, "lab", "up", str(lab.file)], stdout=theirs, stderr=theirs, env=TERMINAL)
        os.close(theirs)
        drawn = read_to_end(terminal)
        assert up.wait() == 0
        assert "\x1b[" in drawn
        assert "4/4" in drawn
        assert "5 nodes are up after" in drawn
        assert "agent starts" not in drawn
        assert "agent starts" in (LabState(lab.name).node_directory("n1") / "agent.log").read_text()
    finally:
        os.close(terminal)
        runner.down(lab.name)
    assert lab.traces() == []


def read_to_end(terminal: int) -> str:
    """Until no process has the other end open, which Linux reports as EIO."""
    output = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            return output.decode()
        output += part


def speaker_pid(lab: Lab, node: str) -> int:
    return int((LabState(lab.name).node_directory(node) / "speaker.pid").read_text())


def credentials(pid: int) -> dict[str, str]:
    """Users, groups and capabilities of a process (proc(5))."""
    lines = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    wanted = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")
    return {name: value.split() for name, _, value in lines if name in wanted}


@pytest.mark.netns
@needs_namespaces
def test_the_first_speaker_is_a_fork_that_an_agent_recognizes_and_the_next_one_a_program(labs) -> None:
    lab = labs[0]
    converge(lab)
    warm = speaker_pid(lab, "n1")
    directory = LabState(lab.name).node_directory("n1")
    assert command_line(warm).rstrip(b"\0").split(b"\0") == [b"speaker", os.fsencode(directory)]
    before = credentials(warm)
    os.kill(warm, signal.SIGKILL)
    eventually(lambda: speaker_pid(lab, "n1") != warm, CONVERGED, "the agent has started another speaker")
    converge(lab)
    assert b"\0-m\0reflector\0" in command_line(speaker_pid(lab, "n1"))
    assert credentials(speaker_pid(lab, "n1")) == before


@pytest.mark.netns
@needs_namespaces
def test_a_speaker_that_waits_in_vain_ends_with_its_agent(tmp_path) -> None:
    lab = make(tmp_path, 2)
    (tmp_path / "resources/cluster.yaml").write_text("kind: Nonsense\n")
    try:
        lab.up()
        agent = int((LabState(lab.name).node_directory("n1") / "agent.pid").read_text())
        (waiting,) = set(lab.processes()[lab.namespace("n1")]) - {agent}
        assert Path(f"/proc/{waiting}/comm").read_text() == "waiting speaker\n"
        os.kill(agent, signal.SIGKILL)
        eventually(lambda: lab.namespace("n1") not in lab.processes(), 10, "both have ended")
    finally:
        runner.down(lab.name)
    assert lab.traces() == []


def test_what_is_imported_before_a_speaker_is_forked_has_not_read_the_environment() -> None:
    """The plan decides on ExaBGP's settings, which are read once in a process."""
    code = f"""
import importlib
for name in {SPEAKER_MODULES!r}:
    importlib.import_module(name)
from exabgp.environment import Env
raise SystemExit(1 if Env._setup else 0)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
