"""Of how many plans that are gone it is too many: also in small steps, and over a change of leaders."""

from __future__ import annotations

import pytest

from bgpctl.controller.departures import MEMORY, Departures


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("gone", "of", "are_most"),
    [(1, 1, False), (1, 2, False), (2, 2, True), (2, 4, False), (3, 4, True), (50, 100, False), (51, 100, True)],
)
def test_at_once(gone: int, of: int, are_most: bool) -> None:
    assert Departures(Clock()).are_most(gone, of) is are_most


def test_in_steps_until_the_first_ones_are_long_ago() -> None:
    clock = Clock()
    departures = Departures(clock)
    assert [departures.are_most(1, of) for of in (10, 9, 8, 7, 6, 5)] == [False] * 5 + [True]
    clock.now += MEMORY + 1
    assert not departures.are_most(1, 5)


def test_the_next_leader_counts_on_with_a_clock_of_its_own() -> None:
    clock = Clock()
    one = Departures(clock)
    assert not one.are_most(5, 10)
    assert not one.are_most(0, 5)
    clock.now += 100
    other = Clock()
    other.now = 7.0
    two = Departures(other)
    two.remember(one.note)
    assert two.are_most(1, 5)
    other.now += MEMORY - 101
    assert two.are_most(1, 5)
    other.now += 2
    assert not two.are_most(1, 5)


@pytest.mark.parametrize("note", ["", "ten 600", "10", "-1 600", "10 600 1", "99999999999 600", "10\n600"])
def test_a_note_that_is_not_readable_is_none(note: str) -> None:
    departures = Departures(Clock())
    departures.remember(note)
    assert departures.note == ""


def test_a_note_cannot_count_for_longer_than_what_is_remembered_here() -> None:
    departures = Departures(Clock())
    departures.remember("10 9999")
    assert departures.note == f"10 {MEMORY:.0f}"
