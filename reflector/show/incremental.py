"""Answers that are made in parts, so that no question holds routing up.

An answer is a generator that yields None wherever a turn of the event loop may pass, and returns its value. The tables
may change at every yield: copy what is iterated over, and look up what is shown after it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Value = TypeVar("Value")
Incremental = Generator[None, None, Value]


def complete_now(answer: Incremental[Value]) -> Value:
    """The value, where there are no turns to let pass."""
    while True:
        try:
            next(answer)
        except StopIteration as end:
            value: Value = end.value
            return value
