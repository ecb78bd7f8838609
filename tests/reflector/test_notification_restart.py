"""Graceful restart where both ends sent N: a NOTIFICATION is a restart as well, a hard reset is the end (RFC 8538)."""

from __future__ import annotations

from typing import Any

import pytest
from speaker_makers import Router, a_client, a_negotiation, a_plan, a_restart, announce

from reflector.inbound.graceful_restart import STALE_TIME
from reflector.session.ending import STAYS, Ending, sent_ending
from reflector.wire.message import HEADER_LENGTH, Cease, ErrorCode, MessageType, hard_reset, notification
from reflector.wire.update import end_of_rib

POD, OTHER = "10.1.0.0/26", "10.2.0.0/26"
N = a_restart(notification=True)
END_V4, END_V6 = end_of_rib(4)[HEADER_LENGTH:], end_of_rib(6)[HEADER_LENGTH:]
SHUTDOWN = b"\x06\x02\x04over"


@pytest.fixture
def router() -> Router:
    """A reflector with two clients; `a` has sent N and sent two routes."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", graceful_restart=N)
    router.up("b")
    router.receive("a", announce(POD, OTHER))
    return router


def test_every_way_to_end_a_session_is_in_the_table() -> None:
    assert STAYS.keys() == {(ending, both) for ending in Ending for both in (False, True)}


@pytest.mark.parametrize("body", [b"\x06\x04", b"\x06\x06", b"\x03\x01", b"\x04\x00", b"\x06\x02"])
def test_the_routes_of_a_peer_that_sends_a_notification_stay(router: Router, body: bytes) -> None:
    """RFC 8538 4: whatever it is about. A peer that ends the session for good says so with a hard reset."""
    router.receive("a", body, kind=MessageType.NOTIFICATION)
    assert router.advertised("b") == {POD, OTHER}
    router.wait(120)
    assert router.advertised("b") == set()


def test_a_hard_reset_leaves_nothing(router: Router) -> None:
    """RFC 8538 3.2."""
    router.receive("a", hard_reset(SHUTDOWN)[HEADER_LENGTH:], kind=MessageType.NOTIFICATION)
    assert router.advertised("b") == set()
    assert router.engine.peers["a"].last_error == (
        "peer sent NOTIFICATION: cease (hard reset): cease (administrative shutdown): 'over'"
    )


def test_without_n_a_notification_leaves_nothing(router: Router) -> None:
    """RFC 4724 4."""
    router.up("a", graceful_restart=a_restart())
    router.receive("a", announce(POD), END_V4)
    router.receive("a", b"\x06\x04", kind=MessageType.NOTIFICATION)
    assert router.advertised("b") == set()


def test_the_hold_timer_lets_the_routes_stay(router: Router) -> None:
    """RFC 8538 4: the NOTIFICATION is sent as ever."""
    router.engine.peers["b"].received_at = 241.0
    router.wait(241)
    assert router.closes[0].notification == notification(ErrorCode.HOLD_TIMER_EXPIRED, 0)
    assert router.advertised("b") == {POD, OTHER}


def test_a_notification_of_ours_lets_the_routes_stay(router: Router) -> None:
    """RFC 8538 4: the speaker that generates it waits as well."""
    router.receive("a", bytes(10), kind=MessageType.OPEN)
    assert router.closes[0].notification == notification(ErrorCode.FINITE_STATE_MACHINE, 3)
    assert router.advertised("b") == {POD, OTHER}


def test_a_peer_that_leaves_the_plan_leaves_nothing(router: Router) -> None:
    router.apply(a_plan(a_client("b", "10.0.0.2")))
    assert router.advertised("b") == set()


@pytest.mark.parametrize(("change", "stays"), [({"peer_as": 65001}, False), ({"hold_time": 30}, True)])
def test_another_peer_behind_the_name_does_not_inherit_the_routes(router: Router, change: Any, stays: bool) -> None:
    """RFC 8538 5.1: Other Configuration Change lets routes stay, but they are those of the old peer."""
    router.engine.session_down("a", "another definition", router.now, Ending.NOTIFICATION)
    router.apply(a_plan(a_client("a", "10.0.0.1", **change), a_client("b", "10.0.0.2")))
    assert router.advertised("b") == ({POD, OTHER} if stays else set())


@pytest.mark.parametrize("subcode", [Cease.MAXIMUM_PREFIXES, Cease.ADMINISTRATIVE_SHUTDOWN, Cease.PEER_DECONFIGURED])
def test_what_ends_a_session_for_good_is_sent_as_a_hard_reset(subcode: Cease) -> None:
    """RFC 8538 3.1 and 5.1: its data are the code, subcode and data of the reason."""
    plain = notification(ErrorCode.CEASE, subcode, b"data")
    sent, ending = sent_ending(a_negotiation("10.0.0.1", graceful_restart=N), plain)
    assert sent == notification(ErrorCode.CEASE, Cease.HARD_RESET, bytes((6, subcode)) + b"data")
    assert ending is Ending.FOR_GOOD
    for other in (a_restart(), None):
        assert sent_ending(a_negotiation("10.0.0.1", graceful_restart=other), plain) == (plain, Ending.FOR_GOOD)


@pytest.mark.parametrize(
    "message",
    [
        notification(ErrorCode.CEASE, Cease.OTHER_CONFIGURATION_CHANGE),
        notification(ErrorCode.CEASE, Cease.ADMINISTRATIVE_RESET),
        notification(ErrorCode.CEASE, Cease.CONNECTION_COLLISION),
        notification(ErrorCode.HOLD_TIMER_EXPIRED, 0),
        notification(ErrorCode.UPDATE_MESSAGE, 1),
    ],
)
def test_what_passes_is_sent_as_it_is(message: bytes) -> None:
    """RFC 8538 5.1."""
    assert sent_ending(a_negotiation("10.0.0.1", graceful_restart=N), message) == (message, Ending.NOTIFICATION)


def test_a_hard_reset_is_not_encapsulated_again() -> None:
    message = hard_reset(SHUTDOWN)
    assert sent_ending(a_negotiation("10.0.0.1", graceful_restart=N), message) == (message, Ending.FOR_GOOD)


def test_routes_that_are_stale_already_survive_another_restart_for_a_while(router: Router) -> None:
    """RFC 8538 4.1: only without N does the second restart in a row cost them."""
    router.receive("a", b"\x06\x04", kind=MessageType.NOTIFICATION)
    router.wait(1)
    router.up("a", graceful_restart=N)
    router.receive("a", announce(POD))
    router.receive("a", b"\x06\x04", kind=MessageType.NOTIFICATION)
    assert router.advertised("b") == {POD, OTHER}
    router.up("a", graceful_restart=N)
    router.receive("a", announce(OTHER), END_V4)
    assert router.advertised("b") == {OTHER}


def test_a_peer_that_restarts_again_and_again_does_not_keep_stale_routes_for_ever(router: Router) -> None:
    """RFC 8538 4.1: the stale timer bounds them."""
    router.receive("a", b"\x06\x04", kind=MessageType.NOTIFICATION)
    for _ in range(int(STALE_TIME) // 100):
        router.wait(100)
        router.engine.peers["b"].received_at = router.now
        router.up("a", graceful_restart=N)
        router.receive("a", announce(POD))
        assert router.advertised("b") == {POD, OTHER}
        router.receive("a", b"\x06\x04", kind=MessageType.NOTIFICATION)
    assert router.advertised("b") == {POD}
