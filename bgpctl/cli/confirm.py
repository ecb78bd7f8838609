"""`bgpctl confirm`: put in place what an agent holds, by the digest that names exactly that.

What is confirmed is printed before it happens. What comes to be held meanwhile has another digest, and stays held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.declare import Exit, add_command, argument, echo, option, with_groups
from bgpctl.cli.which_nodes import Cluster, RunDirOption, SomeNodes
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    import typer

    from bgpctl.cli.asked_node import AskedNode
    from reflector.messages import AgentStatus


def register(app: typer.Typer) -> None:
    examples = "bgpctl confirm a1; bgpctl confirm --all; bgpctl confirm a1 --kubeconfig FILE"
    add_command(app, confirm, epilog=f"Examples: {examples}")


@with_groups
def confirm(
    cluster: Cluster,
    nodes: Annotated[
        list[str] | None, argument(metavar="NODE...", help="The nodes, as bgpctl status names them.")
    ] = None,
    named: Annotated[list[str] | None, option("--node", help="The same; may be repeated.", show_default=False)] = None,
    every: Annotated[
        bool, option("--all", help="All nodes that hold a change, of this machine or of the cluster.")
    ] = False,
    digest: Annotated[str, option(help="Only if this is what is held.")] = "",
    run_dir: RunDirOption = None,
) -> None:
    """Put a held change in place: sessions, routes or originations that were kept are lost.

    Status 1 when one of the nodes holds nothing, or something else than --digest, or does not answer.
    """
    from bgpctl.cli.asking import ask_all, report_silent
    from bgpctl.cli.running import find_nodes

    asked = SomeNodes([*(nodes or ()), *(named or ())], every, run_dir, cluster)
    if bool(asked.nodes) is every:
        raise NotReadyError("name the nodes, or give --all")
    answers, silent = ask_all(asked.find(find_nodes), lambda node: (node, node.agent()))
    done = [_confirm(node, agent, digest, is_named=not every) for _, (node, agent) in answers]
    report_silent(silent)
    if silent or not all(done):
        raise Exit(1)


def _confirm(node: AskedNode, agent: AgentStatus, digest: str, *, is_named: bool) -> bool:
    """False when the node does not hold this; one that is not named need not hold anything."""
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
