"""`bgpctl plan show`: of a NodePlan in a file, readable or compressed, and compiled of a directory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from commands import here
from msgspec.structs import replace
from object_cases import cells

from bgpctl.cli.objects.columns import COLUMNS
from bgpctl.compiler import CompileOptions, compile_node
from bgpctl.datastore import read_directory
from bgpctl.node_plan import Assignment, spec_of
from bgpctl.node_plan import spec as node_plan_spec
from bgpctl.node_plan.assignment import StatusRequest

LAB = Path(__file__).parents[2] / "labs" / "quickstart" / "resources"


@pytest.fixture(scope="module")
def assignment() -> Assignment:
    """With something beside the plan."""
    plan = compile_node(read_directory(LAB).resources, "rr1", CompileOptions(keys_by_reference=True)).plan
    return Assignment(plan, status_requests=(StatusRequest("status-of-rr1", ("BGP",), 30),))


def node_plan(assignment: Assignment, **changes: Any) -> dict[str, Any]:
    """As `kubectl get nodeplan NAME -o json` has it."""
    spec = msgspec.json.decode(msgspec.json.encode(spec_of(assignment)))
    metadata = {"name": assignment.plan.node, "resourceVersion": "7", "uid": "x"}
    status: dict[str, Any] = {
        "sessions": {"summary": "6/7"},
        "routes": {"installed": 4},
        "held": {"count": 0},
        "version": "1.2.3",
    }
    status["conditions"] = [{"type": "Held", "status": "False"}, {"type": "Ready", "status": "True"}]
    whole = {"apiVersion": "bgpctl.io/v1alpha1", "kind": "NodePlan", "metadata": metadata, "status": status}
    return {**whole, "spec": {**spec, **changes}}


@pytest.fixture(params=["readable", "compressed"])
def file(
    request: pytest.FixtureRequest, assignment: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    if request.param == "compressed":
        monkeypatch.setattr(node_plan_spec, "MOST_READABLE", 10)
    data = node_plan(assignment)
    assert ("compressed" in data["spec"]) is (request.param == "compressed")
    path = tmp_path / "rr1.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


BESIDE = """
beside the plan
  status_requests:
  - name: status-of-rr1
    classes:
    - BGP
    period: 30
"""


def test_a_plan_in_a_file_is_shown_as_compile_shows_it(file: Path) -> None:
    shown = here("plan", "show", file)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == here("compile", LAB, "--node", "rr1").stdout + BESIDE


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_as_data_it_is_what_stands_in_the_object(file: Path, assignment: Assignment, form: str, read: Any) -> None:
    shown = read(here("plan", "show", file, "-o", form).stdout)
    assert shown == node_plan_spec.readable(spec_of(assignment))
    assert shown["plan"]["node"] == "rr1"


@pytest.mark.parametrize("form", ["table", "json"])
def test_of_a_directory_it_is_what_compile_prints(form: str) -> None:
    compiled = here("compile", LAB, "--node", "rr1", *(["-o", form] if form == "json" else [])).stdout
    assert here("plan", "show", "rr1", "--resources", LAB, "-o", form).stdout == compiled
    shown = here("plan", "show", "rr1", "--resources", LAB, "-o", "yaml").stdout
    assert yaml.safe_load(shown) == json.loads(here("compile", LAB, "--node", "rr1", "-o", "json").stdout)


def test_a_plan_comes_from_standard_input(assignment: Assignment, tmp_path: Path) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [node_plan(assignment)]}, indent=4)
    assert here("plan", "show", "-", stdin=text).stdout.startswith("node rr1: AS 64512, router ID 10.1.0.10,")


def test_a_plan_that_somebody_has_edited_is_shown_with_what_is_wrong(assignment: Assignment, tmp_path: Path) -> None:
    path = tmp_path / "rr1.json"
    path.write_text(json.dumps(node_plan(assignment, digest="0" * 12)))
    done = here("plan", "show", path)
    assert done.returncode == 1
    assert (
        done.stderr == "bgpctl: NodePlan/rr1: the plan is not the one of digest 000000000000: somebody has edited it\n"
    )
    assert yaml.safe_load(done.stdout)["plan"]["node"] == "rr1"


def test_a_plan_of_another_version_is_shown_as_it_stands(assignment: Assignment, tmp_path: Path) -> None:
    data = node_plan(assignment)
    data["spec"]["plan"]["plan"]["version"] = 99
    path = tmp_path / "rr1.json"
    path.write_text(json.dumps(data))
    done = here("plan", "show", path)
    assert (done.returncode, "the plan has version 99" in done.stderr) == (1, True)
    assert yaml.safe_load(done.stdout)["plan"]["version"] == 99


HEAD = "apiVersion: bgpctl.io/v1alpha1\nkind: NodePlan\nmetadata: {name: x}\n"
WRONG = {
    "not a plan": ("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n", 2, "plan.yaml has no NodePlan; kubectl get"),
    "no YAML": ("{", 2, "plan.yaml:1: error: $: not YAML"),
    "no spec": (
        "apiVersion: bgpctl.io/v1alpha1\nkind: NodePlan\nmetadata: {name: x}\n", 1, "NodePlan/x: it is no NodePlan",
    ),
    "no gzip": (
        f"{HEAD}spec: {{node: x, digest: a, compressed: aGk=}}\n",
        1, "NodePlan/x: `compressed` is no gzip",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_plan(tmp_path: Path, case: str) -> None:
    text, status, sentence = WRONG[case]
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    done = here("plan", "show", path)
    assert (done.returncode, sentence in done.stderr, done.stdout) == (status, True, ""), done.stderr


def test_what_is_not_there(tmp_path: Path) -> None:
    done = here("plan", "show", tmp_path / "x.yaml")
    assert (done.returncode, done.stderr) == (
        2,
        f"bgpctl: {tmp_path}/x.yaml cannot be read: No such file or directory\n",
    )
    done = here("plan", "show", "a9", "--resources", LAB)
    assert (done.returncode, done.stderr) == (1, "bgpctl: there is no Node resource named 'a9' among 8 nodes\n")


def test_the_columns_are_those_of_kubectl() -> None:
    definition = yaml.safe_load((LAB.parents[2] / "config" / "crd" / "nodeplan" / "nodeplans.yaml").read_text())
    (version,) = definition["spec"]["versions"]
    served = [(each["name"].upper(), bool(each.get("priority"))) for each in version["additionalPrinterColumns"]]
    ours = [(each.title, each.is_wide) for each in COLUMNS["NodePlan"]]
    # Its node is its name, and its age is every kind's.
    assert [each for each in served if each[0] not in ("NODE", "AGE")] == ours[:-1]


def test_nodeplans_are_listed_and_described(file: Path, assignment: Assignment, tmp_path: Path) -> None:
    directory = tmp_path / "plans"
    directory.mkdir()
    shutil.copy(file, directory)
    listed = here("get", "nodeplans", "--resources", directory, "-o", "wide").stdout.splitlines()
    assert cells("\n".join(listed), last=False) == [
        ["NAME", "SESSIONS", "ROUTES", "PLAN", "HELD", "RUNNING", "READY", "REVISION", "AGENT", "PLANNED"],
        ["rr1", "6/7", "4", spec_of(assignment).digest, "0", "-", "True", "-", "1.2.3", "7"],
    ]
    shown = here("describe", "nodeplan", "rr1", "--resources", directory).stdout
    assert f"  digest: {spec_of(assignment).digest}\n" in shown
    assert "\nPlan:\n  node rr1: AS 64512, router ID 10.1.0.10," in shown
    assert "compressed" not in shown
    other = tmp_path / "other"
    other.mkdir()
    edited = node_plan(replace(assignment, plan=replace(assignment.plan, node="x")))
    edited["spec"]["node"] = edited["metadata"]["name"] = "y"
    (other / "x.json").write_text(json.dumps(edited))
    assert (
        "Plan:           not readable: the plan is for node 'x', not for 'y'"
        in here("describe", "nodeplan", "y", "--resources", other).stdout
    )
