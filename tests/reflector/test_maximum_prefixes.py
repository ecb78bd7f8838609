"""Maximum prefixes: a word, the new routes, or the session (RFC 4271 6.7, RFC 4486 4)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from shown import explain, shown_peers
from speaker_makers import Router, a_client, a_plan, a_restart, announce, withdraw

from reflector.inbound.maximum_prefixes import REFRESH_INTERVAL
from reflector.plan import LimitAction, MaximumPrefixes, NodePlan
from reflector.verdict import RouteVerdict
from reflector.wire.message import HEADER_LENGTH, Cease, ErrorCode, MessageType, notification
from reflector.wire.update import PLAIN_REFRESH, end_of_rib, route_refresh

END_V4 = end_of_rib(4)[HEADER_LENGTH:]
REFRESH_V4 = route_refresh(4, PLAIN_REFRESH)[HEADER_LENGTH:]


def pods(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"10.{number}.0.0/26" for number in range(first, last + 1))


def limited(action: LimitAction, limit: int = 10, **more: Any) -> NodePlan:
    """A reflector with the clients `a`, which may have so many prefixes, and `b`."""
    a = a_client("a", "10.0.0.1", maximum_prefixes=MaximumPrefixes(limit, action, **more))
    return a_plan(a, a_client("b", "10.0.0.2"))


def a_router(action: LimitAction, limit: int = 10, *, negotiated: Any = None, **more: Any) -> Router:
    router = Router(limited(action, limit, **more))
    router.up("a", hold_time=0, route_refresh=True, **(negotiated or {}))
    router.up("b", hold_time=0)
    return router


def warning(router: Router) -> tuple[str, int]:
    status, _ = shown_peers(router.engine, {}, router.now).peers
    return status.warning, status.prefix_warnings


# ---------------------------------------------------------------------------------------------- warn


def test_a_warning_is_counted_once_for_each_time_it_comes_to_it() -> None:
    router = a_router(LimitAction.WARN)
    router.receive("a", announce(*pods(1, 7)))
    assert warning(router) == ("", 0)
    router.receive("a", announce(*pods(8, 8)))
    assert warning(router) == ("8 of at most 10 IPv4 prefixes", 1)
    router.receive("a", announce(*pods(9, 9)), announce(*pods(1, 9), med=1))
    assert warning(router) == ("9 of at most 10 IPv4 prefixes", 1)
    router.receive("a", announce(*pods(10, 12)))
    assert warning(router) == ("12 of at most 10 IPv4 prefixes", 2)
    assert router.advertised("b") == set(pods(1, 12))
    router.receive("a", withdraw(*pods(2, 12)))
    assert warning(router) == ("", 2)
    router.receive("a", announce(*pods(1, 8)))
    assert warning(router)[1] == 3


def test_each_family_is_counted_by_itself() -> None:
    router = a_router(LimitAction.CEASE, 2)
    router.receive("a", announce(*pods(1, 2)), announce("fd00:1::/64", "fd00:2::/64"))
    assert router.closed == {}
    assert warning(router) == ("2 of at most 2 IPv4 prefixes; 2 of at most 2 IPv6 prefixes", 2)


def test_what_import_refuses_is_counted_too() -> None:
    router = a_router(LimitAction.CEASE, 1)
    router.receive("a", announce(*pods(1, 2), as_path=(64512,)))
    assert "a" in router.closed


def test_with_add_path_each_path_is_counted() -> None:
    """RFC 7911: a prefix may have many."""
    router = a_router(LimitAction.CEASE, 2, negotiated={"add_path_receive": frozenset((4,))})
    for path_id in (1, 2):
        router.receive("a", announce(*pods(1, 1), path_id=path_id))
    assert router.closed == {}
    router.receive("a", announce(*pods(1, 1), path_id=3))
    assert "a" in router.closed


# --------------------------------------------------------------------------------------------- cease


def test_a_peer_that_exceeds_its_limit_loses_its_session() -> None:
    """RFC 4486 4: the data are AFI, SAFI and the limit."""
    router = a_router(LimitAction.CEASE, restart_delay=60)
    router.receive("a", announce(*pods(1, 10)))
    assert router.closes == []
    router.receive("a", announce(*pods(11, 11)))
    (close,) = router.closes
    assert close.notification == notification(ErrorCode.CEASE, Cease.MAXIMUM_PREFIXES, b"\0\1\1\0\0\0\x0a")
    assert (close.reason, close.hold_down) == ("more than 10 IPv4 prefixes", 60)
    assert router.advertised("b") == set()


def test_without_a_restart_delay_it_stays_down() -> None:
    router = a_router(LimitAction.CEASE, 1)
    router.receive("a", announce("fd00:1::/64", "fd00:2::/64"))
    (close,) = router.closes
    assert close.hold_down == math.inf
    assert close.notification[-7:] == b"\0\2\1\0\0\0\1"


def test_it_ends_for_good_where_both_said_n() -> None:
    """RFC 8538 5.1: a hard reset, so that the routes do not stay stale at either end."""
    router = a_router(LimitAction.CEASE, 1, negotiated={"graceful_restart": a_restart(notification=True)})
    router.receive("a", announce(*pods(1, 2)))
    reason = bytes((ErrorCode.CEASE, Cease.MAXIMUM_PREFIXES)) + b"\0\1\1\0\0\0\1"
    assert router.closes[0].notification == notification(ErrorCode.CEASE, Cease.HARD_RESET, reason)
    assert router.advertised("b") == set()


def test_other_sessions_are_not_held_down() -> None:
    router = a_router(LimitAction.CEASE, 1)
    router.receive("b", bytes(10), kind=MessageType.OPEN)
    assert router.closes[0].hold_down == 0


def test_a_route_in_place_of_another_is_never_over_the_limit() -> None:
    for action in LimitAction:
        router = a_router(action)
        router.receive("a", announce(*pods(1, 10)), announce(*pods(1, 10), med=1), announce(*pods(3, 7), med=2))
        assert (router.closed, router.advertised("b")) == ({}, set(pods(1, 10)))
        assert router.attributes("b", "10.5.0.0/26").med == 2


@pytest.mark.parametrize("action", LimitAction)
def test_a_withdrawal_and_an_announcement_in_one_update_are_counted_at_its_end(action: LimitAction) -> None:
    router = a_router(action)
    router.receive("a", announce(*pods(1, 10)))
    withdrawn = withdraw(*pods(1, 5))
    announced = announce(*pods(11, 15))
    both = withdrawn[: -len(b"\0\0")] + announced[2:]
    router.receive("a", both)
    assert (router.closed, router.advertised("b")) == ({}, set(pods(6, 15)))


def test_stale_routes_of_the_former_session_are_not_counted() -> None:
    """RFC 4724 4.2: a peer that comes back with other prefixes has only those."""
    for action in (LimitAction.CEASE, LimitAction.DROP):
        router = a_router(action)
        router.receive("a", announce(*pods(1, 10)))
        router.down("a", is_lost=True)
        router.up("a", route_refresh=True)
        router.receive("a", announce(*pods(6, 15)))
        assert (router.closed, router.advertised("b")) == ({}, set(pods(1, 15)))
        router.receive("a", END_V4)
        assert router.advertised("b") == set(pods(6, 15))


# ---------------------------------------------------------------------------------------------- drop


@pytest.fixture
def dropping() -> Router:
    """`a` may have ten and has sent fifteen."""
    router = a_router(LimitAction.DROP)
    router.receive("a", announce(*pods(1, 8)), announce(*pods(9, 15)))
    return router


def refreshes(router: Router) -> list[bytes]:
    return router.tables["a"].refreshes


def test_what_is_beyond_the_limit_is_left_out(dropping: Router) -> None:
    assert dropping.advertised("b") == set(pods(1, 10))
    status, _ = shown_peers(dropping.engine, {}, dropping.now).peers
    assert (status.received, status.prefixes_dropped, status.prefix_warnings) == (10, 5, 2)
    assert status.warning == "10 of at most 10 IPv4 prefixes, others are left out"


def test_it_is_explained(dropping: Router) -> None:
    (candidate,) = explain(dropping.engine, "10.12.0.0/26").candidates
    assert (candidate.peer, candidate.verdict) == ("a", RouteVerdict.OVER_LIMIT)
    dropping.receive("a", withdraw("10.12.0.0/26"))
    assert explain(dropping.engine, "10.12.0.0/26").candidates == ()


def test_what_was_left_out_and_now_has_room_is_an_ordinary_route(dropping: Router) -> None:
    """Without a refresh: the peer announces it once more by itself."""
    dropping.receive("a", withdraw(*pods(1, 5)))
    dropping.receive("a", announce(*pods(11, 15)))
    (candidate,) = explain(dropping.engine, "10.12.0.0/26").candidates
    assert (candidate.peer, candidate.verdict) == ("a", RouteVerdict.BEST)
    assert not dropping.engine.peers["a"].prefix_counts[4].leaves_out


def test_what_a_peer_costs_is_bounded(dropping: Router) -> None:
    for number in range(16, 200):
        dropping.receive("a", announce(*pods(number, number)))
    peer = dropping.engine.peers["a"]
    assert len(peer.adj_rib_in[4].routes) == 10
    assert len(peer.prefix_counts[4].left_out) == 10
    assert peer.counters.prefixes_dropped == 189


def test_without_room_the_peer_is_not_asked(dropping: Router) -> None:
    dropping.wait(REFRESH_INTERVAL)
    assert refreshes(dropping) == []


def test_when_there_is_room_the_peer_is_asked_for_all_routes(dropping: Router) -> None:
    """RFC 2918 3. What it answers is taken as far as there is room."""
    dropping.receive("a", withdraw(*pods(1, 2)))
    assert refreshes(dropping) == []
    dropping.wait(1)
    assert refreshes(dropping) == [REFRESH_V4]
    dropping.receive("a", announce(*pods(3, 15)))
    assert dropping.advertised("b") == set(pods(3, 12))


def test_it_is_not_asked_again_at_once(dropping: Router) -> None:
    dropping.receive("a", withdraw(*pods(1, 1)))
    dropping.wait(1)
    dropping.receive("a", announce(*pods(2, 15)), withdraw(*pods(2, 2)))
    dropping.wait(REFRESH_INTERVAL - 1)
    assert len(refreshes(dropping)) == 1
    dropping.wait(1)
    assert len(refreshes(dropping)) == 2


def test_a_peer_that_withdraws_what_was_left_out_is_not_asked(dropping: Router) -> None:
    dropping.receive("a", withdraw(*pods(10, 15)))
    dropping.wait(REFRESH_INTERVAL)
    assert refreshes(dropping) == []
    assert warning(dropping) == ("9 of at most 10 IPv4 prefixes", 2)


def test_a_peer_that_does_not_know_refreshes_is_not_asked() -> None:
    """RFC 2918 4."""
    router = a_router(LimitAction.DROP)
    router.up("a")
    router.receive("a", announce(*pods(1, 15)), withdraw(*pods(1, 5)))
    router.wait(1)
    assert refreshes(router) == []


def test_a_stale_route_that_comes_again_beyond_the_limit_goes() -> None:
    """RFC 4271 3.1: the peer has sent something else of its prefix."""
    router = a_router(LimitAction.DROP, 2)
    router.receive("a", announce(*pods(1, 2)))
    router.down("a", is_lost=True)
    router.up("a", route_refresh=True)
    router.receive("a", announce(*pods(3, 4)), announce(*pods(1, 1), med=7))
    assert router.advertised("b") == set(pods(2, 4))


# ---------------------------------------------------------------------------------------- a new limit


def test_a_higher_limit_is_asked_for_at_once_even_after_another_refresh(dropping: Router) -> None:
    dropping.receive("a", withdraw(*pods(1, 1)))
    dropping.wait(1)
    dropping.receive("a", announce(*pods(2, 15)))
    dropping.apply(limited(LimitAction.DROP, 20))
    dropping.wait(1)
    assert refreshes(dropping) == [REFRESH_V4, REFRESH_V4]


def test_a_higher_limit_brings_what_was_left_out(dropping: Router) -> None:
    dropping.apply(limited(LimitAction.DROP, 20))
    dropping.wait(1)
    assert refreshes(dropping) == [REFRESH_V4]
    dropping.receive("a", announce(*pods(1, 15)))
    assert dropping.advertised("b") == set(pods(1, 15))


def test_no_limit_brings_what_was_left_out(dropping: Router) -> None:
    dropping.apply(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    dropping.wait(1)
    assert refreshes(dropping) == [REFRESH_V4]
    assert warning(dropping) == ("", 2)


def test_a_lower_limit_acts_at_the_next_new_route() -> None:
    """And not at a route that takes the place of another."""
    router = a_router(LimitAction.CEASE)
    router.receive("a", announce(*pods(1, 10)))
    router.apply(limited(LimitAction.CEASE, 5))
    router.receive("a", announce(*pods(1, 10), med=1), withdraw(*pods(1, 1)))
    assert router.closed == {}
    router.receive("a", announce(*pods(11, 11)))
    assert router.closed["a"] == "more than 5 IPv4 prefixes"


def test_a_lower_limit_takes_nothing_that_is_there() -> None:
    router = a_router(LimitAction.DROP)
    router.receive("a", announce(*pods(1, 10)))
    router.apply(limited(LimitAction.DROP, 5))
    router.receive("a", announce(*pods(11, 11)), announce(*pods(2, 2), med=1))
    assert router.advertised("b") == set(pods(1, 10))


def test_a_limit_that_comes_later_counts_from_the_next_route_on() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a")
    router.up("b")
    router.receive("a", announce(*pods(1, 10)))
    router.apply(limited(LimitAction.CEASE, 5))
    router.receive("a", announce(*pods(1, 10), med=1))
    assert router.closed == {}
    router.receive("a", announce(*pods(11, 11)))
    assert "a" in router.closed
