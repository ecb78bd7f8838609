"""Bounds that a session has without any setting: prefixes, and octets of attributes."""

from __future__ import annotations

import pytest
from shown import shown_peers
from speaker_makers import Router, a_client, a_plan, announce, withdraw

from reflector.inbound import attribute_octets, maximum_prefixes
from reflector.plan import LimitAction, MaximumPrefixes
from reflector.wire.message import Cease, ErrorCode, notification


def a_router() -> Router:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a", max_length=65535, hold_time=0)
    router.up("b", max_length=65535, hold_time=0)
    return router


def pods(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"10.{number}.0.0/26" for number in range(first, last + 1))


def warning(router: Router) -> str:
    return shown_peers(router.engine, {}, router.now).peers[0].warning


@pytest.fixture
def ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        maximum_prefixes, "DEFAULT_LIMIT", MaximumPrefixes(10, LimitAction.CEASE, warning_percent=70, restart_delay=300)
    )


def test_the_default_limit_is_beyond_what_the_internet_has() -> None:
    assert maximum_prefixes.DEFAULT_LIMIT.limit > 1_200_000
    assert maximum_prefixes.DEFAULT_LIMIT.action is LimitAction.CEASE


@pytest.mark.usefixtures("ten")
def test_a_session_without_a_limit_is_warned_about_and_then_ceased() -> None:
    router = a_router()
    router.receive("a", announce(*pods(1, 6)))
    assert warning(router) == ""
    router.receive("a", announce(*pods(7, 10)))
    assert warning(router) == "10 of at most 10 IPv4 prefixes"
    router.receive("a", announce(*pods(11, 11)))
    assert router.closed == {"a": "more than 10 IPv4 prefixes"}
    assert router.closes[-1].hold_down == 300


@pytest.mark.usefixtures("ten")
def test_the_warning_ends_with_its_reason() -> None:
    router = a_router()
    router.receive("a", announce(*pods(1, 8)))
    router.receive("a", withdraw(*pods(4, 8)))
    assert warning(router) == ""


@pytest.mark.usefixtures("ten")
def test_a_limit_of_the_plan_stands_above_the_default() -> None:
    router = a_router()
    router.apply(a_plan(a_client("a", "10.0.0.1", maximum_prefixes=MaximumPrefixes(20)), a_client("b", "10.0.0.2")))
    router.receive("a", announce(*pods(1, 15)))
    assert router.closed == {}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribute_octets, "ATTRIBUTE_OCTETS", 400_000)
    monkeypatch.setattr(attribute_octets, "RECOUNT_OCTETS", 50_000)


def heavy(number: int) -> bytes:
    """A route with 40,000 octets of communities of its own."""
    return announce(f"10.{number}.0.0/26", communities=tuple(range(number * 10_000, (number + 1) * 10_000)))


@pytest.mark.usefixtures("small")
def test_a_peer_whose_routes_hold_too_many_octets_of_attributes_is_ceased() -> None:
    router = a_router()
    for number in range(1, 16):
        router.receive("a", heavy(number))
        if router.closed:
            break
    assert 9 <= number <= 13
    (close,) = router.closes
    assert close.notification == notification(ErrorCode.CEASE, Cease.OUT_OF_RESOURCES)
    assert close.hold_down == attribute_octets.HOLD_DOWN


@pytest.mark.usefixtures("small")
def test_churn_that_leaves_little_behind_is_no_reason() -> None:
    router = a_router()
    for number in range(60):
        router.receive("a", announce("10.1.0.0/26", communities=tuple(range(number * 9000, number * 9000 + 9000))))
    assert router.closed == {}


@pytest.mark.usefixtures("small")
def test_attributes_that_many_routes_share_count_once() -> None:
    router = a_router()
    for number in range(1, 60):
        router.receive("a", announce(f"10.{number}.0.0/26", communities=tuple(range(9000))))
    assert router.closed == {}


@pytest.mark.usefixtures("small")
def test_a_rejected_route_counts_as_well() -> None:
    router = a_router()
    for number in range(1, 16):
        if not router.closed:
            router.receive(
                "a",
                announce(
                    "127.1.0.0/16",
                    f"127.{number}.0.0/24",
                    communities=tuple(range(number * 10_000, number * 10_000 + 10_000)),
                ),
            )
    assert list(router.closed) == ["a"]
