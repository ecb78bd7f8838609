"""The program itself: `bgpctl --version`, `-h`, and what holds for all commands."""

from __future__ import annotations

from typing import Annotated

import typer


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
