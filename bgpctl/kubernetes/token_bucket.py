"""So many at once, and from then on one in so many seconds."""

from __future__ import annotations

# Seconds that are no wait: sums of numbers with a fraction do not come out even.
MOMENT = 1e-3


class TokenBucket:
    """Full at first. `now` is in seconds of one clock that never goes back."""

    def __init__(self, burst: int, seconds: float, now: float) -> None:
        self._burst, self._seconds = burst, seconds
        self._tokens, self._at = float(burst), now

    def take(self, now: float) -> bool:
        """Whether there was one."""
        if self.wait(now) > 0:
            return False
        self._tokens -= 1
        return True

    def wait(self, now: float) -> float:
        """Seconds until there is one."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) / self._seconds)
        self._at = now
        missing = (1 - self._tokens) * self._seconds
        return missing if missing > MOMENT else 0.0
