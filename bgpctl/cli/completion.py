"""`bgpctl completion SHELL`: the script that makes a shell complete commands, options and their values."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Shell = Literal["bash", "zsh", "fish"]


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: bgpctl completion bash > /etc/bash_completion.d/bgpctl")(completion)


def completion(shell: Annotated[Shell, typer.Argument(help="The shell that is to complete.")]) -> None:
    """Print the completion script of a shell, to be put where that shell looks for such scripts.

    bash: /etc/bash_completion.d/bgpctl; zsh: _bgpctl in a directory of $fpath; fish:
    ~/.config/fish/completions/bgpctl.fish.
    """
    from typer._completion_shared import get_completion_script

    from bgpctl.cli import COMPLETE_VARIABLE

    typer.echo(get_completion_script(prog_name="bgpctl", complete_var=COMPLETE_VARIABLE, shell=shell))
