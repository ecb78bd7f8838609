"""What a peer's Beginning and End of Route Refresh do to what it has sent (RFC 7313 4)."""

from __future__ import annotations

import pytest
from speaker_makers import Router, a_client, a_plan, announce, withdraw

from reflector.wire.message import MessageType

P, Q, R = "10.1.0.0/26", "10.2.0.0/26", "10.3.0.0/26"
P6 = "fd00:1::/64"
BEGIN, END, BEGIN6, END6 = (b"\0" + bytes((afi, subtype)) + b"\1" for afi, subtype in ((1, 1), (1, 2), (2, 1), (2, 2)))


@pytest.fixture
def router() -> Router:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", enhanced_refresh=True)
    router.up("b")
    router.receive("a", announce(P, Q), announce(P6))
    return router


def mark(router: Router, *bodies: bytes) -> None:
    router.receive("a", *bodies, kind=MessageType.ROUTE_REFRESH)


def test_what_is_not_sent_again_between_the_marks_is_withdrawn(router: Router) -> None:
    mark(router, BEGIN)
    router.receive("a", announce(P))
    assert router.advertised("b") == {P, Q, P6}, "nothing goes before the end"
    mark(router, END)
    assert router.advertised("b") == {P, P6}


def test_a_refresh_concerns_its_family_alone(router: Router) -> None:
    mark(router, BEGIN6, END6)
    assert router.advertised("b") == {P, Q}


def test_routes_that_are_new_or_withdrawn_in_between_need_no_other_word(router: Router) -> None:
    mark(router, BEGIN)
    router.receive("a", announce(R), withdraw(Q), announce(P, med=5))
    mark(router, END)
    assert router.advertised("b") == {P, R, P6}


def test_an_end_without_a_beginning_says_nothing(router: Router) -> None:
    mark(router, END)
    assert router.advertised("b") == {P, Q, P6}


def test_a_second_beginning_counts_anew(router: Router) -> None:
    mark(router, BEGIN)
    router.receive("a", announce(P))
    mark(router, BEGIN)
    router.receive("a", announce(Q))
    mark(router, END)
    assert router.advertised("b") == {Q, P6}


def test_without_the_capability_the_marks_are_ignored(router: Router) -> None:
    router.receive("b", announce(R))
    router.receive("b", BEGIN, END, kind=MessageType.ROUTE_REFRESH)
    assert R in router.advertised("a")


def test_an_unknown_subtype_is_ignored(router: Router) -> None:
    """RFC 7313 5."""
    mark(router, BEGIN, b"\0\1\7\1", END[:2] + b"\3\1")
    assert router.advertised("b") == {P, Q, P6}


def test_while_routes_are_stale_from_a_restart_the_marks_say_nothing(router: Router) -> None:
    """RFC 7313 4: not before the End-of-RIB of RFC 4724."""
    router.down("a", is_lost=True)
    router.up("a", enhanced_refresh=True)
    mark(router, BEGIN, END)
    assert router.advertised("b") == {P, Q, P6}


def test_a_beginning_does_not_outlive_its_session(router: Router) -> None:
    mark(router, BEGIN)
    router.down("a", is_lost=True)
    router.up("a", enhanced_refresh=True)
    router.receive("a", announce(P, Q), b"\0\0\0\0")
    mark(router, END)
    assert router.advertised("b") == {P, Q, P6}
