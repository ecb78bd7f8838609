"""How long to wait after failures: exponential, with jitter, so that a thousand clients do not come back together."""

from __future__ import annotations

from collections.abc import Callable

FIRST, LONGEST = 0.4, 10.0
# Between half of a pause and the whole of it.
LEAST = 0.5


class Pauses:
    """`chance` returns numbers from 0 to 1."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._failures = 0

    def next(self, retry_after: float = 0.0) -> float:
        """Seconds after one more failure; not less than the API server asked for."""
        pause = min(FIRST * 2.0**self._failures, LONGEST)
        self._failures = min(self._failures + 1, 16)
        return retry_after + self.around(pause)

    def around(self, seconds: float) -> float:
        """About so long, and never longer."""
        return seconds * (LEAST + (1 - LEAST) * self._chance())

    def succeeded(self) -> None:
        self._failures = 0
