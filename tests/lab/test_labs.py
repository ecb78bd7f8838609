"""All labs of labs/, without running them: what is written in each fits together, and a reader finds everything.

That they run is what `make labs` is for.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from bgpctl.compiler import CompileOptions
from bgpctl.datastore.directory import read_directories
from bgpctl.guardrails import check_cluster
from bgpctl.guardrails.proof.prove import prove
from bgpctl.lab.rehearse.expectations_file import EXPECTATIONS, read_expectations
from bgpctl.lab.topology.roles import Role
from bgpctl.lab.topology.topology import Topology
from bgpctl.lab.topology.topology_file import read_topology
from bgpctl.resources import ResourceSet

LABS = Path(__file__).parents[2] / "labs"
GENERATED = "two-hundred-nodes"
FILES = sorted(file for file in LABS.glob("*/*.clab.yml") if file.parent.name != GENERATED)
README_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
each_lab = pytest.mark.parametrize("file", FILES, ids=[file.parent.name for file in FILES])


def errors(*paths: Path) -> list[str]:
    """What `bgpctl validate` would call an error."""
    loaded = read_directories(paths)
    found = {*loaded.problems, *check_cluster(loaded.resources, CompileOptions())}
    return [str(problem) for problem in found if problem.severity == "error"]


def resources_of(topology: Topology) -> set[Path]:
    return {node.resources for node in topology.agents if node.resources is not None}


def merged(paths: Iterable[Path], into: Path) -> ResourceSet:
    """The resource files of several directories, where a later one replaces an earlier one of its name."""
    into.mkdir()
    for path in paths:
        for file in path.iterdir():
            (into / file.name).write_bytes(file.read_bytes())
    assert errors(into) == []
    return read_directories([into]).resources


@each_lab
def test_the_topology_is_named_as_its_directory_and_read_without_a_note(file: Path) -> None:
    topology = read_topology(file)
    assert file.name == f"{topology.name}.clab.yml"
    assert file.parent.name == topology.name
    assert topology.notes == ()


@each_lab
def test_what_is_expected_can_be_read_and_is_something(file: Path) -> None:
    script = read_expectations(file.with_name(EXPECTATIONS), read_topology(file))
    assert script.expectations.sessions
    assert script.expectations.pings
    assert all(event.lose_at_most is not None for event in script.events), "an event without a bound proves little"


@each_lab
def test_the_resources_have_no_errors_and_a_node_for_each_agent(file: Path) -> None:
    topology = read_topology(file)
    for directory in resources_of(topology):
        assert errors(directory) == []
        nodes = read_directories([directory]).resources.nodes
        assert {node.name for node in topology.agents if node.resources == directory} <= set(nodes)


@each_lab
def test_the_readme_has_every_node_in_its_drawing(file: Path) -> None:
    text = file.with_name("README.md").read_text()
    drawn = [node.name for node in read_topology(file).nodes if node.role is not Role.POD or "-" not in node.name]
    assert [name for name in drawn if not re.search(rf"\b{re.escape(name)}\b", text)] == []


@each_lab
def test_the_readme_has_a_figure_for_each_event(file: Path) -> None:
    text = file.with_name("README.md").read_text()
    _, header, table = text.partition("| seen |\n")
    if header:
        rows = README_ROW.findall(table.partition("\n\n")[0])
        script = read_expectations(file.with_name(EXPECTATIONS), read_topology(file))
        assert len(rows) - 1 == len(script.events)


def test_the_index_has_all_labs_and_no_other() -> None:
    linked = re.findall(r"^\| \[([\w-]+)\]\(\1/README\.md\) \|", (LABS / "README.md").read_text(), re.MULTILINE)
    assert sorted(linked) == sorted({file.parent.name for file in FILES} | {GENERATED})
    assert all((LABS / name / "README.md").exists() for name in linked)


def test_after_each_step_from_mesh_to_reflectors_every_prefix_reaches_every_node(tmp_path: Path) -> None:
    """The order of the steps is what makes it so: the proof of a step taken too early says no."""
    lab = LABS / "mesh-to-reflectors"
    start, one, two, three = (lab / "resources", *(lab / "steps" / number for number in "123"))
    for name, layers in {
        "0": [start],
        "1": [start, one],
        "2": [start, one, two],
        "3": [start, one, two, three],
    }.items():
        assert prove(merged(layers, tmp_path / name)).is_complete, f"step {name}"
    for name, layers in {"2 before 1": [start, two], "3 before 2": [start, one, three]}.items():
        assert not prove(merged(layers, tmp_path / name)).is_complete, name


def test_the_large_lab_is_written_as_it_is_described(tmp_path: Path) -> None:
    script = LABS / GENERATED / "generate.py"
    subprocess.run([sys.executable, script, "--into", tmp_path], check=True)
    topology = read_topology(tmp_path / f"{GENERATED}.clab.yml")
    assert (len(topology.with_role(Role.NODE)), len(topology.with_role(Role.REFLECTOR))) == (200, 6)
    expectations = read_expectations(tmp_path / EXPECTATIONS, topology).expectations
    # 400 of nodes with their pairs, 15 of six reflectors with each other, from both ends.
    assert len(expectations.sessions) == 2 * (400 + 15)
    assert errors(tmp_path / "resources") == []
    assert prove(read_directories([tmp_path / "resources"]).resources).is_complete
