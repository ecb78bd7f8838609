"""Answers that are made in parts, so that no question holds routing up.

An answer is a generator that yields None wherever a turn of the event loop may pass, and returns its value. The tables
may change at every yield: copy what is iterated over, and look up again what is shown.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Value = TypeVar("Value")
InParts = Generator[None, None, Value]


def at_once(parts: InParts[Value]) -> Value:
    """The value, for who has no turns to wait for."""
    while True:
        try:
            next(parts)
        except StopIteration as end:
            value: Value = end.value
            return value
