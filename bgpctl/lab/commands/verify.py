"""`bgpctl lab test`, `run` and `do`: what a lab must do, and the failures that are rehearsed in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bgpctl.errors import NotReadyError
from bgpctl.lab.commands.lab_files import (
    SIGNALLED,
    TopologyFile,
    end_with_problems,
    expectations_of,
    running_topology_of,
)

if TYPE_CHECKING:
    from bgpctl.lab.rehearse.events import Event
    from bgpctl.lab.rehearse.expectations_file import ExpectationsFile


def expect(
    file: TopologyFile,
    within: Annotated[float, typer.Option(help="Seconds to wait for convergence; 0: as in expectations.yml.")] = 0,
    events: Annotated[bool, typer.Option("--events/--no-events", help="Rehearse the events afterwards.")] = True,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Of the events only this one.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the result as JUnit XML.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the result with all its figures as JSON.")] = None,
) -> None:
    """Wait until the lab is as its expectations.yml states, then rehearse its events; status 1 when something fails.

    The lab stays up, and each event is undone.
    """
    import msgspec

    from bgpctl.lab.expect.convergence import wait_for
    from bgpctl.lab.expect.result_report import print_result
    from bgpctl.lab.rehearse import event_report
    from bgpctl.lab.rehearse.figures import event_figures, figures_of
    from bgpctl.lab.rehearse.junit import junit_xml
    from bgpctl.lab.rehearse.rehearsal import rehearse

    topology = running_topology_of(file)
    expected = expectations_of(topology)
    chosen = _chosen(expected, only or []) if events else []
    result = wait_for(topology, expected.expectations, within or expected.expectations.within)
    print_result(result)
    happened = []
    if result.passed:
        with _undone_when_interrupted():
            happened = rehearse(
                topology, expected.expectations, chosen, lambda each: event_report.print_event(event_figures(each))
            )
    figures = figures_of(topology.name, result, happened, [event.name for event in chosen[len(happened) :]])
    if figures.events:
        event_report.print_events(figures)
    if junit is not None:
        junit.write_bytes(junit_xml(figures))
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    if not figures.passed:
        raise typer.Exit(1)


def run(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Containerlab topologies (*.clab.yml).")],
    junit: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the result of each as JUnit XML.")] = None,
) -> None:
    """Labs one after the other: up, test with all events, down; a table at the end, status 1 when one has failed."""
    from bgpctl.lab.console import lab_console
    from bgpctl.lab.rehearse import event_report, series, series_report
    from bgpctl.lab.rehearse.junit import junit_xml
    from bgpctl.lab.running.interruption import Interrupted

    out, runs, interrupted = lab_console(), [], 0
    try:
        for one in series.run_series(files, lambda file: out.rule(str(file)), event_report.print_event):
            runs.append(one)
            if junit is not None:
                junit.mkdir(parents=True, exist_ok=True)
                (junit / f"{one.figures.lab}.xml").write_bytes(junit_xml(one.figures))
    except Interrupted as signal:
        interrupted = SIGNALLED + signal.signal_number
    series_report.print_series(runs, out)
    raise typer.Exit(interrupted or any(not one.figures.passed for one in runs))


def do(
    file: TopologyFile,
    words: Annotated[list[str], typer.Argument(metavar="ACTION...", help="In the words of expectations.yml.")],
) -> None:
    """Do one action to a running lab: `kill rr1 speaker`, `cut a1 from fabric`, `impair a1:eth1 delay 200ms`.

    docs/lab-expectations.md has them all. When it is done, the action that undoes it is printed.
    """
    from bgpctl.lab.actions import ActionError, read_action
    from bgpctl.lab.rehearse.rehearsal import perform
    from bgpctl.lab.topology.document import DocumentError

    topology = running_topology_of(file)
    words = words[0].split() if len(words) == 1 else words
    try:
        action = read_action(words, expectations_of(topology).scope)
        perform(topology, topology.file.parent, action)
    except (ActionError, DocumentError) as error:
        end_with_problems(error)
    undo = action.undo()
    typer.echo(f"done: {action}" + (f"; it is undone by: {undo}" if undo is not None else ""))


@contextmanager
def _undone_when_interrupted() -> Iterator[None]:
    from bgpctl.lab.running.interruption import Interrupted, signals_interrupt

    try:
        with signals_interrupt():
            yield
    except Interrupted as interrupted:
        typer.echo(f"bgpctl: {interrupted}; the event has been undone", err=True)
        raise typer.Exit(SIGNALLED + interrupted.signal_number) from None


def _chosen(expected: ExpectationsFile, names: list[str]) -> list[Event]:
    from bgpctl.lab.topology.document import suggestion

    known = [event.name for event in expected.events]
    for name in names:
        if name not in known:
            raise NotReadyError(
                f"the lab has no event {name!r}{suggestion(name, known)}; there are: {', '.join(known)}"
            )
    return [event for event in expected.events if not names or event.name in names]
