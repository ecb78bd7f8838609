"""What the log has of foreign routes, and how often."""

from __future__ import annotations

from fib_makers import route

from bgpctl.fib.core.foreign_route_log import FIRST, PAUSE, ForeignChange, ForeignRouteLog
from reflector.kernel.route import Leg

WAY = Leg(b"", 2)
KEYS = [route(f"20.0.{n}.0/24", WAY).key for n in range(FIRST + 5)]
A, B = KEYS[:2]


def test_what_is_new_and_what_is_over_is_told_once() -> None:
    log = ForeignRouteLog()
    log.note({}, {A: "taken"})
    assert log.take(0.0) == ([ForeignChange("20.0.0.0/24", 1024, "taken")], 0)
    log.note({A: "taken"}, {A: "taken"})
    log.note({A: "taken"}, {})
    assert log.take(PAUSE) == ([ForeignChange("20.0.0.0/24", 1024, "")], 0)
    assert log.take(2 * PAUSE) == ([], 0)


def test_another_owner_is_news() -> None:
    log = ForeignRouteLog()
    log.note({A: "by bird"}, {A: "by static"})
    assert log.take(0.0)[0][0].reason == "by static"


def test_within_a_second_nothing_more_is_told_and_nothing_is_lost() -> None:
    log = ForeignRouteLog()
    log.note({}, {A: "taken"})
    log.take(0.0)
    log.note({}, {B: "taken"})
    assert log.take(PAUSE / 2) == ([], 0)
    assert log.count == 1
    assert [change.prefix for change in log.take(PAUSE)[0]] == ["20.0.1.0/24"]


def test_of_many_the_first_are_told_and_the_others_counted() -> None:
    log = ForeignRouteLog()
    for key in KEYS:
        log.note({}, {key: "taken"})
    taken, others = log.take(0.0)
    assert (len(taken), others) == (FIRST, 5)
