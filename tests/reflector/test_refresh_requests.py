"""Many ROUTE-REFRESH messages are no more work than one (RFC 2918 4, RFC 7313 4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import LINEAR, growth
from speaker_makers import Router, a_client, a_plan, announce

from reflector.outbound import refresh_requests
from reflector.outbound.outbox import Outbox
from reflector.wire.message import MessageType

REFRESH, REFRESH6, BEGIN, END = (
    b"\0" + bytes((afi, subtype)) + b"\1" for afi, subtype in ((1, 0), (2, 0), (1, 1), (1, 2))
)


def some_routes(number: int) -> tuple[str, ...]:
    return tuple(f"10.{index >> 8 & 255}.{index & 255}.0/24" for index in range(number))


def a_router(routes: int, **negotiated: object) -> Router:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2"), a_client("c", "10.0.0.3")))
    for name in "abc":
        router.up(name, hold_time=0, route_refresh=True, max_length=65535, **negotiated)
    if routes:
        router.receive("a", announce(*some_routes(routes)))
    return router


def answers(router: Router, name: str) -> int:
    return len([end for end in router.tables[name].ends if end == 4])


def test_refreshes_of_one_turn_are_answered_once() -> None:
    router = a_router(3)
    before = answers(router, "b")
    router.receive("b", *[REFRESH] * 50, kind=MessageType.ROUTE_REFRESH)
    assert answers(router, "b") == before + 1
    assert router.engine.peers["b"].counters.received[MessageType.ROUTE_REFRESH] == 50


def test_each_family_is_answered() -> None:
    router = a_router(3)
    before = list(router.tables["b"].ends)
    router.receive("b", REFRESH, REFRESH6, REFRESH, kind=MessageType.ROUTE_REFRESH)
    assert sorted(router.tables["b"].ends[len(before) :]) == [4, 6]


def test_a_request_waits_until_the_answer_before_it_is_handed_to_the_socket() -> None:
    router = a_router(3)
    engine, outbox = router.engine, router.engine.peers["b"].outbox
    for _ in range(20):
        engine.receive("b", MessageType.ROUTE_REFRESH, REFRESH, 0.0)
        engine.flush(0.0)
    assert waiting_octets(outbox) == 1
    outbox.take()
    engine.flush(0.0)
    assert waiting_octets(outbox) == 1, "those that came meanwhile are one more"
    outbox.take()
    engine.flush(0.0)
    assert waiting_octets(outbox) == 0


def waiting_octets(outbox: Outbox) -> int:
    """Whether an answer waits."""
    return len(outbox.refreshing)


def test_the_next_answer_of_a_large_table_waits_in_proportion() -> None:
    router = a_router(5000)
    before = answers(router, "b")
    for _ in range(10):
        router.receive("b", REFRESH, kind=MessageType.ROUTE_REFRESH)
    assert answers(router, "b") == before + 1
    router.wait(5000 / refresh_requests.ROUTES_A_SECOND)
    assert answers(router, "b") == before + 2


def test_a_turn_leaves_the_answers_beyond_its_bound_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh_requests, "ROUTES_A_TURN", 1)
    router = a_router(3)
    for name in "bc":
        router.engine.receive(name, MessageType.ROUTE_REFRESH, REFRESH, 0.0)
    before = answers(router, "b"), answers(router, "c")
    assert router.turn().is_unfinished
    assert (answers(router, "b"), answers(router, "c")) == (before[0] + 1, before[1])
    assert not router.turn().is_unfinished
    assert answers(router, "c") == before[1] + 1


@pytest.mark.parametrize("orf", [b"\1", b"\1\x40\0\x08" + bytes(8), bytes(4000)], ids=["mode", "entry", "long"])
def test_outbound_route_filters_behind_a_request_are_ignored(orf: bytes) -> None:
    """RFC 7313 5 asks for an error of the marks alone."""
    router = a_router(3)
    before = answers(router, "b")
    router.receive("b", REFRESH + orf, kind=MessageType.ROUTE_REFRESH)
    assert (answers(router, "b"), router.closed) == (before + 1, {})
    router.receive("b", b"\0\1\7\1" + orf, kind=MessageType.ROUTE_REFRESH)
    assert router.closed == {}


@pytest.mark.parametrize("mark", [BEGIN, END])
def test_a_mark_of_another_length_ends_the_session(mark: bytes) -> None:
    router = a_router(3)
    router.receive("b", mark + b"\0", kind=MessageType.ROUTE_REFRESH)
    assert router.closed == {"b": "ROUTE-REFRESH of 5 octets"}


def test_a_request_does_not_outlive_its_session() -> None:
    router = a_router(3)
    router.engine.receive("b", MessageType.ROUTE_REFRESH, REFRESH, 0.0)
    router.down("b")
    table = router.up("b", hold_time=0)
    assert table.ends.count(4) == 1


@pytest.mark.slow
@pytest.mark.parametrize("storm", [(REFRESH,), (BEGIN,), (BEGIN, END)], ids=["requests", "beginnings", "both marks"])
def test_a_storm_costs_what_its_octets_and_the_table_cost_not_their_product(storm: tuple[bytes, ...]) -> None:
    def prepare(number: int) -> Callable[[], object]:
        router = a_router(number, enhanced_refresh=True)

        def work() -> None:
            for body in storm * number:
                router.engine.receive("a", MessageType.ROUTE_REFRESH, body, 0.0)
            router.engine.flush(0.0)

        return work

    assert growth(prepare, 1000) < LINEAR
