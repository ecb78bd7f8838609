"""What exists after a start is not traversed any more."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from reflector.process import garbage


class Node:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_is_there_is_set_aside_and_what_ends_later_is_still_freed() -> None:
    kept = [Node() for _ in range(1000)]
    garbage.settle()
    assert gc.get_freeze_count() > len(kept)
    assert not any(isinstance(each, Node) for each in gc.get_objects())
    later = weakref.ref(Node())
    gc.collect()
    assert later() is None


def test_cycles_of_before_are_freed_first() -> None:
    before = weakref.ref(Node())
    garbage.settle()
    assert before() is None
