"""What a test of a lab has found, as plain data: for --json, for JUnit, for tables of many labs.

Seconds are those of a monotonic clock, None where that was not reached.
"""

from __future__ import annotations

import msgspec

from bgpctl.lab.expect.convergence import TestResult
from bgpctl.lab.rehearse.rehearsal import EventResult


class CheckFigures(msgspec.Struct, frozen=True):
    """One kind of expectation: how many there are, and a sentence for each that is not met."""

    name: str
    expected: int
    failures: tuple[str, ...]


class EventFigures(msgspec.Struct, frozen=True):
    """One event. `lost` of `sent` packets, `lost_after_undo` of them when it was undone; None: none were sent."""

    name: str
    passed: bool
    actions: tuple[str, ...]
    undone: tuple[str, ...]
    converged_seconds: float | None
    recovered_seconds: float | None
    sent: int | None
    lost: int | None
    lost_after_undo: int
    lose_at_most: int | None
    longest_outage_seconds: float | None
    failures: tuple[str, ...]


class LabFigures(msgspec.Struct, frozen=True):
    """One lab. `not_run` are the events that were not reached."""

    lab: str
    passed: bool
    converged_seconds: float
    checks: tuple[CheckFigures, ...]
    events: tuple[EventFigures, ...] = ()
    not_run: tuple[str, ...] = ()


def figures_of(lab: str, result: TestResult, events: list[EventResult], not_run: list[str]) -> LabFigures:
    return LabFigures(
        lab=lab,
        passed=result.passed and not not_run and all(event.passed for event in events),
        converged_seconds=round(result.seconds, 3),
        checks=tuple(CheckFigures(check.name, check.expected, check.failures) for check in result.checks),
        events=tuple(map(event_figures, events)),
        not_run=tuple(not_run),
    )


def event_figures(result: EventResult) -> EventFigures:
    traffic = result.traffic
    return EventFigures(
        name=result.event.name,
        passed=result.passed,
        actions=tuple(map(str, result.done)),
        undone=tuple(map(str, result.undone)),
        converged_seconds=round(result.converged.seconds, 3) if result.converged else None,
        recovered_seconds=round(result.recovered.seconds, 3) if result.recovered else None,
        sent=traffic.sent if traffic else None,
        lost=traffic.lost if traffic else None,
        lost_after_undo=result.lost_after_undo,
        lose_at_most=result.event.lose_at_most,
        longest_outage_seconds=round(max((loss.longest_outage for loss in traffic.losses), default=0.0), 3)
        if traffic
        else None,
        failures=tuple(result.failures),
    )
