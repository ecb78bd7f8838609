"""Labs one after the other: each is built, tested with its events, and removed, whatever the result.

The rule: nothing is left of a lab before the next one begins, and after an interruption nothing at all. A lab that is
up already is in use: it is neither tested nor taken down.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bgpctl.errors import NotReadyError
from bgpctl.lab.expect.convergence import wait_for
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.rehearse.expectations_file import EXPECTATIONS, ExpectationsFile, read_expectations
from bgpctl.lab.rehearse.figures import CheckFigures, EventFigures, LabFigures, event_figures, figures_of
from bgpctl.lab.rehearse.rehearsal import rehearse
from bgpctl.lab.running import runner
from bgpctl.lab.running.interruption import Interrupted, signals_interrupt
from bgpctl.lab.topology.document import DocumentError
from bgpctl.lab.topology.topology import Topology
from bgpctl.lab.topology.topology_file import read_topology

# The name of the check in the figures of a lab that could not be tested.
_COMES_UP = "the lab comes up"


@dataclass(frozen=True, slots=True)
class LabRun:
    """What came of one lab.

    sessions     how many there are, each counted once
    up_seconds   until everything in it answered; its figures count from there
    seconds      of all: up, tested, down
    """

    figures: LabFigures
    nodes: int = 0
    sessions: int = 0
    up_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        return sum(event.lost or 0 for event in self.figures.events)

    @property
    def sent(self) -> int:
        return sum(event.sent or 0 for event in self.figures.events)

    @property
    def survived(self) -> int:
        return sum(event.passed for event in self.figures.events)

    @property
    def rehearsed(self) -> int:
        """The events that were not reached count as well: the lab has not survived them."""
        return len(self.figures.events) + len(self.figures.not_run)

    @property
    def converged_seconds(self) -> float | None:
        """From nothing to everything as expected."""
        converged = bool(self.figures.checks) and not any(check.failures for check in self.figures.checks)
        return self.up_seconds + self.figures.converged_seconds if converged else None


EventEnded = Callable[[EventFigures], None]


def run_series(files: Iterable[Path], begins: Callable[[Path], None], ended: EventEnded) -> Iterator[LabRun]:
    """What came of each lab, when it is down; `begins` is called with each lab and `ended` with each event. Raises
    Interrupted, with nothing left."""
    with signals_interrupt():
        for file in files:
            begins(file)
            began = time.monotonic()
            yield _run(file, ended, began)


def _run(file: Path, ended: EventEnded, began: float) -> LabRun:
    try:
        topology = read_topology(file)
        expected = read_expectations(file.with_name(EXPECTATIONS), topology)
        if LabState(topology.name).exists():
            raise NotReadyError(f"the lab {topology.name} is up already; run `bgpctl lab down {topology.name}` first")
    except (NotReadyError, DocumentError) as error:
        return LabRun(_unusable(file, error), seconds=time.monotonic() - began)
    sessions = len({frozenset(pair) for pair in expected.expectations.sessions})
    try:
        try:
            up_seconds = runner.up(topology).seconds
            figures = _examine(topology, expected, ended)
        except (NotReadyError, DocumentError) as error:
            up_seconds, figures = 0.0, _unusable(file, error, topology.name)
        finally:
            runner.down(topology.name)
    except Interrupted:
        # It comes once, but perhaps in the very moment before the line above.
        runner.down(topology.name)
        raise
    return LabRun(figures, len(topology.nodes), sessions, up_seconds, time.monotonic() - began)


def _examine(topology: Topology, expected: ExpectationsFile, ended: EventEnded) -> LabFigures:
    result = wait_for(topology, expected.expectations, expected.expectations.within)
    events = expected.events if result.passed else ()
    happened = rehearse(topology, expected.expectations, events, lambda each: ended(event_figures(each)))
    not_run = [event.name for event in expected.events[len(happened) :]]
    return figures_of(topology.name, result, happened, not_run)


def _unusable(file: Path, error: Exception, name: str = "") -> LabFigures:
    check = CheckFigures(_COMES_UP, 1, tuple(str(error).splitlines()))
    return LabFigures(lab=name or file.name.partition(".")[0], passed=False, converged_seconds=0.0, checks=(check,))
