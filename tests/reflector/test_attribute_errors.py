"""What each malformed attribute costs: the table of RFC 7606 7, and what RFC 4271 6.3 still resets for."""

from __future__ import annotations

import pytest
from speaker_makers import EXTERNAL, INTERNAL

from reflector.wire.attribute_reader import ParsedAttributes, parse_attributes
from reflector.wire.attributes import AS_SEQUENCE, RawAttribute
from reflector.wire.message import NotificationError

TRANSITIVE, OPTIONAL, OPTIONAL_TRANSITIVE = 0x40, 0x80, 0xC0


def an_attribute(flags: int, code: int, value: bytes) -> bytes:
    return bytes((flags, code, len(value))) + value


GOOD = {
    1: an_attribute(TRANSITIVE, 1, b"\0"),
    2: an_attribute(TRANSITIVE, 2, b"\x02\x01\0\0\xfd\xe9"),
    3: an_attribute(TRANSITIVE, 3, b"\x0a\0\0\1"),
    5: an_attribute(TRANSITIVE, 5, b"\0\0\0\x64"),
}


def read_with(*extra: bytes, without: int = 0, dialect=INTERNAL) -> ParsedAttributes:
    """A good block in which attributes are put, or of which one is left out."""
    return parse_attributes(b"".join(a for code, a in GOOD.items() if code != without) + b"".join(extra), dialect)


def read_instead(code: int, attribute: bytes, dialect=INTERNAL) -> ParsedAttributes:
    return read_with(attribute, without=code, dialect=dialect)


WITHDRAW = [
    pytest.param(1, TRANSITIVE, b"", id="ORIGIN empty (7.1)"),
    pytest.param(1, TRANSITIVE, b"\0\0", id="ORIGIN too long"),
    pytest.param(1, TRANSITIVE, b"\3", id="ORIGIN undefined value"),
    pytest.param(1, OPTIONAL, b"\0", id="ORIGIN flags (3 c)"),
    pytest.param(2, TRANSITIVE, b"\x02", id="AS_PATH segment header truncated (7.2)"),
    pytest.param(2, TRANSITIVE, b"\x02\x02\0\0\xfd\xe9", id="AS_PATH segment overrun"),
    pytest.param(2, TRANSITIVE, b"\x02\x01\0\0\xfd\xe9\x02", id="AS_PATH segment underrun"),
    pytest.param(2, TRANSITIVE, b"\x05\x01\0\0\xfd\xe9", id="AS_PATH unknown segment type"),
    pytest.param(2, TRANSITIVE, b"\x02\x00", id="AS_PATH segment of no AS"),
    pytest.param(2, TRANSITIVE, b"\x02\x01\0\0\0\0", id="AS_PATH with AS 0 (RFC 7607)"),
    pytest.param(2, OPTIONAL_TRANSITIVE, b"\x02\x01\0\0\xfd\xe9", id="AS_PATH flags"),
    pytest.param(3, TRANSITIVE, b"\x0a\0\0", id="NEXT_HOP length (7.3)"),
    pytest.param(3, TRANSITIVE, b"\0\0\0\0", id="NEXT_HOP 0.0.0.0"),
    pytest.param(3, OPTIONAL, b"\x0a\0\0\1", id="NEXT_HOP flags"),
    pytest.param(4, OPTIONAL, b"\0\0\0", id="MULTI_EXIT_DISC length (7.4)"),
    pytest.param(4, TRANSITIVE, b"\0\0\0\1", id="MULTI_EXIT_DISC flags"),
    pytest.param(5, TRANSITIVE, b"\0\0\0\0\0", id="LOCAL_PREF length (7.5)"),
    pytest.param(6, OPTIONAL, b"", id="ATOMIC_AGGREGATE flags (3 c)"),
    pytest.param(7, TRANSITIVE, b"\0\0\xfd\xe9\x0a\0\0\1", id="AGGREGATOR flags (3 c)"),
    pytest.param(8, OPTIONAL_TRANSITIVE, b"", id="COMMUNITIES empty (7.8)"),
    pytest.param(8, OPTIONAL_TRANSITIVE, b"\0\0\0\0\0", id="COMMUNITIES length"),
    pytest.param(8, OPTIONAL, b"\0\0\0\1", id="COMMUNITIES flags"),
    pytest.param(9, OPTIONAL, b"\0\0\0", id="ORIGINATOR_ID length (7.9)"),
    pytest.param(10, OPTIONAL, b"", id="CLUSTER_LIST empty (7.10)"),
    pytest.param(10, OPTIONAL, b"\0\0\0\0\0", id="CLUSTER_LIST length"),
    pytest.param(16, OPTIONAL_TRANSITIVE, b"\0" * 7, id="EXTENDED_COMMUNITIES length (7.14)"),
    pytest.param(16, OPTIONAL_TRANSITIVE, b"", id="EXTENDED_COMMUNITIES empty"),
    pytest.param(32, OPTIONAL_TRANSITIVE, b"\0" * 11, id="LARGE_COMMUNITIES length (RFC 8092 5)"),
    pytest.param(35, OPTIONAL_TRANSITIVE, b"\0\0\0", id="ONLY_TO_CUSTOMER length (RFC 9234 5)"),
    pytest.param(35, OPTIONAL_TRANSITIVE, b"\0\0\0\0\1", id="ONLY_TO_CUSTOMER too long"),
    pytest.param(35, TRANSITIVE, b"\0\0\0\1", id="ONLY_TO_CUSTOMER flags"),
    pytest.param(14, TRANSITIVE, b"\0\2\1\x10" + bytes(17), id="MP_REACH_NLRI flags (3 c)"),
    pytest.param(15, OPTIONAL_TRANSITIVE, b"\0\2\1", id="MP_UNREACH_NLRI flags"),
]


@pytest.mark.parametrize(("code", "flags", "value"), WITHDRAW)
def test_routes_of_a_malformed_attribute_are_treated_as_withdrawn(code: int, flags: int, value: bytes) -> None:
    parsed = read_instead(code, an_attribute(flags, code, value))
    assert parsed.attributes is None
    assert parsed.error


@pytest.mark.parametrize(
    ("code", "flags", "value"),
    [
        pytest.param(6, TRANSITIVE, b"\0", id="ATOMIC_AGGREGATE length (7.6)"),
        pytest.param(7, OPTIONAL_TRANSITIVE, b"\xfd\xe9\x0a\0\0\1", id="AGGREGATOR of two octets (7.7)"),
        pytest.param(7, OPTIONAL_TRANSITIVE, b"\0\0\0\0\x0a\0\0\1", id="AGGREGATOR with AS 0 (RFC 7607)"),
        pytest.param(17, OPTIONAL_TRANSITIVE, b"\x02", id="AS4_PATH (RFC 6793 6)"),
        pytest.param(18, OPTIONAL_TRANSITIVE, bytes(7), id="AS4_AGGREGATOR (RFC 6793 6)"),
    ],
)
def test_only_the_malformed_attribute_is_discarded(code: int, flags: int, value: bytes) -> None:
    parsed = read_with(an_attribute(flags, code, value))
    assert parsed.attributes is read_with().attributes
    assert parsed.attributes is not None
    assert len(parsed.discarded) == 1


@pytest.mark.parametrize(("code", "name"), [(1, "ORIGIN"), (2, "AS_PATH"), (5, "LOCAL_PREF")])
def test_a_missing_mandatory_attribute_is_named(code: int, name: str) -> None:
    """RFC 7606 3 d. Whether it costs anything depends on the message: see test_update_reader."""
    assert read_with(without=code).missing == f"mandatory attribute {name} is missing"


def test_local_pref_is_not_mandatory_from_an_external_peer() -> None:
    assert read_with(without=5, dialect=EXTERNAL).missing == ""


@pytest.mark.parametrize(
    ("code", "value"),
    [(5, b"\0\0\0\1"), (5, b"\0"), (9, b"\x0a\0\0\7"), (9, b"\0"), (10, b"\x0a\0\0\7"), (10, b"")],
)
def test_internal_attributes_of_an_external_peer_are_discarded_whatever_they_hold(code: int, value: bytes) -> None:
    """RFC 7606 7.5, 7.9, 7.10."""
    parsed = read_instead(code, an_attribute(TRANSITIVE if code == 5 else OPTIONAL, code, value), EXTERNAL)
    assert parsed.attributes is read_with(without=5, dialect=EXTERNAL).attributes
    assert parsed.attributes is not None


def test_confederation_segments_of_an_external_peer_are_malformed() -> None:
    """RFC 5065 5.3; inside our own AS they pass."""
    segment = an_attribute(TRANSITIVE, 2, b"\x03\x01\0\0\xfd\xe9")
    assert read_instead(2, segment, EXTERNAL).attributes is None
    assert read_instead(2, segment, INTERNAL).attributes is not None


def test_the_first_copy_of_a_repeated_attribute_counts() -> None:
    """RFC 7606 3 g."""
    parsed = read_with(an_attribute(TRANSITIVE, 1, b"\2"), an_attribute(TRANSITIVE, 5, b"\0\0\0\7"))
    assert parsed.attributes is read_with().attributes
    assert len(parsed.discarded) == 2


@pytest.mark.parametrize("code", [14, 15])
def test_a_repeated_multiprotocol_attribute_resets(code: int) -> None:
    """RFC 7606 3 g: MP_REACH_NLRI and MP_UNREACH_NLRI are the exception."""
    copy = an_attribute(OPTIONAL, code, b"\0\2\1" + (b"\x10" + bytes(17) if code == 14 else b""))
    with pytest.raises(NotificationError) as caught:
        read_with(copy, copy)
    assert (caught.value.code, caught.value.subcode) == (3, 1)


@pytest.mark.parametrize("length", [3, 300])
def test_an_unknown_well_known_attribute_resets_and_is_sent_back(length: int) -> None:
    """RFC 4271 6.3: Unrecognized Well-known Attribute with the attribute as data."""
    value = bytes(range(3)) * (length // 3)
    header = bytes((0x40, 99, length)) if length < 256 else bytes((0x50, 99, length >> 8, length & 0xFF))
    with pytest.raises(NotificationError) as caught:
        read_with(header + value)
    assert (caught.value.code, caught.value.subcode, caught.value.data) == (3, 2, header + value)


def test_an_unknown_transitive_attribute_travels_on_marked_partial() -> None:
    """RFC 4271 5; of its flags only those with a meaning."""
    attributes = read_with(an_attribute(0xCF, 99, b"payload")).attributes
    assert attributes is not None
    assert attributes.others == (RawAttribute(0xE0, 99, b"payload"),)


def test_an_unknown_non_transitive_attribute_ends_here() -> None:
    attributes = read_with(an_attribute(OPTIONAL, 99, b"payload")).attributes
    assert attributes is read_with().attributes
    assert attributes is not None


@pytest.mark.parametrize("cut", [b"\x40", b"\x40\x01", b"\x40\x01\x05\0", b"\x50\x01\x00", b"\xc0\x08\xff\0\0\0\0"])
def test_an_attribute_that_runs_past_the_block_costs_the_routes(cut: bytes) -> None:
    """RFC 7606 4."""
    parsed = read_with(cut)
    assert parsed.attributes is None
    assert "past the end" in parsed.error


def test_extended_length_may_be_used_for_a_short_value() -> None:
    assert read_instead(1, b"\x50\x01\0\1\0").attributes is read_with().attributes


def test_equal_attributes_are_one_object() -> None:
    first = read_with().attributes
    assert first is read_with().attributes
    assert first is not None
    assert first.as_path == ((AS_SEQUENCE, (65001,)),)
