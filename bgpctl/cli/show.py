"""`bgpctl routes`, asked of the speakers themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.declare import Exit, add_command, argument, option, with_groups
from bgpctl.cli.output import Output
from bgpctl.cli.which_nodes import OneNode
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    import typer

OutputOption = Annotated[Output, option("--output", "-o", help="For people or for programs.")]


def register(app: typer.Typer) -> None:
    examples = "bgpctl routes; bgpctl routes 10.244.1.0/26 --node a1; bgpctl routes --received rr1 -o json"
    add_command(app, routes, epilog=f"Examples: {examples}")


@with_groups
def routes(
    node: OneNode,
    prefix: Annotated[str, argument(help="Only the route to exactly this prefix.")] = "",
    inside: Annotated[str, option(help="Only routes inside this prefix.")] = "",
    received: Annotated[str, option(help="What this peer has sent, used or not: session, address or node.")] = "",
    advertised: Annotated[str, option(help="What this peer has been advertised.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the best routes of one node's Loc-RIB, or the routes of one peer. Status 1 when there is no such route."""
    from bgpctl.cli import tables
    from reflector.messages import ShowRoutes, Table

    if received and advertised:
        raise NotReadyError("--received and --advertised exclude each other")
    wanted = canonical_prefix(prefix or inside)
    speaker = node.find()
    session = speaker.session(received or advertised) if received or advertised else ""
    table = Table.RECEIVED if received else Table.ADVERTISED if advertised else Table.LOC_RIB
    questions = (ShowRoutes(family, wanted, table=table, peer=session) for family in tables.families_of(wanted))
    found = [route for question in questions for route in speaker.routes(question)]
    if prefix:
        found = [route for route in found if route.prefix == wanted]
    if output.is_data:
        tables.print_data([tables.fields(route) for route in found], output)
    else:
        tables.print_routes(found, with_verdict=bool(received))
    if wanted and not found:
        raise Exit(1)


def canonical_prefix(text: str) -> str:
    """ "10.0.0.0/24" as routes are written; an address is its host prefix. Raises NotReadyError otherwise."""
    if not text:
        return ""
    from ipaddress import ip_network

    try:
        return str(ip_network(text))
    except ValueError as error:
        raise NotReadyError(f"{text!r} is not a prefix ({error})") from None
