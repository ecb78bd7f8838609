"""The commands. Each module here holds one group; heavy imports happen inside the command that needs them."""

from __future__ import annotations

import sys

import typer

from bgpctl.cli import (
    agent,
    confirm,
    diff,
    drain,
    explain,
    fib,
    journal,
    lab,
    node_status,
    peers,
    proof,
    show,
    status,
    uninstall,
    validate,
)
from bgpctl.cli import compile as compile_command
from bgpctl.errors import NotReadyError

app = typer.Typer(
    name="bgpctl",
    help="A BGP routing control plane for clusters.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """A BGP routing control plane for clusters."""


GROUPS = (
    agent, compile_command, confirm, diff, drain, explain, fib, journal, lab, node_status, peers, proof, show, status,
    uninstall, validate,
)  # fmt: skip
for group in GROUPS:
    group.register(app)


def main() -> None:
    """The console script: a world that is not ready ends with one sentence and status 2."""
    try:
        app()
    except NotReadyError as error:
        print(f"bgpctl: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
