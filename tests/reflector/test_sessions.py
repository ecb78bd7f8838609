"""Sessions as the engine sees them: up, down, timers, refresh, and what a fatal message costs (RFC 4271 6 and 8)."""

from __future__ import annotations

import pytest
from speaker_makers import Router, a_client, a_negotiation, a_plan, announce, withdraw

from reflector.plan import NodePlan
from reflector.wire.message import MessageType, message, notification
from reflector.wire.update import end_of_rib

A, B = a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")
BAD_LENGTHS = b"\xff\xff\0\0"
REFRESH_V4, REFRESH_V6 = b"\0\1\0\1", b"\0\2\0\1"


@pytest.fixture
def router() -> Router:
    """A reflector with two Established clients."""
    router = Router(a_plan(A, B))
    router.up("a")
    router.up("b")
    return router


def test_the_routes_of_a_session_go_with_it(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26"))
    router.receive("a", announce("fd00:1::/64"))
    assert router.advertised("b") == {"10.1.0.0/26", "fd00:1::/64"}
    router.down("a")
    assert router.advertised("b") == set()
    assert router.selected() == router.selected(6) == {}


def test_a_session_starts_with_the_loc_rib_and_end_of_rib_of_each_family(router: Router) -> None:
    """RFC 4724 2."""
    router.receive("a", announce("10.1.0.0/26"))
    router.down("b")
    table = router.up("b")
    assert table.ends == [4, 6]
    assert set(table.routes) == {"10.1.0.0/26"}


def test_only_negotiated_families_are_sent(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26"))
    router.receive("a", announce("fd00:1::/64"))
    router.down("b")
    table = router.up("b", families=(6,))
    assert (table.ends, set(table.routes)) == ([6], {"fd00:1::/64"})


def test_a_new_connection_replaces_the_old_one_with_its_routes(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26"))
    router.up("a", "10.0.0.7", graceful_restart=None)
    assert router.advertised("b") == set()
    router.receive("a", announce("10.1.0.0/26"))
    assert router.attributes("b", "10.1.0.0/26").originator_id == bytes((10, 0, 0, 7))


def test_a_fatal_message_closes_its_session_with_a_notification_and_no_other(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26"))
    router.receive("b", announce("10.2.0.0/26"))
    turn = router.receive("a", BAD_LENGTHS)
    ((name, octets, reason, *_),) = turn.closes
    assert (name, octets) == ("a", notification(3, 1))
    assert "lengths exceed" in reason
    assert router.advertised("b") == {"10.2.0.0/26"}
    assert router.engine.peers["b"].is_established


def test_nothing_that_follows_a_fatal_message_counts(router: Router) -> None:
    turn = router.receive("a", BAD_LENGTHS, announce("10.1.0.0/26"), b"\0\2\x18\x0a\0\0")
    assert len(turn.closes) == 1
    assert router.advertised("b") == set()


def test_a_fatal_message_of_the_old_connection_does_not_close_the_new_one(router: Router) -> None:
    router.engine.receive("a", MessageType.UPDATE, BAD_LENGTHS, now=0.0)
    router.engine.session_down("a", "connection lost", now=0.0)
    router.engine.session_up("a", a_negotiation("10.0.0.1"), now=0.0)
    assert router.engine.flush(0.0).closes == []


def test_a_notification_closes_without_an_answer(router: Router) -> None:
    """RFC 4271 6: a NOTIFICATION is not answered with one."""
    ((name, octets, reason, *_),) = router.receive("a", b"\x06\x02", kind=MessageType.NOTIFICATION).closes
    assert (name, octets) == ("a", b"")
    assert "administrative shutdown" in reason


def test_an_open_in_established_is_a_state_machine_error(router: Router) -> None:
    """RFC 6608 3: subcode 3."""
    ((_, octets, *_),) = router.receive("a", bytes(10), kind=MessageType.OPEN).closes
    assert octets == notification(5, 3)


def test_a_message_after_the_end_of_the_session_is_nothing(router: Router) -> None:
    router.down("a")
    assert router.receive("a", announce("10.1.0.0/26")).closes == []
    assert router.advertised("b") == set()


# ---------------------------------------------------------------------------------------- timers


def test_the_hold_timer_ends_a_silent_session(router: Router) -> None:
    """RFC 4271 6.5."""
    router.engine.receive("a", MessageType.KEEPALIVE, b"", now=100.0)
    router.engine.tick(now=241.0)
    ((name, octets, reason, *_),) = router.engine.flush(0.0).closes
    assert (name, octets, reason) == ("b", notification(4, 0), "hold timer expired")


def test_a_hold_time_of_zero_never_expires_and_needs_no_keepalives() -> None:
    """RFC 4271 4.2."""
    router = Router(a_plan(A))
    table = router.up("a", hold_time=0)
    router.engine.tick(now=1e6)
    assert router.turn().closes == []
    assert table.keepalives == 0


def test_keepalives_go_out_every_third_of_the_hold_time(router: Router) -> None:
    """RFC 4271 4.4: hold time 240 s."""
    for now in range(200):
        router.engine.tick(now=float(now))
        router.turn()
    assert router.tables["a"].keepalives == 2


def test_a_planned_keepalive_time_may_only_shorten_the_interval() -> None:
    def keepalives_in_a_minute(hold_time: int, keepalive_time: int) -> int:
        router = Router(a_plan(a_client("a", "10.0.0.1", keepalive_time=keepalive_time)))
        table = router.up("a", hold_time=hold_time)
        for now in range(61):
            router.engine.receive("a", MessageType.KEEPALIVE, b"", now=float(now))
            router.engine.tick(now=float(now))
            router.turn()
        return table.keepalives

    assert keepalives_in_a_minute(90, 10) == 6
    assert keepalives_in_a_minute(90, 60) == 2


# --------------------------------------------------------------------------------------- refresh


def test_a_refresh_sends_everything_of_the_family_again(router: Router) -> None:
    """RFC 2918 4."""
    router.receive("a", announce("10.1.0.0/26"), announce("10.2.0.0/26"), announce("fd00:1::/64"))
    table = router.tables["b"]
    known = dict(table.routes)
    table.routes.clear()
    router.receive("b", REFRESH_V4, kind=MessageType.ROUTE_REFRESH)
    assert table.routes == {prefix: attributes for prefix, attributes in known.items() if ":" not in prefix}


def test_an_enhanced_refresh_is_marked_at_both_ends() -> None:
    """RFC 7313 4.1."""
    router = Router(a_plan(A))
    table = router.up("a", enhanced_refresh=True)
    router.receive("a", REFRESH_V6, kind=MessageType.ROUTE_REFRESH)
    assert table.refreshes == [b"\0\2\1\1", b"\0\2\2\1"]


@pytest.mark.parametrize("body", [b"\0\1\1\1", b"\0\1\2\1", b"\0\x19\0\x46"])
def test_marks_and_unknown_families_are_not_answered(router: Router, body: bytes) -> None:
    before = len(router.tables["b"].octets)
    router.receive("b", body, kind=MessageType.ROUTE_REFRESH)
    assert len(router.tables["b"].octets) == before


def test_a_refresh_mark_of_another_length_is_an_error_with_the_message_as_data(router: Router) -> None:
    """RFC 7313 5."""
    ((_, octets, *_),) = router.receive("b", b"\0\1\1\1\0", kind=MessageType.ROUTE_REFRESH).closes
    assert octets == notification(7, 1, message(MessageType.ROUTE_REFRESH, b"\0\1\1\1\0"))


def test_a_refresh_comes_after_what_the_peer_was_still_to_be_sent(router: Router) -> None:
    engine, table = router.engine, router.tables["b"]
    engine.receive("a", MessageType.UPDATE, announce("10.1.0.0/26", med=1), now=0.0)
    engine.flush(0.0)
    engine.receive("a", MessageType.UPDATE, announce("10.1.0.0/26", med=2), now=0.0)
    engine.receive("b", MessageType.ROUTE_REFRESH, REFRESH_V4, now=0.0)
    seen = []
    engine.flush(0.0)
    while (chunk := engine.peers["b"].outbox.take()) is not None:
        table.feed(bytes(chunk))
        seen.append(table.routes["10.1.0.0/26"].med)
    assert seen == [1, 2, 2]


# -------------------------------------------------------------------------------------- counters


def test_counters_of_errors_and_messages(router: Router) -> None:
    malformed = announce("10.1.0.0/26").replace(b"\x40\x01\x01\x00", b"\x40\x01\x01\x09")
    assert malformed != announce("10.1.0.0/26")
    router.receive("a", announce("10.1.0.0/26"), malformed)
    counters = router.engine.peers["a"].counters
    assert (sum(counters.received), counters.updates_in, counters.treated_as_withdrawn) == (2, 2, 1)
    assert router.advertised("b") == set()


def test_the_end_of_the_peers_rib_is_remembered(router: Router) -> None:
    router.receive("a", end_of_rib(6)[19:])
    assert router.engine.peers["a"].end_of_rib == {6}


def test_flaps_and_the_last_error_are_kept(router: Router) -> None:
    router.engine.session_down("a", "connection lost: reset by peer", now=7.0)
    peer = router.engine.peers["a"]
    assert (peer.counters.flaps, peer.last_error, peer.since) == (1, "connection lost: reset by peer", 7.0)


def test_an_unchanged_repetition_sends_nothing(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26"))
    before = len(router.tables["b"].octets)
    turn = router.receive("a", announce("10.1.0.0/26"), withdraw("10.9.0.0/26"))
    assert (turn.ready, turn.changes) == ([], {4: [], 6: []})
    assert len(router.tables["b"].octets) == before


def test_a_plan_without_sessions_is_an_engine_too() -> None:
    assert Router(NodePlan("n", "10.0.0.1")).turn().ready == []
