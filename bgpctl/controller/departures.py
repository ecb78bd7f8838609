"""Which plans of nodes that are gone are deleted: never most of those of the last ten minutes.

Rule: a list of Nodes that is empty by mistake must not take the plans of a cluster away, neither at once nor in small
steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

# More than this share of the plans that were there within MEMORY seconds, and at least so many, are not deleted.
MOST_GONE, FEWEST_GONE, MEMORY = 0.5, 2, 600.0


class Departures:
    """`clock` is monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # When there were how many.
        self._counts: deque[tuple[float, int]] = deque()

    def are_most(self, gone: int, of: int) -> bool:
        """Whether so many of those that are there are too many to be deleted now."""
        now = self._clock()
        self._counts.append((now, of))
        while self._counts[0][0] < now - MEMORY:
            self._counts.popleft()
        most = max(count for _, count in self._counts)
        lost = most - of + gone
        return lost >= FEWEST_GONE and lost > MOST_GONE * most
