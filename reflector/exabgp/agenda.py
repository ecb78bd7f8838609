"""Which of ExaBGP's sessions needs a turn, and when.

Rule: a turn of the reactor costs what it works on, and not the number of sessions. A session has one appointment, the
last one that was made; an event on its socket makes it for now.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush

NOW = 0.0


class Agenda:
    """Appointments by the session's key; times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._when: dict[str, float] = {}
        # Also appointments that have been moved or cancelled: those are not in _when like this.
        self._queue: list[tuple[float, str]] = []

    def put(self, key: str, at: float = NOW) -> None:
        """`math.inf` is never."""
        if self._when.get(key) == at:
            return
        self._when[key] = at
        if at != math.inf:
            heappush(self._queue, (at, key))

    def cancel(self, key: str) -> None:
        self._when.pop(key, None)

    def due(self, now: float) -> set[str]:
        """Those whose time has come; their appointments are over."""
        keys = set()
        while self.next() <= now:
            _, key = heappop(self._queue)
            del self._when[key]
            keys.add(key)
        return keys

    def next(self) -> float:
        """The time of the first appointment; math.inf without any."""
        queue = self._queue
        while queue and self._when.get(queue[0][1]) != queue[0][0]:
            heappop(queue)
        return queue[0][0] if queue else math.inf
