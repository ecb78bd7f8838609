"""A peer that does not read: its session ends (RFC 9687)."""

from __future__ import annotations

import pytest
from speaker_makers import Router, a_client, a_plan, announce

from reflector.peer import SEND_HOLD_TIME
from reflector.wire.message import ErrorCode, notification


def a_router(hold_time: int = 0) -> Router:
    """`slow` has taken one octet of what waits for it."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("slow", "10.0.0.2")))
    router.up("a", hold_time=0)
    router.up("slow", hold_time=hold_time)
    router.engine.receive("a", 2, announce("10.1.0.0/26"), router.now)
    router.engine.flush(router.now)
    take(router, 1)
    return router


def take(router: Router, octets: int) -> None:
    """The socket takes so many octets of the next chunk and is full then."""
    peer = router.engine.peers["slow"]
    chunk = peer.outbox.take()
    assert chunk is not None
    peer.counters.bytes_out += octets
    peer.outbox.put_back(memoryview(chunk)[octets:])


def tick(router: Router, seconds: float) -> list[str]:
    """Time passes; the sessions that are to end."""
    router.now += seconds
    router.engine.receive("slow", 4, b"", router.now)
    router.engine.tick(router.now)
    return [close.reason for close in router.engine.flush(router.now).closes]


@pytest.mark.parametrize(("hold_time", "limit"), [(0, SEND_HOLD_TIME), (90, SEND_HOLD_TIME), (600, 1200.0)])
def test_it_ends_after_eight_minutes_or_twice_the_hold_time(hold_time: int, limit: float) -> None:
    router = a_router(hold_time)
    assert tick(router, 0.25) == []
    assert tick(router, limit - 1) == []
    assert tick(router, 1.5) == ["send hold timer expired: the peer does not read"]


def test_the_notification_has_a_code_of_its_own() -> None:
    router = a_router()
    tick(router, 0.25)
    router.now += SEND_HOLD_TIME + 1
    router.engine.tick(router.now)
    (close,) = router.engine.flush(router.now).closes
    assert close.notification == notification(ErrorCode.SEND_HOLD_TIMER_EXPIRED, 0) == notification(8, 0)


def test_one_octet_is_enough_to_begin_anew() -> None:
    router = a_router()
    for _ in range(5):
        assert tick(router, SEND_HOLD_TIME - 1) == []
        take(router, 1)


def test_a_peer_for_which_nothing_waits_has_no_such_timer() -> None:
    router = a_router()
    router.deliver(router.engine.flush(router.now))
    peer = router.engine.peers["slow"]
    while peer.outbox.take() is not None:
        pass
    assert tick(router, 3 * SEND_HOLD_TIME) == []
    assert tick(router, 3 * SEND_HOLD_TIME) == []
