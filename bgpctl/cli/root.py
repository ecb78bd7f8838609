"""The program itself: `bgpctl --version`, `-h`, and what holds for all commands."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Annotated

import typer

from bgpctl.cli.program import PLUGIN, PROGRAM


def new_application() -> typer.Typer:
    """Without commands yet."""
    app = typer.Typer(
        name="bgpctl",
        help="A BGP routing control plane for clusters.",
        epilog="Example: bgpctl status. bgpctl help CODE explains a problem. Exit status: 0 done, 1 the answer is no, "
        "2 the world is not ready.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    return app


def speak_as_plugin(app: typer.Typer, commands: Iterable[str]) -> None:
    """Help and examples name the program as it is typed there."""
    typed = re.compile(rf"\b{PROGRAM} (?=({'|'.join(commands)})\b)")
    groups = [app, *(each.typer_instance for each in app.registered_groups if each.typer_instance is not None)]
    for group in groups:
        for about in (group.info, group.registered_callback):
            if about is not None and isinstance(about.epilog, str):
                about.epilog = typed.sub(f"{PLUGIN} ", about.epilog)
        for command in group.registered_commands:
            text = command.help or inspect.getdoc(command.callback) or ""
            command.help = typed.sub(f"{PLUGIN} ", text)
            command.epilog = typed.sub(f"{PLUGIN} ", command.epilog or "")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"bgpctl {version('bgpctl')}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version, and end.")
    ] = False,
) -> None:
    """A BGP routing control plane for clusters."""
