"""Routes packed into UPDATEs: never over the session's message length, and nothing lost (RFC 4271 4.3, RFC 8654)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speaker_makers import INTERNAL, some_attributes

from reflector.addresses import MAX_BITS
from reflector.plan import Family
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import RawAttribute
from reflector.wire.message import HEADER_LENGTH, MessageReader
from reflector.wire.update import UpdateReader, announcements, room_for_routes, withdrawals

LIMITS = (4096, 65535)


def some_keys(family: Family, add_path: bool) -> st.SearchStrategy[list[bytes]]:
    def key(number: int, bits: int) -> bytes:
        octets = number.to_bytes(16, "big")[: bits + 7 >> 3]
        slack = -bits % 8
        if slack:
            octets = octets[:-1] + bytes((octets[-1] >> slack << slack,))
        return (bytes(3) + bytes((bits,)) if add_path else b"") + bytes((bits,)) + octets

    keys = st.builds(key, st.integers(0, 2**128 - 1), st.integers(0, MAX_BITS[family]))
    return st.lists(keys, min_size=1, max_size=30, unique=True)


# Few drawn keys are repeated: for packing that is as good as distinct ones.
CASES = st.sampled_from(((4, False), (4, True), (6, False), (6, True))).flatmap(
    lambda case: st.tuples(st.just(case), some_keys(case[0], case[1]))  # type: ignore[arg-type]  # a family
)


@given(CASES, st.booleans(), st.integers(1, 60), st.integers(0, 3900), st.sampled_from(LIMITS))
def test_announcements_fit_and_lose_nothing(case, over_v6: bool, times: int, ballast: int, limit: int) -> None:
    """Both families, with and without path identifiers, and IPv4 with an IPv6 next hop (RFC 8950)."""
    (family, add_path), keys = case[0], case[1] * times
    others = (RawAttribute(0xE0, 99, bytes(ballast)),)
    attributes = some_attributes("fd00::1" if over_v6 or family == 6 else "10.0.0.1", others=others)
    block = encode_attributes(attributes)
    messages = list(announcements(family, block, attributes.next_hop, keys, limit))
    reader = UpdateReader(INTERNAL, frozenset((family,)), frozenset((family,) if add_path else ()))
    seen: list[bytes] = []
    for message in messages:
        ((kind, body),) = MessageReader(limit).feed(message)
        update = reader.read(body)
        assert (kind, update.error, update.withdrawn) == (2, "", [])
        for of, given_attributes, of_keys in update.announced:
            assert (of, given_attributes) == (family, attributes)
            seen += of_keys
    assert seen == keys


@given(CASES, st.integers(1, 60), st.sampled_from(LIMITS))
def test_withdrawals_fit_and_lose_nothing(case, times: int, limit: int) -> None:
    (family, add_path), keys = case[0], case[1] * times
    reader = UpdateReader(INTERNAL, frozenset((family,)), frozenset((family,) if add_path else ()))
    seen: list[bytes] = []
    for message in withdrawals(family, keys, limit):
        ((_, body),) = MessageReader(limit).feed(message)
        update = reader.read(body)
        assert update.announced == []
        seen += [key for _, of_keys in update.withdrawn for key in of_keys]
    assert seen == keys


@pytest.mark.parametrize(("family", "next_hop"), [(4, bytes(4)), (4, bytes(16)), (6, bytes(16)), (6, bytes(32))])
def test_the_room_for_routes_is_what_a_message_has(family: Family, next_hop: bytes) -> None:
    block = bytes(100)
    room = room_for_routes(family, len(block), next_hop, 4096)
    (message,) = announcements(family, block, next_hop, [bytes(room)], 4096)
    assert len(message) == 4096


def test_a_full_message_is_used_to_the_last_octets() -> None:
    """1000 host routes of five octets: two messages, not more."""
    keys = [bytes((32, 10, 0)) + number.to_bytes(2, "big") for number in range(1000)]
    messages = list(announcements(4, encode_attributes(some_attributes()), bytes(4), keys, 4096))
    assert len(messages) == 2
    assert 4096 - 5 < len(messages[0]) <= 4096
    assert len(messages[1]) > HEADER_LENGTH
