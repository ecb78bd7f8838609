"""Graceful restart as the peer that waits, and as the speaker that has started (RFC 4724)."""

from __future__ import annotations

import pytest
from speaker_makers import Router, a_client, a_plan, a_restart, announce, withdraw

from reflector.inbound.graceful_restart import STALE_TIME
from reflector.inbound.selection_deferral import DEFERRAL_TIME
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
    router.receive("a", announce(POD, OTHER))
    return router


def test_the_routes_of_a_lost_peer_stay(router: Router) -> None:
    """RFC 4724 4.2: no other peer is sent anything."""
    router.down("a", is_lost=True)
    assert router.advertised("b") == {POD, OTHER}
    assert set(router.selected()) == {POD, OTHER}


def test_a_session_that_ends_with_a_notification_leaves_nothing(router: Router) -> None:
    """RFC 4724 4: only a lost connection is a restart."""
    router.down("a")
    assert router.advertised("b") == set()


def test_the_hold_timer_ends_a_session_with_a_notification_and_leaves_nothing(router: Router) -> None:
    router.wait(241)
    assert router.closed["a"] == "hold timer expired"
    assert router.selected() == {}


def test_a_peer_without_the_capability_leaves_nothing() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=None)
    router.up("b")
    router.receive("a", announce(POD))
    router.down("a", is_lost=True)
    assert router.advertised("b") == set()


def test_a_family_outside_the_capability_is_withdrawn_at_once() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=a_restart(families=(4,)))
    router.up("b")
    router.receive("a", announce(POD))
    router.receive("a", announce("fd00:1::/64"))
    router.down("a", is_lost=True)
    assert router.advertised("b") == {POD}


def test_what_stays_is_withdrawn_when_the_restart_time_is_over(router: Router) -> None:
    router.down("a", is_lost=True)
    router.wait(119)
    assert router.advertised("b") == {POD, OTHER}
    router.wait(1)
    assert router.advertised("b") == set()


def test_a_peer_that_is_back_keeps_what_it_sends_again_and_loses_the_rest(router: Router) -> None:
    router.down("a", is_lost=True)
    router.wait(1)
    router.up("a")
    router.receive("a", announce(POD))
    assert router.advertised("b") == {POD, OTHER}
    router.receive("a", END_V4)
    assert router.advertised("b") == {POD}


def test_a_route_that_comes_again_as_it_was_is_no_news(router: Router) -> None:
    router.down("a", is_lost=True)
    router.up("a")
    sent = len(router.tables["b"].updates)
    router.receive("a", announce(POD, OTHER), END_V4, END_V6)
    assert len(router.tables["b"].updates) == sent


def test_a_peer_that_is_back_without_its_forwarding_state_loses_everything_at_once(router: Router) -> None:
    """RFC 4724 4.2: F not set."""
    router.down("a", is_lost=True)
    router.up("a", graceful_restart=LIVING._replace(forwarding=frozenset()))
    assert router.advertised("b") == set()


def test_a_peer_that_never_marks_the_end_is_swept_in_time(router: Router) -> None:
    router.down("a", is_lost=True)
    router.up("a")
    router.receive("a", announce(POD))
    router.now += STALE_TIME
    router.receive("a", kind=MessageType.KEEPALIVE)
    router.engine.peers["a"].received_at = router.engine.peers["b"].received_at = router.now
    router.wait(0)
    assert router.advertised("b") == {POD}


def test_a_peer_that_leaves_the_plan_while_it_is_away_takes_its_routes_along(router: Router) -> None:
    router.down("a", is_lost=True)
    router.apply(a_plan(a_client("b", "10.0.0.2")))
    assert router.advertised("b") == set()


def test_stale_routes_follow_a_new_policy_like_all_others(router: Router) -> None:
    router.down("a", is_lost=True)
    router.apply(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2", import_default="reject")))
    assert router.advertised("b") == {POD, OTHER}
    router.up("a")
    router.receive("a", END_V4)
    assert router.advertised("b") == set()


def test_a_second_restart_in_a_row_costs_what_the_peer_had_not_sent_again(router: Router) -> None:
    """RFC 4724 4.2: a route that was stale already must be deleted."""
    router.down("a", is_lost=True)
    router.up("a")
    router.receive("a", announce(POD))
    router.down("a", is_lost=True)
    assert router.advertised("b") == {POD}


def test_a_second_restart_after_the_end_was_marked_costs_nothing(router: Router) -> None:
    """RFC 4724 4.2."""
    for _ in range(2):
        router.down("a", is_lost=True)
        router.up("a")
        router.receive("a", announce(POD, OTHER), END_V4, END_V6)
    router.down("a", is_lost=True)
    assert router.advertised("b") == {POD, OTHER}


def test_a_new_connection_in_place_of_the_old_one_is_a_restart(router: Router) -> None:
    """RFC 4724 4.2: the peer was away before we noticed."""
    router.up("a")
    assert router.advertised("b") == {POD, OTHER}
    router.receive("a", announce(OTHER), END_V4)
    assert router.advertised("b") == {OTHER}


def test_a_family_that_is_not_in_the_new_capability_is_withdrawn_at_once() -> None:
    """RFC 4724 4.2; the other family stays."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a")
    router.up("b")
    router.receive("a", announce(POD))
    router.receive("a", announce("fd00:1::/64"))
    router.down("a", is_lost=True)
    router.up("a", graceful_restart=a_restart(families=(6,)))
    assert router.advertised("b") == {"fd00:1::/64"}


def test_a_peer_that_is_back_without_the_capability_loses_everything_at_once(router: Router) -> None:
    """RFC 4724 4.2."""
    router.down("a", is_lost=True)
    router.up("a", graceful_restart=None)
    assert router.advertised("b") == set()


def test_a_peer_that_is_back_within_its_restart_time_is_not_measured_by_it_any_more(router: Router) -> None:
    """RFC 4724 4.2: the restart time is for the session, STALE_TIME for the routes."""
    router.down("a", is_lost=True)
    router.wait(119)
    router.up("a")
    router.wait(2)
    assert router.advertised("b") == {POD, OTHER}


def test_the_new_restart_time_counts_from_the_new_loss(router: Router) -> None:
    """RFC 4724 4.2: the one that the peer advertised previously."""
    router.up("a", graceful_restart=a_restart(time=30))
    router.receive("a", announce(POD, OTHER), END_V4)
    router.down("a", is_lost=True)
    router.wait(29)
    assert router.advertised("b") == {POD, OTHER}
    router.wait(1)
    assert router.advertised("b") == set()


def test_a_restart_time_of_zero_keeps_nothing() -> None:
    """RFC 4724 4.2."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=a_restart(time=0))
    router.up("b")
    router.receive("a", announce(POD))
    router.down("a", is_lost=True)
    assert router.advertised("b") == set()


def test_the_end_of_one_family_sweeps_no_other() -> None:
    """RFC 4724 4.2: each address family has its own End-of-RIB."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a")
    router.up("b")
    router.receive("a", announce(POD))
    router.receive("a", announce("fd00:1::/64"))
    router.down("a", is_lost=True)
    router.up("a")
    router.receive("a", END_V6)
    assert router.advertised("b") == {POD}


def test_a_stale_route_that_is_withdrawn_is_gone_and_not_swept_again(router: Router) -> None:
    """RFC 4724 4.2: what the peer sends replaces what is stale."""
    router.down("a", is_lost=True)
    router.up("a")
    router.receive("a", withdraw(POD))
    assert router.advertised("b") == {OTHER}
    router.receive("a", END_V4)
    assert (router.advertised("b"), router.selected()) == (set(), {})


def test_a_stale_route_is_preferred_like_any_other(router: Router) -> None:
    """RFC 4724 4.2: forwarding makes no difference between stale and other routes. `a` has the lower router ID."""
    router.receive("b", announce(POD, next_hop="10.0.0.2"))
    router.down("a", is_lost=True)
    assert router.selected()[POD] == "a"


def test_a_peer_that_is_back_with_add_path_sends_path_identifiers() -> None:
    """RFC 7911 6: what was kept has none, so it cannot be matched with what comes."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a")
    router.up("b")
    router.receive("a", announce(POD))
    router.down("a", is_lost=True)
    router.up("a", add_path_receive=frozenset((4,)))
    assert router.advertised("b") == set()
    router.receive("a", announce(POD, path_id=1), announce(POD, path_id=2, med=1))
    assert router.advertised("b") == {POD}
    router.receive("a", withdraw(POD, path_id=1))
    assert router.attributes("b", POD).med == 1


def test_the_marker_is_sent_also_to_a_peer_that_has_no_routes_to_come() -> None:
    """RFC 4724 4.2: including the case that there is no update to send."""
    empty = Router(a_plan(a_client("a", "10.0.0.1")))
    assert empty.up("a").ends == [4, 6]


# ------------------------------------------------------------------------------------ our own start


@pytest.fixture
def started() -> Router:
    """A reflector that has just started, and whose clients have been up all the time."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=LIVING)
    router.up("b", graceful_restart=LIVING)
    return router


def test_routes_are_passed_on_at_once_but_the_end_is_not_marked(started: Router) -> None:
    """No one waits for routes; only whoever keeps stale ones waits for the marker."""
    started.receive("a", announce(POD), END_V4, END_V6)
    assert started.advertised("b") == {POD}
    assert started.tables["b"].ends == []


def test_the_end_is_marked_when_all_peers_have_marked_theirs(started: Router) -> None:
    started.receive("a", announce(POD), END_V4, END_V6)
    started.receive("b", END_V4, END_V6)
    assert started.tables["a"].ends == started.tables["b"].ends == [4, 6]
    assert started.engine.start.complete.is_over


def test_a_peer_that_comes_later_is_sent_the_marker_with_its_routes(started: Router) -> None:
    started.receive("a", announce(POD), END_V4, END_V6)
    started.receive("b", END_V4, END_V6)
    started.down("b")
    table = started.up("b")
    assert (set(table.routes), table.ends) == ({POD}, [4, 6])


def test_the_end_is_marked_in_time_if_a_peer_stays_away() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=LIVING)
    router.receive("a", END_V4, END_V6)
    assert router.tables["a"].ends == []
    router.wait(DEFERRAL_TIME)
    assert router.tables["a"].ends == [4, 6]


def test_two_speakers_that_start_together_do_not_wait_for_each_other() -> None:
    """RFC 4724 4.1: the Restart State bit."""
    router = Router(a_plan(a_client("a", "10.0.0.1")))
    assert router.up("a").ends == [4, 6]
