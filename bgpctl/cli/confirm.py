"""`bgpctl confirm`: put in place what an agent holds, by the digest that names exactly that.

What is confirmed is printed before it happens. What comes to be held meanwhile has another digest, and stays held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.declare import Exit, add_command, argument, echo, option
from bgpctl.cli.show import RunDirOption
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    import typer

    from bgpctl.cli.running import RunningNode


def register(app: typer.Typer) -> None:
    add_command(app, confirm, epilog="Examples: bgpctl confirm a1; bgpctl confirm --all")


def confirm(
    nodes: Annotated[
        list[str] | None, argument(metavar="NODE...", help="The nodes, as bgpctl status names them.")
    ] = None,
    every: Annotated[bool, option("--all", help="All nodes of this machine that hold a change.")] = False,
    digest: Annotated[str, option(help="Only if this is what is held.")] = "",
    run_dir: RunDirOption = None,
) -> None:
    """Put a held change in place: sessions, routes or originations that were kept are lost.

    Status 1 when one of the nodes holds nothing, or something else than --digest.
    """
    from bgpctl.cli.running import find_nodes

    if bool(nodes) is every:
        raise NotReadyError("name the nodes, or give --all")
    found = [each for name in nodes or [""] for each in find_nodes(name, run_dir)]
    done = [_confirm(node, digest, is_named=not every) for node in found]
    if not all(done):
        raise Exit(1)


def _confirm(node: RunningNode, digest: str, *, is_named: bool) -> bool:
    """False when the node does not hold this; one that is not named need not hold anything."""
    agent = node.agent()
    if not agent.held:
        if is_named:
            echo(f"{node.name}: nothing is held")
        return not is_named
    if digest and digest != agent.held_digest:
        echo(f"{node.name}: what is held is {agent.held_digest}, not {digest}")
        return False
    for held in agent.held:
        echo(f"{node.name}: confirms {agent.held_digest}: {held.sentence}")
    try:
        node.confirm(agent.held_digest)
    except NotReadyError as error:
        echo(f"{node.name}: not confirmed: {error}", err=True)
        return False
    echo(f"{node.name}: in place")
    return True
