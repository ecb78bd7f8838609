"""How far `up` is: one line that moves on a terminal, a line for each stage otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

# At most this number of lines for one stage where no line can move.
_PARTS = 4


class Progress(Protocol):
    """Called after each node: `stage` has finished `done` of `total` nodes."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """Nothing is shown."""


@contextmanager
def shown(console: Console) -> Iterator[Progress]:
    """For people, on the console's terminal or file."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # No thread may draw while this program forks (warm_start.py): it is drawn when something has changed.
    with Bar(*columns, console=console, transient=True, auto_refresh=False) as bar:
        yield _Moving(bar)


class _Moving:
    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=total)
        self._bar.update(self._tasks[stage], completed=done, refresh=True)


class _Lines:
    """A line at each quarter of a stage of many, one at the end of a stage of few."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, stage: str, done: int, total: int) -> None:
        part = max(total // _PARTS, 1) if total > _PARTS * _PARTS else total
        if done == total or (done % part == 0 and total - done >= part):
            self._console.print(f"{stage}: {done} of {total}", highlight=False)
