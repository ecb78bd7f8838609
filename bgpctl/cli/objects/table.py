"""Tables of objects that may go on while somebody watches: later rows keep the columns of the first ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from bgpctl.cli.text_table import GAP


class GrowingTable:
    """Of text without colours. A cell that is wider than its column moves the rest of its row only."""

    def __init__(self, titles: Sequence[str], *, has_headers: bool) -> None:
        self._titles = titles
        self._has_headers = has_headers
        self._widths: list[int] = []

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Writes them; before the first ones the titles."""
        lines = [*([self._titles] if not self._widths and self._has_headers else []), *rows]
        if not lines:
            return
        if not self._widths:
            self._widths = [max(len(line[place]) for line in lines) for place in range(len(self._titles))]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, self._widths, strict=True))
            sys.stdout.write(GAP.join(cells).rstrip() + "\n")
        sys.stdout.flush()
