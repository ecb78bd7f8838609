"""What a session remembers of attribute blocks is bounded in octets, and freed."""

from __future__ import annotations

import tracemalloc

from speaker_makers import Router, a_client, a_plan, announce

from reflector.wire.message import MessageType
from reflector.wire.update import CACHED_OCTETS

P = "10.1.0.0/26"


def a_router() -> Router:
    router = Router(a_plan(a_client("a", "10.0.0.1")))
    router.up("a", max_length=65535, hold_time=0)
    return router


def churn(router: Router, length: int, times: int, first: int = 0) -> None:
    """One route, announced so often with so many other communities each time."""
    engine, outbox = router.engine, router.engine.peers["a"].outbox
    for number in range(first, first + times):
        changed = announce(P, communities=tuple(range(number * length, (number + 1) * length)))
        engine.receive("a", MessageType.UPDATE, changed, 0.0)
        engine.flush(0.0)
        while outbox.take() is not None:
            pass
        engine.trim_logs()


def cached(router: Router) -> int:
    reader = router.engine.peers["a"].reader
    assert reader is not None
    return reader.cached_octets


def test_blocks_are_remembered_up_to_a_number_of_octets() -> None:
    router = a_router()
    churn(router, 900, 100)
    assert 0 < cached(router) <= CACHED_OCTETS
    churn(router, 900, 600, first=100)
    assert 0 < cached(router) <= CACHED_OCTETS


def test_a_block_that_only_an_extended_message_holds_is_not_remembered() -> None:
    router = a_router()
    churn(router, 16000, 3)
    assert cached(router) == 0


def test_attribute_churn_of_one_route_takes_no_memory() -> None:
    """4,000 times 65 KB made 2.8 GB."""

    def growth_of(times: int) -> int:
        router = a_router()
        churn(router, 8000, 2)
        tracemalloc.start()
        churn(router, 8000, times, first=2)
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return grown

    assert growth_of(48) < 2 * growth_of(12)
