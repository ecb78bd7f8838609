"""Limits and series of Events: what is written of what happens, with a clock of the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bgpctl.kubernetes.event_memory import (
    BURST,
    BURST_OF_OBJECT,
    FORGET,
    MOST,
    PAUSE_OF_OBJECT,
    REPEAT_PAUSE,
    EventMemory,
    Write,
)
from bgpctl.kubernetes.events import LONGEST_NOTE, shortened
from bgpctl.kubernetes.kinds import NODE_PLAN
from bgpctl.kubernetes.lasting_events import REMIND, LastingEvents
from bgpctl.kubernetes.occurrence import Occurrence, Subject
from bgpctl.kubernetes.token_bucket import TokenBucket

EPOCH = 1_764_633_600.0


class World:
    """A memory, its clock, and what is written as soon as it may be."""

    def __init__(self) -> None:
        self.now = 0.0
        self.memory = EventMemory(self.now)
        self.writes: list[Write] = []

    def happen(self, note: str = "down", name: str = "a1", reason: str = "SessionDown") -> None:
        occurrence = Occurrence(Subject(NODE_PLAN, name), reason, note, "Peer")
        self.memory.take(occurrence, EPOCH + self.now, self.now)

    def write(self) -> list[Write]:
        """All that may be written now."""
        found = list(self._written())
        self.writes += found
        return found

    def _written(self) -> Iterator[Write]:
        while (write := self.memory.next(self.now)) is not None:
            self.memory.written(write, self.now)
            yield write

    def settle(self) -> None:
        """Until nothing is left to write, as a writer does that waits as long as it is asked to."""
        while (wait := self.memory.wait(self.now)) is not None:
            self.now += wait
            assert self.write() or wait > 0


@pytest.fixture
def world() -> World:
    return World()


def test_a_bucket_has_so_many_at_once_and_then_one_in_so_many_seconds() -> None:
    bucket = TokenBucket(3, 10.0, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait(4.0) == pytest.approx(6.0)
    assert [bucket.take(10.0), bucket.take(10.0)] == [True, False]
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False], "it is never more than full"


def test_what_happens_is_written_once_at_once(world: World) -> None:
    world.happen()
    (write,) = world.write()
    assert (write.count, write.is_new, write.first) == (1, True, EPOCH)
    world.now = 10_000
    assert (world.write(), world.memory.wait(world.now)) == ([], None)


def test_the_same_once_more_is_one_more_in_the_series_of_the_same_event(world: World) -> None:
    world.happen()
    (first,) = world.write()
    world.now = 5.0
    world.happen()
    assert world.write() == [], "not so soon"
    assert world.memory.wait(world.now) == pytest.approx(REPEAT_PAUSE - 5.0)
    world.now = REPEAT_PAUSE
    (repeat,) = world.write()
    assert (repeat.name, repeat.count, repeat.is_new) == (first.name, 2, False)
    assert (repeat.first, repeat.last) == (EPOCH, EPOCH + 5.0)


def test_repeats_before_the_first_write_are_in_it(world: World) -> None:
    for _ in range(4):
        world.happen()
    (write,) = world.write()
    assert (write.count, write.is_new) == (4, True)


def test_another_note_is_another_event(world: World) -> None:
    world.happen("the session rr1 is down")
    world.happen("the session rr2 is down")
    assert len({each.name for each in world.write()}) == 2


def test_what_flaps_a_thousand_times_is_one_event_with_a_few_writes(world: World) -> None:
    for _ in range(1000):
        world.happen("down")
        world.happen("up", reason="SessionUp")
        world.write()
        world.now += 1.0
    world.settle()
    assert len(world.writes) <= 2 * (1 + 1000 / REPEAT_PAUSE) + 2
    assert {each.occurrence.note: each.count for each in world.writes} == {"down": 1000, "up": 1000}
    assert sum(each.is_new for each in world.writes) == 2
    assert world.memory.dropped == 0


def test_notes_that_all_differ_cost_an_object_its_burst_and_then_one_in_a_while(world: World) -> None:
    for number in range(1000):
        world.happen(f"down for the reason {number}")
        world.write()
        world.now += 1.0
    world.settle()
    assert len(world.writes) == BURST_OF_OBJECT + 1000 // PAUSE_OF_OBJECT
    assert world.memory.dropped == 1000 - len(world.writes)


def test_one_object_costs_no_other_its_events(world: World) -> None:
    for number in range(100):
        world.happen(f"reason {number}", name="flaps")
    world.happen(name="calm")
    assert [each.occurrence.subject.name for each in world.write()].count("calm") == 1


def test_many_objects_are_written_one_after_the_other(world: World) -> None:
    for number in range(BURST + 5):
        world.happen(name=f"n{number}")
    assert len(world.write()) == BURST
    assert world.memory.wait(world.now) == pytest.approx(1.0)
    world.settle()
    assert (len(world.writes), world.now) == (BURST + 5, pytest.approx(5.0))


def test_what_waits_is_bounded_and_the_oldest_is_dropped(world: World) -> None:
    """An API server that is away: nothing is written."""
    for number in range(MOST + 10):
        world.happen(name=f"n{number}")
    assert world.memory.dropped == 10
    world.settle()
    names = [each.occurrence.subject.name for each in world.writes]
    assert (names[0], names[-1], len(names)) == ("n10", f"n{MOST + 9}", MOST)


def test_a_write_that_failed_is_tried_once_more_with_what_happened_meanwhile(world: World) -> None:
    world.happen()
    failed = world.memory.next(world.now)
    assert failed is not None
    world.happen()
    (write,) = world.write()
    assert (write.name, write.count, write.is_new) == (failed.name, 2, True)


def test_what_happens_during_a_write_is_not_lost(world: World) -> None:
    world.happen()
    write = world.memory.next(world.now)
    assert write is not None
    world.happen()
    world.memory.written(write, world.now)
    world.now = REPEAT_PAUSE
    assert [each.count for each in world.write()] == [2]


def test_an_event_that_the_api_server_has_forgotten_becomes_a_new_one(world: World) -> None:
    world.happen()
    (first,) = world.write()
    world.now = 2 * REPEAT_PAUSE
    world.happen()
    repeat = world.memory.next(world.now)
    assert repeat is not None
    world.memory.expired(repeat)
    (new,) = world.write()
    assert (new.is_new, new.name != first.name, new.first) == (True, True, EPOCH + world.now)


def test_after_an_hour_of_silence_the_same_is_a_new_event(world: World) -> None:
    world.happen()
    world.write()
    world.now = FORGET
    world.happen()
    (write,) = world.write()
    assert (write.count, write.is_new) == (1, True)


def test_what_is_refused_for_good_is_left_out_and_the_next_is_tried(world: World) -> None:
    world.happen("refused")
    world.happen("good")
    refused = world.memory.next(world.now)
    assert refused is not None
    world.memory.forget(refused)
    assert [each.occurrence.note for each in world.write()] == ["good"]


def test_a_name_is_one_that_the_api_takes(world: World) -> None:
    world.happen(name="a" * 199 + "-b" + "c" * 52)
    (write,) = world.write()
    assert write.name.startswith("a" * 199 + ".")


def test_what_lasts_is_reminded_of() -> None:
    recorded: list[str] = []
    lasting = LastingEvents(lambda each: recorded.append(each.note))
    one, two = (Occurrence(Subject(NODE_PLAN, "a1"), "PlanHeld", note, "PutInForce") for note in ("one", "two"))
    lasting.look([one], 0.0)
    lasting.look([one, two], 10.0)
    lasting.look([one, two], REMIND - 1)
    assert recorded == ["one", "two"]
    lasting.look([one, two], REMIND)
    assert recorded == ["one", "two", "one"]
    lasting.look([], REMIND + 1)
    lasting.look([two], REMIND + 2)
    assert recorded[3:] == ["two"], "it begins once more"


@pytest.mark.parametrize("note", ["short", "ä" * 5000, "\ud800"])
def test_a_note_has_as_many_octets_as_the_api_takes(note: str) -> None:
    assert len(shortened(note).encode()) <= LONGEST_NOTE
    assert shortened(note)[:5] in (note[:5], "?")
