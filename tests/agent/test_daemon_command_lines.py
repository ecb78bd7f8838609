"""The command line of a daemon is read without typer, and says the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bgpctl.cli.agent import agent
from bgpctl.cli.plain import plain_values


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["--in-cluster", "--node", "a"], {"in_cluster": True, "node": "a"}),
        (["--no-in-cluster", "--resources=r"], {"in_cluster": False, "resources": "r"}),
        (["--no-fib"], {"no_fib": True}),
        (["--fib"], {"no_fib": False}),
    ],
)
def test_a_flag_has_an_opposite(words: list[str], values: dict[str, object]) -> None:
    assert plain_values(agent, words) == values


@pytest.mark.parametrize("words", [["--help"], ["--nod", "a"], ["--in-cluster=yes"], ["--node"], ["word"]])
def test_what_is_unusual_is_left_to_typer(words: list[str]) -> None:
    assert plain_values(agent, words) is None


def test_a_daemon_starts_without_typer() -> None:
    """It ends at once here, for it has no source; with the sentence that typer's way gives."""
    program = "import sys; sys.argv = ['bgpctl', 'agent', {}]; from bgpctl.cli import main; main()"
    ends = "import atexit; atexit.register(lambda: print('typer' in sys.modules)); "
    found = [
        subprocess.run(
            [sys.executable, "-c", f"import sys; {ends}{program.format(words)}"], capture_output=True, text=True
        )
        for words in ("'--node', 'a'", "'--node', 'a', '--node', 'a'")
    ]
    assert [each.stdout.split() for each in found] == [["False"], ["True"]]
    assert found[0].stderr == found[1].stderr
    assert {each.returncode for each in found} == {2}
    assert "resources is not set" in found[0].stderr
