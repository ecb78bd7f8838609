"""When a session is dialled again: after a pause that grows with each failure, and not while it is held down.

In seconds of a monotonic clock (RFC 4271 8.1.1, DampPeerOscillations and IdleHoldTimer).
"""

from __future__ import annotations

import time
from collections.abc import Callable

_RETRY_DELAYS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class RetryDelay:
    """Takes the place of ExaBGP's Delay, which grows to a minute. A hold-down is longer than any retry, and not ended
    by what resets those."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._held_until = 0.0

    def reset(self) -> None:
        self._failures = 0
        self._until = 0.0

    def hold(self, seconds: float) -> None:
        self._held_until = self._clock() + seconds

    def release(self) -> None:
        self._held_until = 0.0

    @property
    def is_held(self) -> bool:
        return self._clock() < self._held_until

    def increase(self) -> None:
        self._until = self._clock() + _RETRY_DELAYS[min(self._failures, len(_RETRY_DELAYS) - 1)]
        self._failures += 1

    def backoff(self) -> bool:
        return self._clock() < self.until

    @property
    def until(self) -> float:
        return max(self._until, self._held_until)
