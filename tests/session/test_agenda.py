"""Which session needs a turn, and when."""

from __future__ import annotations

import math

from reflector.exabgp.agenda import NOW, Agenda


def test_a_session_is_due_when_its_time_has_come_and_only_once() -> None:
    agenda = Agenda()
    agenda.put("a", 5.0)
    agenda.put("b", 3.0)
    assert (agenda.next(), agenda.due(2.9)) == (3.0, set())
    assert agenda.due(3.0) == {"b"}
    assert (agenda.next(), agenda.due(9.0)) == (5.0, {"a"})
    assert (agenda.next(), agenda.due(9.0)) == (math.inf, set())


def test_the_last_appointment_counts() -> None:
    agenda = Agenda()
    agenda.put("a", 5.0)
    agenda.put("a", 8.0)
    assert (agenda.next(), agenda.due(5.0)) == (8.0, set())
    agenda.put("a", NOW)
    assert agenda.due(5.0) == {"a"}
    assert agenda.due(9.0) == set()


def test_an_appointment_that_is_moved_and_moved_back_is_kept_once() -> None:
    agenda = Agenda()
    for at in (5.0, 8.0, 5.0):
        agenda.put("a", at)
    assert agenda.due(9.0) == {"a"}
    assert agenda.due(9.0) == set()


def test_a_cancelled_or_endless_appointment_never_comes() -> None:
    agenda = Agenda()
    agenda.put("a", 5.0)
    agenda.put("b", math.inf)
    agenda.cancel("a")
    agenda.cancel("no one")
    assert (agenda.next(), agenda.due(9.0)) == (math.inf, set())


def test_what_is_put_again_while_it_is_due_comes_with_the_next_turn() -> None:
    agenda = Agenda()
    agenda.put("a")
    for _ in range(2):
        assert agenda.due(0.0) == {"a"}
        agenda.put("a")
