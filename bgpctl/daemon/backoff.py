"""How long to wait before the next try: doubling, up to a bound, and beginning anew after a good run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """All in seconds. A run of `good_run` or longer clears all failures before it."""

    first: float = 0.2
    longest: float = 30.0
    good_run: float = 60.0
    _next: float = field(init=False, default=0.0)

    def after_failure(self, ran_for: float) -> float:
        """The pause after a run that ended unasked when it had lasted `ran_for`."""
        if ran_for >= self.good_run or not self._next:
            self._next = self.first
        pause = self._next
        self._next = min(self._next * 2, self.longest)
        return pause
