"""When a session may be set up: after a pause that grows with each failure, and not while it is in hold-down.

In seconds of a monotonic clock (RFC 4271 8.1.1, DampPeerOscillations and IdleHoldTimer).
"""

from __future__ import annotations

import time
from collections.abc import Callable

_RETRY_DELAYS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class RetryDelay:
    """Takes the place of ExaBGP's Delay, which grows to a minute. A hold-down is longer than any retry, and what resets
    those does not end it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._hold_down_until = 0.0

    def reset(self) -> None:
        self._failures = 0
        self._until = 0.0

    def hold_down(self, seconds: float) -> None:
        self._hold_down_until = self._clock() + seconds

    def lift_hold_down(self) -> None:
        self._hold_down_until = 0.0

    @property
    def is_in_hold_down(self) -> bool:
        return self._clock() < self._hold_down_until

    def increase(self) -> None:
        self._until = self._clock() + _RETRY_DELAYS[min(self._failures, len(_RETRY_DELAYS) - 1)]
        self._failures += 1

    def backoff(self) -> bool:
        return self._clock() < self.until

    @property
    def until(self) -> float:
        return max(self._until, self._hold_down_until)
