"""A large UPDATE in parts: what they bring together is what it brings alone, and what is wrong stays whole."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reflector.addresses import pack_address
from reflector.plan import Family
from reflector.wire.attribute_rules import Dialect
from reflector.wire.attribute_writer import encode_attribute, encode_attributes
from reflector.wire.attributes import OPTIONAL, Code, PathAttributes, intern_attributes
from reflector.wire.division import ROUTES, ROUTES_WITH_IDENTIFIERS, in_parts, in_small_parts, parts_of
from reflector.wire.message import HEADER_LENGTH, MessageType, NotificationError
from reflector.wire.update import UpdateReader, end_of_rib

Routes = dict[tuple[Family, bytes], PathAttributes | None]

V4, V6 = pack_address("10.0.0.1"), pack_address("2001:db8::1")


def attributes(count: int = 0) -> bytes:
    made = intern_attributes(next_hop=V4, local_pref=100, communities=tuple(range(count)))
    return encode_attributes(made)


def keys(family: Family, count: int, *, first: int = 0, identified: bool = False) -> list[bytes]:
    octets = 4 if family == 4 else 16
    return [
        (number.to_bytes(4, "big") if identified else b"") + bytes((octets * 8,)) + number.to_bytes(octets, "big")
        for number in range(first, first + count)
    ]


def update(withdrawn: bytes = b"", block: bytes = b"", nlri: bytes = b"") -> bytes:
    return struct.pack("!H", len(withdrawn)) + withdrawn + struct.pack("!H", len(block)) + block + nlri


def unreach(routes: list[bytes]) -> bytes:
    return encode_attribute(OPTIONAL, Code.MP_UNREACH_NLRI, b"\0\x02\x01" + b"".join(routes))


def reach(routes: list[bytes]) -> bytes:
    value = b"\0\x02\x01" + bytes((16,)) + V6 + b"\0" + b"".join(routes)
    return encode_attribute(OPTIONAL, Code.MP_REACH_NLRI, value)


def table_after(bodies: list[bytes], add_path: frozenset[Family]) -> Routes:
    """What a peer that sends these has announced in the end, None where the last word was that it is withdrawn."""
    reader = UpdateReader(Dialect(True, False, frozenset()), frozenset((4, 6)), add_path)
    table: Routes = {}
    for body in bodies:
        read = reader.read(body)
        table.update({(family, key): None for family, routes in read.withdrawn for key in routes})
        table.update({(family, key): given for family, given, routes in read.announced for key in routes})
    return table


@settings(max_examples=60, deadline=None)
@given(
    counts=st.tuples(*[st.sampled_from((0, 1, 63, 64, 65, 700))] * 4),
    first=st.integers(0, 700),
    communities=st.sampled_from((0, 3, 300)),
    identified=st.booleans(),
)
def test_the_parts_bring_what_the_whole_brings(
    counts: tuple[int, ...], first: int, communities: int, identified: bool
) -> None:
    add_path: frozenset[Family] = frozenset((4, 6) if identified else ())
    gone4 = keys(4, counts[0], identified=identified)
    new4 = keys(4, counts[1], first=first, identified=identified)
    gone6 = keys(6, counts[2], identified=identified)
    new6 = keys(6, counts[3], first=first, identified=identified)
    block = (unreach(gone6) if gone6 else b"") + (reach(new6) if new6 else b"") + attributes(communities)
    body = update(b"".join(gone4), block, b"".join(new4))
    parts = parts_of(body, add_path)
    assert table_after(parts, add_path) == table_after([body], add_path)
    most = max(ROUTES_WITH_IDENTIFIERS if identified else ROUTES, len(attributes(communities)) // 8)
    if max(counts) <= most:
        assert parts == [body]
    for part in parts if len(parts) > 1 else ():
        read = UpdateReader(Dialect(True, False, frozenset()), frozenset((4, 6)), add_path).read(part)
        assert sum(len(each[-1]) for each in (*read.withdrawn, *read.announced)) <= most


def test_attributes_are_not_read_more_often_than_their_length_allows() -> None:
    """The octets that are read in all parts grow with those of the message, not with their product."""
    routes = keys(4, 3000, identified=True)
    for communities in (10, 1000, 8000):
        body = update(block=attributes(communities), nlri=b"".join(routes))
        assert sum(map(len, parts_of(body, {4}))) < 3 * len(body)


@pytest.mark.parametrize(
    "body",
    [
        update(nlri=b"".join(keys(4, 700)), block=attributes())[:-1],
        update(nlri=b"".join(keys(4, 700)) + b"\x21\0\0\0\0\0", block=attributes()),
        update(nlri=b"".join(keys(4, 700)), block=attributes() + b"\xc0\x08\x09"),
        update(nlri=b"".join(keys(4, 700)), block=reach(keys(6, 1)) + reach(keys(6, 1))),
        update(nlri=b"".join(keys(4, 700)), block=unreach([])),
        struct.pack("!H", 9999) + bytes(1000),
        b"",
    ],
    ids=("cut off", "too long a prefix", "attribute cut off", "twice", "marker", "lengths", "nothing"),
)
def test_what_is_wrong_is_left_whole(body: bytes) -> None:
    assert parts_of(body, ()) == [body]


def test_withdrawn_routes_with_malformed_attributes_still_reset_the_session() -> None:
    """RFC 7606 5.2: an error may have hidden which routes these are."""
    body = update(b"".join(keys(4, 700)), encode_attribute(0x40, Code.ORIGIN, b"\x09"))
    parts = parts_of(body, ())
    assert len(parts) > 1
    with pytest.raises(NotificationError):
        table_after(parts, frozenset())


def test_only_large_updates_are_divided_and_the_order_stays() -> None:
    large = update(b"".join(keys(4, 700)))
    marker = end_of_rib(4)[HEADER_LENGTH:]
    messages = [(int(MessageType.KEEPALIVE), b""), (int(MessageType.UPDATE), large), (int(MessageType.UPDATE), marker)]
    parts = list(in_small_parts(iter(messages), ()))
    assert parts[0] == messages[0]
    assert parts[-1] == messages[-1]
    assert len(parts) == 4


def test_within_the_budget_only_what_needs_an_extended_message_is_divided() -> None:
    ordinary = int(MessageType.UPDATE), update(b"".join(keys(4, 450, first=1 << 24, identified=True)))
    extended = int(MessageType.UPDATE), update(b"".join(keys(4, 4000, first=1 << 24, identified=True)))
    assert list(in_parts(iter([ordinary]), {4})) == [ordinary]
    assert len(list(in_parts(iter([extended]), {4}))) == -(-4000 // ROUTES_WITH_IDENTIFIERS)


def test_within_the_budget_routes_that_share_a_path_identifier_stay_together() -> None:
    """They share a path, and a full table that a reflector sends on comes so."""
    shared = [b"\0\0\0\x07" + each for each in keys(4, 4000)]
    message = int(MessageType.UPDATE), update(nlri=b"".join(shared), block=attributes())
    assert list(in_parts(iter([message]), {4})) == [message]
