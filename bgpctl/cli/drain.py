"""`bgpctl drain`: lead traffic away from a node before its maintenance, and back."""

from __future__ import annotations

from typing import Annotated

import typer

from bgpctl.cli.show import NodeOption, RunDirOption


def register(app: typer.Typer) -> None:
    app.command()(drain)


def drain(
    node: NodeOption = "",
    run_dir: RunDirOption = None,
    undo: Annotated[bool, typer.Option("--undo", help="Traffic may come again.")] = False,
) -> None:
    """Lead traffic away from one node: peers are told its routes again with GRACEFUL_SHUTDOWN (RFC 8326).

    No session is reset. It lasts until --undo or until the speaker is restarted; `bgpctl peers` says so meanwhile.
    """
    from bgpctl.cli.running import find_one_node

    speaker = find_one_node(node, run_dir)
    is_draining = speaker.drain(not undo)
    typer.echo(
        f"{speaker.name} drains; end it with bgpctl drain --undo" if is_draining else f"{speaker.name} is in use"
    )
