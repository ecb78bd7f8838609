"""`kubectl bgp`: the same program under the name by which kubectl finds it, and its completions."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest
from commands import here, run

from bgpctl.cli import MODULES

LAB = Path(__file__).parents[2] / "labs" / "quickstart" / "resources"
PLUGIN = Path(sys.executable).with_name("kubectl-bgp")
COMPLETION = Path(sys.executable).with_name("kubectl_complete-bgp")


def complete(*words: str, **environment: str) -> list[str]:
    """The candidates, and what the shell does besides."""
    done = run(COMPLETION, *words, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def test_both_scripts_are_in_the_distribution() -> None:
    scripts = {each.name: each.value for each in importlib.metadata.entry_points(group="console_scripts")}
    assert scripts["kubectl-bgp"] == scripts["bgpctl"] == "bgpctl.cli:main"
    assert scripts["kubectl_complete-bgp"] == "bgpctl.cli.plugin_completion:main"


@pytest.mark.parametrize("command", sorted(MODULES.keys() - {"lab"}))
def test_help_names_the_program_as_it_is_typed(command: str) -> None:
    done = here(command, "--help", program="/somewhere/kubectl-bgp")
    assert f"Usage: kubectl bgp {command}" in done.stdout
    assert f"bgpctl {command} " not in done.stdout
    assert f"Usage: bgpctl {command}" in here(command, "--help").stdout


def test_problems_name_the_program_as_it_is_typed(tmp_path: Path) -> None:
    done = run(PLUGIN, "get", "pods")
    assert (done.returncode, done.stderr.partition(";")[0]) == (2, "kubectl bgp: there is no kind 'pods' here")
    assert run(PLUGIN, "help", "peer").stderr.startswith("kubectl bgp: there is no problem and no command 'peer'")


# Commands without a datastore: as plugin they mean the cluster of the current context.
MEAN_A_CLUSTER = (
    "get peers",
    "describe peers",
    "delete bgppeer x",
    "plan show a1",
    "validate",
    "proof",
    "compile --node a1",
)


@pytest.mark.parametrize("words", MEAN_A_CLUSTER)
def test_without_a_datastore_the_plugin_means_the_cluster(words: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    done = here(*words.split(), program="kubectl-bgp", KUBECONFIG=str(file), BGPCTL_RESOURCES=str(LAB))
    assert (done.returncode, f"cannot use the access to {file}" in done.stderr) == (2, True), done.stderr
    done = here(*words.split(), "--context", "other", program="kubectl-bgp", KUBECONFIG=str(file))
    assert f"cannot use the access to {file}, context other" in done.stderr
    assert f"cannot use the access to {file}" not in here(*words.split(), KUBECONFIG=str(file)).stderr


def test_diff_as_plugin_compares_with_the_cluster(tmp_path: Path) -> None:
    file = tmp_path / "config"
    done = here("diff", LAB, program="kubectl-bgp", KUBECONFIG=str(file))
    assert f"cannot use the access to {file}" in done.stderr
    assert here("diff", LAB, LAB, program="kubectl-bgp", KUBECONFIG=str(file)).returncode == 0


def test_a_path_is_a_path_also_for_the_plugin() -> None:
    assert here("validate", LAB, program="kubectl-bgp").returncode == 0
    assert here("get", "nodes", "--resources", LAB, program="kubectl-bgp").returncode == 0


COMPLETIONS = {
    "a command": (["pla"], ["plan", ":4"]),
    "nothing yet": ([""], None),
    "an option": (["get", "--no-h"], ["--no-headers", ":4"]),
    "a form": (["get", "peers", "-o", "w"], ["wide", ":4"]),
    "a kind": (["get", "bgpf"], ["bgpfilters", ":4"]),
    "a second kind": (["describe", "ipp,bgpf"], ["ipp,bgpfilters", ":4"]),
    "a name": (["get", "--resources", str(LAB), "peers", ""], ["between-reflectors", "nodes-to-reflectors", ":4"]),
    "a second name": (
        ["delete", "--resources", str(LAB), "peers", "nodes-to-reflectors", ""], ["between-reflectors", ":4"],
    ),
    "a kind and a name": (["get", "--resources", str(LAB), "node/a"], ["node/a1", "node/a2", "node/a3", ":4"]),
    "a file": (["apply", "-f", ""], [":0"]),
    "no datastore": (["get", "peers", ""], [":0"]),
}  # fmt: skip


@pytest.mark.parametrize("case", COMPLETIONS)
def test_completions(case: str, tmp_path: Path) -> None:
    words, expected = COMPLETIONS[case]
    found = complete(*words, KUBECONFIG=str(tmp_path / "config"))
    if expected is None:
        assert set(MODULES) <= set(found)
    else:
        assert found == expected
