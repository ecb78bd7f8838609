"""How work grows with its amount: the time of four times as much against that of once, whatever the machine does."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

# Linear is 4 and quadratic 16. Between them is what caches and a busy machine make of the first.
LINEAR = 9.0


def growth(prepare: Callable[[int], Callable[[], object]], amount: int) -> float:
    """`prepare(n)` returns the work on n; its CPU time for 4 n over that for n, the best of three each."""
    return _seconds(prepare, 4 * amount) / _seconds(prepare, amount)


def _seconds(prepare: Callable[[int], Callable[[], object]], amount: int) -> float:
    def once() -> float:
        work = prepare(amount)
        gc.collect()
        gc.disable()
        try:
            start = time.process_time()
            work()
            return time.process_time() - start
        finally:
            gc.enable()

    return min(once() for _ in range(3))
