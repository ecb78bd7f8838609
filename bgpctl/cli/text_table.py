"""Tables for people: columns of text, each as wide as its widest cell, two spaces apart.

A cell may have parts in a colour, `[red]none[/]`. On a terminal that wants colours they are shown, elsewhere left out.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
# Title, and the cell of a row.
Columns = Sequence[tuple[str, Callable[[T], str]]]

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "/": "0"}
_STYLE = re.compile(rf"\[({'|'.join(_COLOURS)})\]")
GAP = "  "


def render(columns: Columns[T], rows: Iterable[T]) -> None:
    """Writes the table."""
    titles = [title for title, _ in columns]
    lines = [titles, *([cell(row) for _, cell in columns] for row in rows)]
    widths = [max(width(line[place]) for line in lines) for place in range(len(columns))]
    paint = _painted if _wants_colours() else plain
    for line in lines:
        cells = (paint(cell) + " " * (room - width(cell)) for cell, room in zip(line, widths, strict=True))
        sys.stdout.write(GAP.join(cells).rstrip() + "\n")


def width(cell: str) -> int:
    """How many columns of a terminal it takes."""
    return len(plain(cell))


def plain(cell: str) -> str:
    """Without colours."""
    return _STYLE.sub("", cell)


def duration(seconds: float) -> str:
    """ "12s", "3m05s", "2h07m", "5d03h": the two units that matter."""
    whole = int(seconds)
    for name, size, smaller, small in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size}{name}{whole % size // small:02d}{smaller}"
    return f"{whole}s"


def _painted(cell: str) -> str:
    return _STYLE.sub(lambda found: f"\x1b[{_COLOURS[found[1]]}m", cell)


def _wants_colours() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
