"""`bgpctl journal`: record what happens to a speaker, and replay it elsewhere without any network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bgpctl.cli.declare import of_typer, with_groups
from bgpctl.cli.output import Output
from bgpctl.cli.show import OutputOption
from bgpctl.cli.which_nodes import OneNode
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from reflector.engine import Engine
    from reflector.messages import JournalStatus, RouteStatus

_READ_OCTETS = 1024 * 1024
_MEBIBYTE = 1024 * 1024

journal = typer.Typer(name="journal", help="Record a speaker's events and replay them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    journal.command(epilog="Example: bgpctl journal start")(of_typer(start))
    journal.command(epilog="Example: bgpctl journal stop")(of_typer(stop))
    journal.command(epilog="Example: bgpctl journal status")(of_typer(status))
    journal.command(epilog="Example: bgpctl journal replay FILE")(of_typer(replay))
    app.add_typer(journal)


@with_groups
def start(
    node: OneNode,
    limit: Annotated[int, typer.Option(help="Where the recording ends by itself, in MiB.", min=1)] = 256,
) -> None:
    """Record every event of a speaker from now on, beginning with what it has now."""
    from reflector.messages import StartJournal

    typer.echo(_sentence(node.find().journal(StartJournal(limit * _MEBIBYTE))))


@with_groups
def stop(node: OneNode) -> None:
    """End the recording; the file stays."""
    from reflector.messages import StopJournal

    typer.echo(_sentence(node.find().journal(StopJournal())))


@with_groups
def status(node: OneNode) -> None:
    """Show whether a speaker is recorded. Status 1 when it is not."""
    from reflector.messages import ShowJournal

    answer = node.find().journal(ShowJournal())
    typer.echo(_sentence(answer))
    if not answer.is_recording:
        raise typer.Exit(1)


def replay(
    file: Annotated[Path, typer.Argument(help="A journal: RUN_DIRECTORY/journal, or a copy of it.")],
    prefix: Annotated[str, typer.Argument(help="Explain the route to this prefix.")] = "",
    until: Annotated[float | None, typer.Option(help="Only the first so many seconds.", min=0.0)] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make the routing state that a journal leads to, and show its Loc-RIB or explain one prefix of it."""
    from bgpctl.cli import tables
    from bgpctl.cli.explain import show_explanation
    from reflector.show.explain import explain
    from reflector.show.incremental import complete_now

    engine = _replayed(file, until)
    if prefix:
        show_explanation(lambda asked: complete_now(explain(engine, asked)), prefix, engine.plan.node, output)
        return
    found = list(_routes(engine))
    if output.is_data:
        tables.print_data([tables.fields(route) for route in found], output)
    else:
        tables.print_routes(found)


def _sentence(status: JournalStatus) -> str:
    if status.is_recording:
        return f"recording into {status.path}: {status.octets} octets of at most {status.limit}"
    if status.ended:
        return f"not recording; {status.path} ended with {status.octets} octets: {status.ended}"
    return "not recording"


def _replayed(file: Path, until_seconds: float | None) -> Engine:
    """Raises NotReadyError for a file that is no journal."""
    from reflector.journal import replay as replaying
    from reflector.journal.journal_format import JournalError, read_journal

    try:
        events = read_journal(_chunks(file))
        return replaying.replay(events if until_seconds is None else replaying.until(events, until_seconds))
    except JournalError as error:
        raise NotReadyError(f"{file}: {error}") from None
    except OSError as error:
        raise NotReadyError(f"cannot read {file}: {error.strerror}") from None


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(_READ_OCTETS):
            yield chunk


def _routes(engine: Engine) -> Iterator[RouteStatus]:
    from reflector.messages import ShowRoutes
    from reflector.plan import Family
    from reflector.show.incremental import complete_now
    from reflector.show.key_order import KeyOrders
    from reflector.show.route_pages import route_page

    orders = KeyOrders()
    families: tuple[Family, ...] = (4, 6)
    for family in families:
        after = ""
        while True:
            page = complete_now(route_page(engine, ShowRoutes(family=family, after=after), orders))
            yield from page.routes
            if not page.next_after:
                break
            after = page.next_after
