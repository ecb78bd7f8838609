"""The events of a lab for people: a line when each is over, a table at the end, a sentence for all that failed."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from bgpctl.lab.console import BAD, GOOD, lab_console
from bgpctl.lab.rehearse.figures import EventFigures, LabFigures


def print_event(event: EventFigures) -> None:
    """When it is over: its verdict, and every sentence about what failed."""
    out = lab_console()
    out.print(_verdict(event.passed), Text(event.name), Text(f"({'; '.join(event.actions)})", style="dim"))
    for failure in event.failures:
        out.print(Text(f"       {failure}"))
    if event.undone and event.failures:
        out.print(Text(f"       undone by: {'; '.join(event.undone)}"))


def print_events(lab: LabFigures) -> None:
    """The table of figures."""
    table = Table(title=f"Events of the lab {lab.lab}", title_justify="left")
    table.add_column("Event")
    for column in ("Converged in", "Recovered in", "Lost", "Sent", "At most", "Longest outage"):
        table.add_column(column, justify="right")
    table.add_column("Verdict")
    for event in lab.events:
        table.add_row(
            event.name,
            _seconds(event.converged_seconds),
            _seconds(event.recovered_seconds),
            *(_number(value) for value in (event.lost, event.sent, event.lose_at_most)),
            _seconds(event.longest_outage_seconds),
            _verdict(event.passed),
        )
    for name in lab.not_run:
        table.add_row(name, "", "", "", "", "", "", Text("not run", style=BAD))
    lab_console().print(table)


def _verdict(passed: bool) -> Text:
    return Text("ok  ", style=GOOD) if passed else Text("FAIL", style=BAD)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
