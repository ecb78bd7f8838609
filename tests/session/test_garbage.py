"""What exists after a start is not traversed any more, and nothing is while there is something to do."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from socket import socketpair

import pytest

from reflector.event_loop import EventLoop
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


@pytest.fixture
def loop() -> EventLoop:
    return EventLoop()


@pytest.fixture
def calls() -> list[str]:
    return []


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


def test_a_collection_that_is_due_waits_until_nothing_else_is_to_be_done(loop: EventLoop, calls: list[str]) -> None:
    garbage.settle()
    left = weakref.ref(Node())
    new: list[object] = [[] for _ in range(garbage.NEW_OBJECTS)]
    near, far = socketpair()
    with near, far:
        loop.watch(near.fileno(), lambda _: calls.append(near.recv(1).decode()))
        for message in "abc":
            far.send(message.encode())
            garbage.wait(loop, 0.01)
        assert (calls, left() is None) == (["a", "b", "c"], False)
        garbage.wait(loop, 60.0)
    assert left() is None
    assert gc.get_count()[0] < len(new), "and the next one is not due before as many have come"


def test_one_is_due_only_after_many_new_objects(loop: EventLoop) -> None:
    garbage.settle()
    left = weakref.ref(Node())
    garbage.wait(loop, 0.001)
    assert left() is not None


def test_a_loop_that_always_has_something_to_do_does_not_put_it_off_for_ever(loop: EventLoop) -> None:
    garbage.settle()
    left = weakref.ref(Node())
    new: list[object] = []
    while left() is not None and len(new) <= 2 * garbage.MOST_OBJECTS:
        new.append([])
        garbage.wait(loop, 0.0)
    assert garbage.NEW_OBJECTS < len(new) <= garbage.MOST_OBJECTS + 1000


def test_what_has_outlived_collections_is_traversed_once_more(loop: EventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "NEW_OBJECTS", 100)
    garbage.settle()
    first = Node()
    ended = weakref.ref(first)
    gc.collect(0)
    del first
    kept: list[object] = []
    for _ in range(30):
        kept += [[] for _ in range(1000)]
        garbage.wait(loop, 0.001)
    assert ended() is None
