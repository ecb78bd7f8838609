"""Path attributes survive the wire, also through a session of two-octet AS numbers (RFC 6793)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speaker_makers import INTERNAL, as_sequence, some_attributes

from reflector.wire.attribute_reader import parse_attributes
from reflector.wire.attribute_rules import Dialect
from reflector.wire.attribute_writer import encode_attribute, encode_attributes
from reflector.wire.attributes import (
    AS_SEQUENCE,
    AS_SET,
    AS_TRANS,
    AsPath,
    Code,
    PathAttributes,
    RawAttribute,
    intern_attributes,
    prepend_as_path,
)

TWO_OCTETS = Dialect(four_octet_as=False, external=False)
U32 = st.integers(0, 2**32 - 1)
FOUR_OCTETS = st.binary(min_size=4, max_size=4)
ASN = st.one_of(st.integers(1, 0xFFFF), st.integers(0x10000, 2**32 - 1))
SEGMENTS = st.tuples(st.sampled_from((AS_SEQUENCE, AS_SET)), st.lists(ASN, min_size=1, max_size=255).map(tuple))
UNKNOWN = st.builds(RawAttribute, st.just(0xE0), st.integers(41, 127), st.binary(max_size=300))
OTHERS = st.lists(UNKNOWN, max_size=3, unique_by=lambda raw: raw.code).map(
    lambda raws: tuple(sorted(raws, key=lambda raw: raw.code))
)
ATTRIBUTES = st.builds(
    intern_attributes,
    origin=st.integers(0, 2),
    as_path=st.lists(SEGMENTS, max_size=3).map(tuple),
    next_hop=FOUR_OCTETS.filter(lambda value: value not in (bytes(4), b"\xff" * 4)),
    med=st.none() | U32,
    local_pref=U32,
    communities=st.lists(U32, max_size=70).map(tuple),
    large_communities=st.lists(st.tuples(U32, U32, U32), max_size=30, unique=True).map(tuple),
    originator_id=st.just(b"") | FOUR_OCTETS,
    cluster_list=st.lists(FOUR_OCTETS, max_size=4).map(tuple),
    others=OTHERS,
    extended_communities=st.lists(st.binary(min_size=8, max_size=8), max_size=40).map(tuple),
    only_to_customer=st.none() | U32,
)


def members(path: AsPath) -> list[int]:
    return [asn for _, asns in path for asn in asns]


@given(ATTRIBUTES)
def test_what_is_encoded_is_read_as_the_same_object(attributes: PathAttributes) -> None:
    parsed = parse_attributes(encode_attributes(attributes), INTERNAL)
    assert parsed.attributes is attributes
    assert (parsed.error, parsed.missing, parsed.discarded) == ("", "", ())


@given(ATTRIBUTES)
def test_nothing_is_lost_through_a_two_octet_session(attributes: PathAttributes) -> None:
    """RFC 6793 4.2.2 and 4.2.3: AS4_PATH gives back what AS_TRANS hid."""
    parsed = parse_attributes(encode_attributes(attributes, four_octet_as=False), TWO_OCTETS)
    assert (parsed.error, parsed.missing, parsed.discarded) == ("", "", ())
    assert parsed.attributes is not None
    restored = parsed.attributes
    assert members(restored.as_path) == members(attributes.as_path)
    assert restored.replace(as_path=()) is attributes.replace(as_path=())


@given(ATTRIBUTES)
def test_a_block_is_in_order_of_type_code_and_has_each_once(attributes: PathAttributes) -> None:
    """RFC 4271 5 asks for the order."""
    block, codes = encode_attributes(attributes), []
    while block:
        extended = bool(block[0] & 0x10)
        length = int.from_bytes(block[2:4], "big") if extended else block[2]
        codes.append(block[1])
        block = block[3 + extended + length :]
    assert codes == sorted(set(codes))


@pytest.mark.parametrize("code", [7, 8, 16, 32, 35])
def test_the_partial_bit_of_an_optional_transitive_attribute_stays(code: int) -> None:
    """RFC 4271 5: once set it must not be set back."""
    lengths = {7: 8, 8: 4, 16: 8, 32: 12, 35: 4}
    partial = encode_attribute(0xE0, code, b"\0\0\0\1" * (lengths[code] // 4))
    attributes = parse_attributes(encode_attributes(some_attributes()) + partial, INTERNAL).attributes
    assert attributes is not None
    assert partial in encode_attributes(attributes)
    whole = parse_attributes(encode_attributes(some_attributes()) + b"\xc0" + partial[1:], INTERNAL).attributes
    assert whole is not None
    assert b"\xc0" + partial[1:] in encode_attributes(whole)


# ------------------------------------------------------------------------- RFC 6793, case by case


def two_octet_block(path: bytes, *extra: bytes) -> bytes:
    origin, local_pref = encode_attribute(0x40, 1, b"\0"), encode_attribute(0x40, 5, bytes(4))
    return origin + encode_attribute(0x40, 2, path) + local_pref + b"".join(extra)


def received_path(block: bytes, dialect: Dialect = TWO_OCTETS) -> AsPath:
    attributes = parse_attributes(block, dialect).attributes
    assert attributes is not None
    return attributes.as_path


PATH = b"\x02\x03" + b"\xfd\xe9" + b"\x5b\xa0" + b"\x5b\xa0"
AS4_PATH = encode_attribute(0xC0, 17, b"\x02\x02" + b"\0\1\0\1" + b"\0\1\0\2")


def test_as4_path_replaces_the_end_of_the_path() -> None:
    assert received_path(two_octet_block(PATH, AS4_PATH)) == as_sequence(65001, 65537, 65538)


def test_an_as4_path_longer_than_the_path_is_ignored() -> None:
    short = b"\x02\x01\x5b\xa0"
    assert received_path(two_octet_block(short, AS4_PATH)) == as_sequence(AS_TRANS)


def test_confederation_segments_in_as4_path_are_ignored() -> None:
    confused = encode_attribute(0xC0, 17, b"\x03\x01\0\0\xfd\xe8" + b"\x02\x02" + b"\0\1\0\1" + b"\0\1\0\2")
    assert received_path(two_octet_block(PATH, confused)) == as_sequence(65001, 65537, 65538)


def test_a_four_octet_peers_as4_path_is_ignored_and_goes_no_further() -> None:
    """RFC 6793 4.1."""
    wide = b"\x02\x01\0\0\xfd\xe9"
    parsed = parse_attributes(two_octet_block(wide, AS4_PATH), INTERNAL)
    assert parsed.attributes is not None
    assert parsed.attributes.as_path == as_sequence(65001)
    assert parsed.attributes.others == ()


def test_a_path_without_large_as_numbers_needs_no_as4_path() -> None:
    block = encode_attributes(some_attributes(as_path=(65001, 65002)), four_octet_as=False)
    assert received_path(block) == as_sequence(65001, 65002)
    assert b"\xc0\x11" not in block


AGGREGATED_BY_65537 = RawAttribute(0xC0, Code.AGGREGATOR, b"\0\1\0\1\x0a\0\0\1")
AGGREGATED_BY_65001 = RawAttribute(0xC0, Code.AGGREGATOR, b"\0\0\xfd\xe9\x0a\0\0\1")


@pytest.mark.parametrize("aggregator", [AGGREGATED_BY_65537, AGGREGATED_BY_65001])
@pytest.mark.parametrize("four_octet_as", [True, False])
def test_aggregator_survives_either_kind_of_session(aggregator: RawAttribute, four_octet_as: bool) -> None:
    attributes = some_attributes(others=(aggregator,))
    block = encode_attributes(attributes, four_octet_as=four_octet_as)
    assert parse_attributes(block, Dialect(four_octet_as, external=False)).attributes is attributes


def test_aggregator_is_narrowed_with_as_trans() -> None:
    block = encode_attributes(some_attributes(others=(AGGREGATED_BY_65537,)), four_octet_as=False)
    assert encode_attribute(0xC0, Code.AGGREGATOR, b"\x5b\xa0\x0a\0\0\1") in block
    assert encode_attribute(0xC0, Code.AS4_AGGREGATOR, b"\0\1\0\1\x0a\0\0\1") in block


def test_an_aggregator_that_is_not_as_trans_makes_both_as4_attributes_void() -> None:
    """RFC 6793 4.2.3: a two-octet speaker aggregated the route after they were written."""
    aggregator = encode_attribute(0xC0, Code.AGGREGATOR, b"\xfd\xe9\x0a\0\0\1")
    as4_aggregator = encode_attribute(0xC0, Code.AS4_AGGREGATOR, b"\0\1\0\1\x0a\0\0\1")
    parsed = parse_attributes(two_octet_block(PATH, aggregator, AS4_PATH, as4_aggregator), TWO_OCTETS)
    assert parsed.attributes is not None
    assert parsed.attributes.as_path == as_sequence(65001, AS_TRANS, AS_TRANS)
    assert parsed.attributes.others == (AGGREGATED_BY_65001,)


def test_prepending_starts_a_new_segment_when_the_first_is_full() -> None:
    """RFC 4271 5.1.2: at most 255 AS numbers a segment."""
    full = as_sequence(*range(1, 256))
    assert prepend_as_path(full, (64512,)) == ((AS_SEQUENCE, (64512,)), *full)
    assert prepend_as_path(as_sequence(1), (64512,)) == as_sequence(64512, 1)
    assert prepend_as_path((), ()) == ()
    assert prepend_as_path(((AS_SET, (1, 2)),), (64512,)) == ((AS_SEQUENCE, (64512,)), (AS_SET, (1, 2)))
