"""Waits for a condition, which is asked for again and again: no sleep that hopes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.02


def eventually(ask: Callable[[], T | None], what: str, within: float = 15.0) -> T:
    """The first answer that is true. Raises TimeoutError when `within` seconds are over."""
    deadline = time.monotonic() + within
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within} s: {what}")
        time.sleep(PAUSE)
    return answer
