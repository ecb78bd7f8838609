"""The program's manners: version, help with examples, completion, pages of problems, and a start that costs little."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bgpctl.cli import ASKING, MODULES, app
from bgpctl.cli.confirm import confirm
from bgpctl.cli.drain import drain
from bgpctl.cli.node_status import node_status
from bgpctl.cli.output import data_text
from bgpctl.cli.peers import peers
from bgpctl.cli.plain import plain_values
from bgpctl.cli.show import routes
from reflector.plan import SessionKind

BGPCTL = Path(sys.executable).with_name("bgpctl")
# What a question to a socket has no use for.
HEAVY = (
    "bgpctl.compiler",
    "bgpctl.guardrails",
    "bgpctl.resources",
    "networkx",
    "pydantic",
    "pyroute2",
    "rich",
    "typer",
    "yaml",
)


def bgpctl(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BGPCTL, *words], capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=60
    )


def test_version() -> None:
    done = bgpctl("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "bgpctl")
    assert done.stdout.split()[1][0].isdigit()


@pytest.mark.parametrize("command", sorted(MODULES.keys() - {"lab", "journal"}))
def test_every_commands_help_has_an_example(command: str) -> None:
    short, long = (CliRunner().invoke(app, [command, word], env={"COLUMNS": "200"}) for word in ("-h", "--help"))
    assert (short.exit_code, short.output) == (0, long.output)
    assert f"bgpctl {command}" in short.output.partition("Example")[2]


ASKED_ON_A_NODE = (
    "confirm",
    "connect",
    "drain",
    "explain",
    "fib",
    "journal replay",
    "journal status",
    "node-status",
    "peers",
    "routes",
)


@pytest.mark.parametrize("command", ASKED_ON_A_NODE)
def test_commands_about_a_node_have_the_same_options(command: str) -> None:
    shown = CliRunner().invoke(app, [*command.split(), "-h"], env={"COLUMNS": "200"}).output
    if command != "journal replay":
        assert "The run directory of one agent." in shown
    if command in ("explain", "fib", "journal replay", "node-status", "peers", "routes"):
        assert re.search(r"--output +-o", shown)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_each_shell(shell: str) -> None:
    done = bgpctl("completion", shell)
    assert done.returncode == 0
    assert "_BGPCTL_COMPLETE" in done.stdout


def test_completion_knows_all_commands() -> None:
    done = bgpctl(_BGPCTL_COMPLETE="complete_bash", COMP_WORDS="bgpctl p", COMP_CWORD="1")
    assert set(done.stdout.split()) >= {"peers", "proof"}


def test_help_of_a_problem() -> None:
    done = bgpctl("help", "shared-address")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "# shared-address")
    assert bgpctl("help", "codes").stdout.split() == sorted(bgpctl("help", "codes").stdout.split())
    wrong = bgpctl("help", "shared-adress")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean shared-address" in wrong.stderr


@pytest.mark.parametrize("command", sorted(ASKING))
def test_a_question_to_a_socket_imports_nothing_heavy(command: str) -> None:
    own = {"explain": ["192.0.2.1", "-o", "json"], "confirm": ["a", "b"], "connect": ["agent"], "drain": []}
    words = own.get(command, ["-o", "json"])
    program = (
        "import sys, bgpctl.cli\n"
        f"sys.argv = ['bgpctl', {command!r}, *{words!r}, '--run-dir', '/nowhere']\n"
        "try:\n    bgpctl.cli.main()\nexcept SystemExit as end:\n    print(end.code)\n"
        f"print([each for each in {HEAVY!r} if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["2", "[]"]
    assert done.stderr == "bgpctl: no agent runs in /nowhere: there is no agent.sock or speaker.sock\n"


PLAIN: dict[str, tuple[list[str], dict[str, object] | None]] = {
    "nothing": ([], {}),
    "argument and option": (["10.0.0.0/8", "--node", "a"], {"prefix": "10.0.0.0/8", "node": "a"}),
    "equals sign": (["--run-dir=/x"], {"run_dir": Path("/x")}),
    "choice": (["-o", "json"], {"output": "json"}),
    "wrong choice": (["-o", "xml"], None),
    "unknown option": (["--nude", "a"], None),
    "option twice": (["--node", "a", "--node", "b"], None),
    "no value": (["--node"], None),
    "too many arguments": (["a", "b"], None),
    "help": (["-h"], None),
}


@pytest.mark.parametrize("case", PLAIN)
def test_a_plain_command_line_is_read_without_typer(case: str) -> None:
    words, values = PLAIN[case]
    assert plain_values(routes, words) == values


LISTS: dict[str, tuple[Callable[..., None], list[str], dict[str, object] | None]] = {
    "several arguments": (confirm, ["a", "b", "--digest", "c"], {"nodes": ["a", "b"], "digest": "c"}),
    "one argument": (confirm, ["a"], {"nodes": ["a"]}),
    "no argument": (confirm, ["--all"], {"every": True}),
    "option repeated": (node_status, ["--class", "BGP", "--class=Agent"], {"classes": ["BGP", "Agent"]}),
    "one wrong choice": (node_status, ["--class", "BGP", "--class", "Route"], None),
    "several nodes": (peers, ["--node", "a", "--node=b", "--down"], {"nodes": ["a", "b"], "down": True}),
    "a number is typer's": (drain, ["--wait", "3"], None),
    "beside the number": (drain, ["--undo", "--node", "a"], {"undo": True, "node": "a"}),
}


@pytest.mark.parametrize("case", LISTS)
def test_lists_are_read_without_typer_and_numbers_are_not(case: str) -> None:
    command, words, values = LISTS[case]
    assert plain_values(command, words) == values


def test_confirm_asks_for_nodes_or_all_of_them() -> None:
    for words in ([], ["a", "--all"]):
        done = bgpctl("confirm", *words)
        assert (done.returncode, done.stderr) == (2, "bgpctl: name the nodes, or give --all\n")


def test_a_wrong_command_line_is_answered_by_typer() -> None:
    done = bgpctl("peers", "--nude")
    assert done.returncode == 2
    assert "No such option" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a directory that somebody else may not enter")
def test_permission_is_named(tmp_path: Path) -> None:
    directory = tmp_path / "a"
    directory.mkdir(mode=0o700)
    program = (
        "import os, sys, bgpctl.cli\n"
        "import bgpctl.cli.peers, bgpctl.cli.plain, bgpctl.cli.running, bgpctl.cli.tables\n"
        "os.setgid(65534), os.setuid(65534)\n"
        f"sys.argv = ['bgpctl', 'peers', '--run-dir', {str(directory)!r}]\nbgpctl.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("bgpctl: permission denied: ")
    assert "run this as root" in done.stderr


@pytest.mark.parametrize("command", ["validate", "proof", "diff"])
def test_data_is_the_same_as_json_and_as_yaml(command: str, tmp_path: Path) -> None:
    (tmp_path / "node.yaml").write_text("apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: a, nane: b}\n")
    words = [command, str(tmp_path), *([str(tmp_path)] if command == "diff" else [])]
    forms = ("json", "yaml", "text", "table", "wide")
    shown = {form: CliRunner().invoke(app, [*words, "-o", form]).stdout for form in forms}
    assert shown["text"] == shown["table"] == shown["wide"]
    if command != "diff":  # which compares nothing where there are errors
        assert json.loads(shown["json"]) == yaml.safe_load(shown["yaml"])


def test_values_of_ours_are_data_of_both_forms() -> None:
    value = [{"name": "a", "kind": SessionKind.MESH, "problems": (1, None)}]
    assert json.loads(data_text(value, "json")) == yaml.safe_load(data_text(value, "yaml"))
