"""How sessions stand: which are overdue, and which flap."""

from __future__ import annotations

import pytest
from speaker_makers import Router, a_client, a_negotiation, a_plan

from reflector.show.sessions import FLAPPING, OVERDUE, sessions


@pytest.fixture
def router() -> Router:
    return Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))


def flap(router: Router, *times: float) -> None:
    for at in times:
        router.engine.session_up("a", a_negotiation("10.0.0.1"), at)
        router.engine.session_down("a", f"lost at {at:g}", at)


def test_a_session_is_overdue_when_an_attempt_would_have_ended(router: Router) -> None:
    start = router.engine.peers["a"].since
    soon, late = (sessions(router.engine, {}, start + after, 10) for after in (OVERDUE, OVERDUE + 1))
    assert (soon.expected, soon.established, soon.overdue, late.overdue) == (2, 0, 0, 2)


def test_the_longest_comes_first_and_no_more_than_were_asked_for(router: Router) -> None:
    flap(router, 50.0)
    answer = sessions(router.engine, {}, 100.0, 1)
    assert ([each.name for each in answer.down], answer.overdue) == (["b"], 2)


def test_a_session_that_goes_down_again_and_again_flaps_though_it_is_up(router: Router) -> None:
    flap(router, 100.0, 200.0)
    assert sessions(router.engine, {}, 201.0, 10).flapping == ()
    flap(router, 300.0)
    router.engine.session_up("a", a_negotiation("10.0.0.1"), 301.0)
    (flapping,) = sessions(router.engine, {}, 302.0, 10).flapping
    assert (flapping.name, flapping.peer_address, flapping.ended) == ("a", "10.0.0.1", "lost at 300")
    assert sessions(router.engine, {}, 100.0 + FLAPPING, 10).flapping == ()
