"""What an agent of a cluster keeps over a reboot is removed with the rest, also when the machine has just restarted.

Each command has a network of its own, and a /run that is empty.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bgpctl.agent.sources.kept_plan import KeptPlanFile
from bgpctl.node_plan import Assignment, spec_of
from reflector.plan import NodePlan, encode_plan

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

BGPCTL = str(Path(sys.executable).with_name("bgpctl"))
AFTER_A_RESTART = 'mount -t tmpfs tmpfs /run && exec "$@"'
# Both directories are file systems of their own, each with one file; what is left in them is the last line.
MOUNTED = """
mount -t tmpfs tmpfs run && mount -t tmpfs tmpfs state && mv plan.json run && mv run.json state &&
"$@" && echo "left: $(ls -A run state | grep json)"
"""


def keep(directory: Path, node: str) -> Path:
    plan = NodePlan(node, "10.0.0.1")
    KeptPlanFile(directory, node).keep(spec_of(Assignment(plan)), plan)
    return directory / f"{node}.json"


def uninstall(*options: str, script: str = AFTER_A_RESTART, at: str = "/") -> subprocess.CompletedProcess[str]:
    words = ["unshare", "--mount", "--net", "sh", "-c", script, "sh", BGPCTL, "uninstall", *options]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, cwd=at)


def test_the_kept_plan_goes_with_the_rest_and_is_named_before(tmp_path: Path) -> None:
    state = tmp_path / "state"
    file = keep(state, "a")
    half_written = state / ".a.json.new"
    half_written.touch()
    announced = uninstall("--node=a", f"--state-dir={state}", "--dry-run")
    wanted = [f"would remove: {file}", f"would remove: {half_written}"]
    wanted.append(f"would remove: {state}, unless it has other files")
    assert (announced.stdout.splitlines(), file.exists()) == (wanted, True)
    done = uninstall("--node=a", f"--state-dir={state}")
    assert (done.returncode, done.stdout) == (0, announced.stdout.replace("would remove", "removed"))
    assert not state.exists()
    assert uninstall("--node=a", f"--state-dir={state}").stdout == "nothing of bgpctl is here\n"


def test_of_a_machine_that_has_restarted_the_one_node_is_found(tmp_path: Path) -> None:
    keep(tmp_path / "state", "a")
    assert uninstall(f"--state-dir={tmp_path / 'state'}").returncode == 0
    assert not (tmp_path / "state").exists()


def test_of_several_nodes_one_has_to_be_chosen_and_the_other_stays(tmp_path: Path) -> None:
    keep(tmp_path, "a")
    other = keep(tmp_path, "b")
    asked = uninstall(f"--state-dir={tmp_path}")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "several nodes, choose one with --node: a, b" in asked.stderr
    assert uninstall(f"--state-dir={tmp_path}", "--node=a").returncode == 0
    assert list(tmp_path.iterdir()) == [other]


def test_the_node_is_that_of_the_plan_where_the_directory_has_another_name(tmp_path: Path) -> None:
    keep(tmp_path / "state", "a")
    other = keep(tmp_path / "state", "run")
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "run" / "plan.json").write_bytes(encode_plan(NodePlan("a", "10.0.0.1")))
    done = uninstall(f"--run-dir={tmp_path / 'run'}", f"--state-dir={tmp_path / 'state'}")
    assert (done.returncode, done.stderr) == (0, "")
    assert list((tmp_path / "state").iterdir()) == [other]


def test_directories_that_are_mounted_are_left_empty(tmp_path: Path) -> None:
    """As in the pod of config/uninstall: they belong to whoever mounts them."""
    for each in ("state", "run"):
        (tmp_path / each).mkdir(mode=0o700)
    keep(tmp_path, "run")
    (tmp_path / "plan.json").write_bytes(encode_plan(NodePlan("run", "10.0.0.1")))
    done = uninstall("--run-dir=run", "--state-dir=state", script=MOUNTED, at=str(tmp_path))
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "left: ")
