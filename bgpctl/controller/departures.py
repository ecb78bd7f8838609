"""Which plans of nodes that are gone are deleted: never most of those of the last ten minutes.

Rule: a list of Nodes that is empty by mistake must not take the plans of a cluster away, neither at once nor in small
steps, nor over a change of leaders: what one remembers is a note for the next one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

# More than this share of the plans that were there within MEMORY seconds, and at least so many, are not deleted.
MOST_GONE, FEWEST_GONE, MEMORY = 0.5, 2, 600.0
_NOTE = re.compile(r"([0-9]{1,7}) ([0-9]{1,4})")


class Departures:
    """`clock` is monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # When there were how many.
        self._counts: deque[tuple[float, int]] = deque()

    @property
    def note(self) -> str:
        """The most plans that there were, and for how many seconds that still counts: clocks are not compared. "" for
        nothing."""
        self._forget()
        if not self._counts:
            return ""
        most = max(count for _, count in self._counts)
        at = max(at for at, count in self._counts if count == most)
        return f"{most} {at + MEMORY - self._clock():.0f}"

    def remember(self, note: str) -> None:
        """Of the leader before this one. One that is not readable is none."""
        found = _NOTE.fullmatch(note)
        if found is None:
            return
        count, left = map(int, found.groups())
        self._counts.appendleft((self._clock() - MEMORY + min(left, MEMORY), count))

    def are_most(self, gone: int, of: int) -> bool:
        """Whether so many of those that are there are too many to be deleted now."""
        self._counts.append((self._clock(), of))
        self._forget()
        most = max(count for _, count in self._counts)
        lost = most - of + gone
        return lost >= FEWEST_GONE and lost > MOST_GONE * most

    def _forget(self) -> None:
        """What is too long ago."""
        end = self._clock() - MEMORY
        self._counts = deque(each for each in self._counts if each[0] >= end)
