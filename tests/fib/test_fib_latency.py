"""Latencies: a time falls into the first bucket whose bound it does not exceed."""

from __future__ import annotations

import pytest

from bgpctl.fib.latency import BOUNDS, LatencyCounter


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.01, BOUNDS.index(0.01)), (0.0101, BOUNDS.index(0.025)), (10.0, len(BOUNDS) - 1), (11.0, len(BOUNDS))],
)
def test_bucket(seconds: float, bucket: int) -> None:
    watch = LatencyCounter()
    watch.took(seconds)
    counted = watch.histogram()
    assert [index for index, count in enumerate(counted.counts) if count] == [bucket]
    assert counted.total == seconds
