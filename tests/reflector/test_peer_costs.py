"""What a peer's messages cost grows with their number: four times as many are four times the work, of every kind.

Each kind is of messages that a hostile peer could send at full speed, to a speaker with two healthy peers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, repeat

import pytest
from growth import LINEAR, growth
from speaker_makers import Router, a_client, a_plan, announce, withdraw

from reflector.plan import LimitAction, MaximumPrefixes
from reflector.wire.message import MessageType

Messages = Iterator[tuple[MessageType, bytes]]
UPDATE = MessageType.UPDATE


def prefix(number: int, family: int = 4) -> str:
    if family == 6:
        return f"fd00:{number >> 16:x}:{number & 0xFFFF:x}::/64"
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}/32"


def new_prefixes(family: int) -> Messages:
    for number in range(1 << 20):
        yield UPDATE, announce(prefix(number, family))


def flaps(family: int) -> Messages:
    for number in range(1 << 20):
        yield UPDATE, announce(prefix(number % 100, family))
        yield UPDATE, withdraw(prefix(number % 100, family))


def withdrawals_of_nothing(family: int) -> Messages:
    for number in range(1 << 20):
        yield UPDATE, withdraw(prefix(number, family))


def other_attributes_each_time(family: int) -> Messages:
    for number in range(1 << 20):
        yield UPDATE, announce(prefix(1, family), med=number)


def many_communities(family: int) -> Messages:
    for number in range(1 << 20):
        communities = tuple(range(number * 200, number * 200 + 200))
        yield UPDATE, announce(prefix(number % 10, family), communities=communities)


def long_as_paths(family: int) -> Messages:
    for number in range(1 << 20):
        yield UPDATE, announce(prefix(number % 10, family), as_path=tuple(range(number + 1, number + 250)))


def martians(family: int) -> Messages:
    for number in range(1 << 20):
        martian = f"ff00:{number & 0xFFFF:x}::/32" if family == 6 else f"127.{number >> 8 & 255}.{number & 255}.0/24"
        yield UPDATE, announce(martian)


def loops(family: int) -> Messages:
    for number in range(1 << 20):
        yield UPDATE, announce(prefix(number, family), cluster_list=(bytes((224, 0, 0, 1)),))


def malformed(family: int) -> Messages:
    """Treated as withdrawn: ORIGIN has a value that there is none of (RFC 7606 7.1)."""
    for number in range(1 << 20):
        body = announce(prefix(number, family))
        yield UPDATE, body.replace(b"\x40\x01\x01\x00", b"\x40\x01\x01\x09")


def ends_of_rib(family: int) -> Messages:
    yield from repeat((UPDATE, b"\0\0\0\0" if family == 4 else b"\0\0\0\x06\x80\x0f\x03\0\x02\x01"))


def keepalives(_: int) -> Messages:
    yield from repeat((MessageType.KEEPALIVE, b""))


KINDS: tuple[Callable[[int], Messages], ...] = (
    new_prefixes,
    flaps,
    withdrawals_of_nothing,
    other_attributes_each_time,
    many_communities,
    long_as_paths,
    martians,
    loops,
    malformed,
    ends_of_rib,
    keepalives,
)
LIMITS = {
    "by default": None,
    "cease": MaximumPrefixes(1 << 20, LimitAction.CEASE),
    "drop": MaximumPrefixes(300, LimitAction.DROP),
}


def a_router(limit: MaximumPrefixes | None) -> Router:
    hostile = a_client("hostile", "10.0.0.1", maximum_prefixes=limit)
    router = Router(a_plan(hostile, a_client("b", "10.0.0.2"), a_client("c", "10.0.0.3")))
    for name in ("hostile", "b", "c"):
        router.up(name, max_length=65535, hold_time=0)
    return router


def send(router: Router, messages: list[tuple[MessageType, bytes]]) -> None:
    """Ten in a turn, as when a session shares its turns with others."""
    for first in range(0, len(messages), 10):
        for kind, body in messages[first : first + 10]:
            router.engine.receive("hostile", kind, body, router.now)
        for peer in router.engine.flush(router.now).ready:
            while peer.outbox.take() is not None:
                pass
        router.engine.trim_logs()


@pytest.mark.slow
@pytest.mark.parametrize(("family", "limit"), [(6, "by default"), *((4, name) for name in LIMITS)])
@pytest.mark.parametrize("kind", KINDS)
def test_work_grows_with_the_messages(kind: Callable[[int], Messages], family: int, limit: str) -> None:
    def prepare(number: int) -> Callable[[], object]:
        router, messages = a_router(LIMITS[limit]), list(islice(kind(family), number))
        return lambda: send(router, messages)

    assert growth(prepare, 200) < LINEAR
