"""Counts how long things took, in buckets from a hundredth of a millisecond to ten seconds. Time is an argument."""

from __future__ import annotations

from bisect import bisect_left

from reflector.messages import Histogram

# Seconds. A batch of 256 routes takes two milliseconds, a route from the wire to the kernel less than ten.
BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class LatencyCounter:
    """Mutable; `histogram` is what it has counted since start."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._total = 0.0

    def took(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._total += seconds

    def histogram(self) -> Histogram:
        return Histogram(BOUNDS, tuple(self._counts), self._total)
