"""The figures as people read them: one table a case, one line a daemon, medians over its runs."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable, Iterator

from labs.bench.reflection.case import Case
from labs.bench.reflection.load import LIMIT
from labs.bench.reflection.measure import CHURN_RATES, Run

Figure = Callable[[Run], float | None]


def _latency(rate: int, percentile: str) -> Figure:
    def figure(run: Run) -> float | None:
        outcome = run.churn.get(rate)
        if outcome is None or not outcome.done:
            return None
        return float(getattr(outcome, percentile)) * 1000

    return figure


# Heading, unit, figure, digits behind the point.
COLUMNS: tuple[tuple[str, str, Figure, int], ...] = (
    ("set-up", "s", lambda run: run.established, 3),
    ("converged", "s", lambda run: run.converged, 4),
    *((f"{p} @{rate}", "ms", _latency(rate, p), 2) for rate in CHURN_RATES for p in ("p50", "p99")),
    ("late", "s", lambda run: run.late_joiner, 4),
    ("withdrawn", "s", lambda run: run.withdrawn, 4),
    ("idle", "%", lambda run: None if run.idle is None else run.idle * 100, 1),
    ("CPU", "s", lambda run: run.cpu, 3),
    ("load's", "s", lambda run: run.load_cpu, 3),
    ("CPU all", "s", lambda run: run.cpu_total, 2),
    ("peak", "MB", lambda run: None if run.peak_rss is None else run.peak_rss / 1e6, 1),
)
_WIDTH = 10


def median(figure: Figure, runs: Iterable[Run]) -> float | None:
    figures = [value for run in runs if (value := figure(run)) is not None]
    return statistics.median(figures) if figures else None


def print_heading(runs: int) -> None:
    load = os.getloadavg()[0]
    print(
        f"medians of {runs} alternated runs; {len(os.sched_getaffinity(0))} cores, load average {load:.1f} at the start"
    )
    print(f"a step that needs more than {LIMIT:.0f} s ends a run")
    print("CPU and load's: of the reflector and of the load, during the convergence")


def print_case(case: Case, runs: dict[str, list[Run]]) -> None:
    print(f"\n{case}")
    print(f"{'':10}" + "".join(f"{name:>{_WIDTH}}" for name, *_ in COLUMNS))
    print(f"{'':10}" + "".join(f"{unit:>{_WIDTH}}" for _, unit, *_ in COLUMNS))
    for name, some in runs.items():
        cells = [_cell(median(figure, some), digits) for _, _, figure, digits in COLUMNS]
        print(f"{name:10}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells), flush=True)
    for name, some in runs.items():
        for run in some:
            for trouble in _troubles(run):
                print(f"  {name}: {trouble}", flush=True)


def _troubles(run: Run) -> Iterator[str]:
    if run.failure:
        yield run.failure
    if run.wrong and not run.failure:
        yield f"{run.wrong} prefixes missing or too many at the end of a step"
    if run.duplicates:
        yield f"{run.duplicates} prefixes sent twice without a change"


def print_correctness(case: Case, complaints: dict[str, list[str]]) -> None:
    """All that clients received, read in full; see correctness.py."""
    print(f"\ncorrectness, {case}")
    for name, sentences in complaints.items():
        print(f"{name:10} {'; '.join(sentences) or 'nothing lost, repeated or altered'}", flush=True)


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
