"""What foreign routes newly do to ours, or no longer do, for the log. Pure: time is an argument.

Rule: at most once a second, and then the first few and the number of the others: a program that changes routes in a
loop does not fill the disk as well. What is so now is in `failures`, whatever became of the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reflector.kernel.route import RouteKey, prefix_text

PAUSE = 1.0
FIRST = 10


class ForeignChange(NamedTuple):
    """`reason` "": the route of ours is used again."""

    prefix: str
    metric: int
    reason: str


class ForeignRouteLog:
    """Mutable. `count`: how many changes have not been taken."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[ForeignChange] = []
        self._taken_at = float("-inf")

    def note(self, before: Mapping[RouteKey, str], after: Mapping[RouteKey, str]) -> None:
        """The keys of one destination with the sentence on each, before and after a comparison."""
        for key in {**before, **after}:
            if before.get(key) != after.get(key):
                self.count += 1
                if len(self._first) < FIRST:
                    change = ForeignChange(prefix_text((key.family, key.nlri)), key.metric, after.get(key, ""))
                    self._first.append(change)

    def take(self, now: float) -> tuple[list[ForeignChange], int]:
        """The first changes since this was last asked, and how many others there were; none within the pause."""
        if not self.count or now < self._taken_at + PAUSE:
            return [], 0
        self._taken_at = now
        taken, others = self._first, self.count - len(self._first)
        self._first, self.count = [], 0
        return taken, others
