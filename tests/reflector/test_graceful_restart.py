"""Graceful restart as the peer that waits, and as the speaker that has started (RFC 4724)."""

from __future__ import annotations

import pytest
from speaker_makers import Router, a_client, a_plan, a_restart, announce

from reflector.graceful_restart import STALE_TIME
from reflector.selection_deferral import DEFERRAL_TIME
from reflector.wire.message import HEADER_LENGTH, MessageType
from reflector.wire.update import end_of_rib

POD, OTHER = "10.1.0.0/26", "10.2.0.0/26"
LIVING = a_restart(is_restarting=False)
END_V4, END_V6 = end_of_rib(4)[HEADER_LENGTH:], end_of_rib(6)[HEADER_LENGTH:]


@pytest.fixture
def router() -> Router:
    """A reflector with two clients; `a` has sent two routes."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a")
    router.up("b")
    router.hear("a", announce(POD, OTHER))
    return router


def test_the_routes_of_a_lost_peer_stay(router: Router) -> None:
    """RFC 4724 4.2: nobody else is told anything."""
    router.down("a", is_lost=True)
    assert router.told("b") == {POD, OTHER}
    assert set(router.selected()) == {POD, OTHER}


def test_a_session_that_ends_with_a_notification_leaves_nothing(router: Router) -> None:
    """RFC 4724 4: only a lost connection is a restart."""
    router.down("a")
    assert router.told("b") == set()


def test_the_hold_timer_ends_a_session_with_a_notification_and_leaves_nothing(router: Router) -> None:
    router.wait(241)
    assert router.closed["a"] == "hold timer expired"
    assert router.selected() == {}


def test_a_peer_without_the_capability_leaves_nothing() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=None)
    router.up("b")
    router.hear("a", announce(POD))
    router.down("a", is_lost=True)
    assert router.told("b") == set()


def test_a_family_outside_the_capability_is_withdrawn_at_once() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=a_restart(families=(4,)))
    router.up("b")
    router.hear("a", announce(POD))
    router.hear("a", announce("fd00:1::/64"))
    router.down("a", is_lost=True)
    assert router.told("b") == {POD}


def test_what_stays_is_withdrawn_when_the_restart_time_is_over(router: Router) -> None:
    router.down("a", is_lost=True)
    router.wait(119)
    assert router.told("b") == {POD, OTHER}
    router.wait(1)
    assert router.told("b") == set()


def test_a_peer_that_is_back_keeps_what_it_sends_again_and_loses_the_rest(router: Router) -> None:
    router.down("a", is_lost=True)
    router.wait(1)
    router.up("a")
    router.hear("a", announce(POD))
    assert router.told("b") == {POD, OTHER}
    router.hear("a", END_V4)
    assert router.told("b") == {POD}


def test_a_route_that_comes_again_as_it_was_is_no_news(router: Router) -> None:
    router.down("a", is_lost=True)
    router.up("a")
    sent = len(router.tables["b"].updates)
    router.hear("a", announce(POD, OTHER), END_V4, END_V6)
    assert len(router.tables["b"].updates) == sent


def test_a_peer_that_is_back_without_its_forwarding_state_loses_everything_at_once(router: Router) -> None:
    """RFC 4724 4.2: F not set."""
    router.down("a", is_lost=True)
    router.up("a", graceful_restart=LIVING._replace(forwarding=frozenset()))
    assert router.told("b") == set()


def test_a_peer_that_never_marks_the_end_is_swept_in_time(router: Router) -> None:
    router.down("a", is_lost=True)
    router.up("a")
    router.hear("a", announce(POD))
    router.now += STALE_TIME
    router.hear("a", kind=MessageType.KEEPALIVE)
    router.engine.peers["a"].heard = router.engine.peers["b"].heard = router.now
    router.wait(0)
    assert router.told("b") == {POD}


def test_a_peer_that_leaves_the_plan_while_it_is_away_takes_its_routes_along(router: Router) -> None:
    router.down("a", is_lost=True)
    router.apply(a_plan(a_client("b", "10.0.0.2")))
    assert router.told("b") == set()


def test_stale_routes_follow_a_new_policy_like_all_others(router: Router) -> None:
    router.down("a", is_lost=True)
    router.apply(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2", import_default="reject")))
    assert router.told("b") == {POD, OTHER}
    router.up("a")
    router.hear("a", END_V4)
    assert router.told("b") == set()


# ------------------------------------------------------------------------------------ our own start


@pytest.fixture
def started() -> Router:
    """A reflector that has just started, and whose clients have been up all the time."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=LIVING)
    router.up("b", graceful_restart=LIVING)
    return router


def test_routes_are_passed_on_at_once_but_the_end_is_not_marked(started: Router) -> None:
    """Nobody waits for routes; only whoever keeps stale ones waits for the marker."""
    started.hear("a", announce(POD), END_V4, END_V6)
    assert started.told("b") == {POD}
    assert started.tables["b"].ends == []


def test_the_end_is_marked_when_all_peers_have_marked_theirs(started: Router) -> None:
    started.hear("a", announce(POD), END_V4, END_V6)
    started.hear("b", END_V4, END_V6)
    assert started.tables["a"].ends == started.tables["b"].ends == [4, 6]
    assert started.engine.complete.is_over


def test_a_peer_that_comes_later_is_sent_the_marker_with_its_routes(started: Router) -> None:
    started.hear("a", announce(POD), END_V4, END_V6)
    started.hear("b", END_V4, END_V6)
    started.down("b")
    table = started.up("b")
    assert (set(table.routes), table.ends) == ({POD}, [4, 6])


def test_the_end_is_marked_in_time_if_a_peer_stays_away() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=LIVING)
    router.hear("a", END_V4, END_V6)
    assert router.tables["a"].ends == []
    router.wait(DEFERRAL_TIME)
    assert router.tables["a"].ends == [4, 6]


def test_two_speakers_that_start_together_do_not_wait_for_each_other() -> None:
    """RFC 4724 4.1: the Restart State bit."""
    router = Router(a_plan(a_client("a", "10.0.0.1")))
    assert router.up("a").ends == [4, 6]
