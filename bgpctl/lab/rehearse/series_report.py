"""The table of many labs: one line for each, and a sentence for all that failed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bgpctl.lab.console import BAD, GOOD
from bgpctl.lab.rehearse.figures import LabFigures
from bgpctl.lab.rehearse.series import LabRun

_RIGHT = ("Nodes", "Sessions", "Converged in", "Packets lost", "of", "Failures survived", "Took")


def print_series(runs: Sequence[LabRun], out: Console) -> None:
    """First everything that failed, so that the table is the last thing on the screen."""
    for run in runs:
        for failure in failures(run.figures):
            out.print(Text(f"{run.figures.lab}: {failure}", style=BAD), soft_wrap=True)
    table = Table(title="Labs", title_justify="left")
    table.add_column("Lab")
    for column in _RIGHT:
        table.add_column(column, justify="right")
    table.add_column("Verdict")
    for run in runs:
        table.add_row(run.figures.lab, *_cells(run), _verdict(run.figures.passed))
    out.print(table)


def failures(lab: LabFigures) -> list[str]:
    """A sentence for each thing that is not as it should be."""
    checks = chain.from_iterable(check.failures for check in lab.checks)
    events = [f"{event.name}: {failure}" for event in lab.events for failure in event.failures]
    return [*checks, *events, *(f"{name}: not run" for name in lab.not_run)]


def _cells(run: LabRun) -> tuple[str, ...]:
    converged = run.converged_seconds
    return (
        str(run.nodes),
        str(run.sessions),
        "never" if converged is None else f"{converged:.1f} s",
        str(run.lost),
        str(run.sent),
        f"{run.survived} of {run.rehearsed}",
        f"{run.seconds:.0f} s",
    )


def _verdict(passed: bool) -> Text:
    return Text("ok", style=GOOD) if passed else Text("FAIL", style=BAD)
