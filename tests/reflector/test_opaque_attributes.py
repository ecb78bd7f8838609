"""Attributes that pass through: what others reset their sessions for does not leave this speaker."""

from __future__ import annotations

import pytest
from speaker_makers import INTERNAL, OUR_AS, Router, a_client, a_plan, an_ebgp_peer, some_attributes

from reflector.wire.attribute_reader import ParsedAttributes, parse_attributes
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import (
    AS_CONFED_SEQUENCE,
    AS_CONFED_SET,
    AS_SEQUENCE,
    RawAttribute,
)

PARTIAL = 0x20
SRGB = b"\3" + b"\0\x08" + bytes(8)
TUNNEL = b"\0\x08\0\x06" + b"\x06\x04" + bytes(4)


def an_attribute(flags: int, code: int, value: bytes) -> bytes:
    return bytes((flags, code, len(value))) + value


def read_with(*extra: bytes) -> ParsedAttributes:
    return parse_attributes(encode_attributes(some_attributes()) + b"".join(extra), INTERNAL)


def passed_on(parsed: ParsedAttributes) -> bytes:
    assert parsed.attributes is not None
    return encode_attributes(parsed.attributes)


# ------------------------------------------------------------------------------------------- flags


@pytest.mark.parametrize(
    ("code", "flags", "value"),
    [
        (1, 0x40, b"\0"),
        (3, 0x40, b"\x0a\0\0\1"),
        (4, 0x80, b"\0\0\0\1"),
        (5, 0x40, b"\0\0\0\x64"),
        (6, 0x40, b""),
        (9, 0x80, b"\x0a\0\0\2"),
        (10, 0x80, b"\x0a\0\0\2"),
    ],
)
def test_the_partial_bit_of_what_cannot_be_partial_is_not_passed_on(code: int, flags: int, value: bytes) -> None:
    """RFC 4271 4.3: it must be 0 for well-known and for non-transitive attributes. FRR and OpenBGPD reset for it."""
    block = {1: an_attribute(0x40, 1, b"\0"), 2: an_attribute(0x40, 2, b""), 5: an_attribute(0x40, 5, b"\0\0\0\x64")}
    block[code] = an_attribute(flags | PARTIAL, code, value)
    sent = passed_on(parse_attributes(b"".join(block.values()), INTERNAL))
    assert an_attribute(flags, code, value) in sent
    assert an_attribute(flags | PARTIAL, code, value) not in sent


def test_an_aggregator_keeps_its_partial_bit() -> None:
    aggregator = an_attribute(0xC0 | PARTIAL, 7, b"\0\0\xfd\xe9\x0a\0\0\1")
    assert aggregator in passed_on(read_with(aggregator))


@pytest.mark.parametrize("flags", [0xC0, 0xE0, 0xCF, 0xEF])
@pytest.mark.parametrize("code", [39, 99, 128, 255])
def test_an_attribute_that_is_not_understood_leaves_as_optional_transitive_partial(code: int, flags: int) -> None:
    assert bytes((0xE0, code, 4)) in passed_on(read_with(an_attribute(flags, code, b"abcd")))


# -------------------------------------------------------------------------------------------- form

WELL_FORMED = [
    pytest.param(22, bytes(5), id="PMSI_TUNNEL without a tunnel"),
    pytest.param(22, b"\0\6" + bytes(7), id="PMSI_TUNNEL, ingress replication"),
    pytest.param(23, TUNNEL * 2, id="TUNNEL_ENCAPSULATION"),
    pytest.param(23, b"\0\x08\0\x03\x80\0\0", id="TUNNEL_ENCAPSULATION, long sub-TLV"),
    pytest.param(23, b"\0\x08\0\0", id="TUNNEL_ENCAPSULATION without sub-TLVs"),
    pytest.param(25, bytes(40), id="IPV6_EXTENDED_COMMUNITIES"),
    pytest.param(40, b"\1\0\7" + bytes(7) + SRGB, id="PREFIX_SID"),
    pytest.param(40, b"\x63\0\1a", id="PREFIX_SID, another TLV"),
    pytest.param(128, bytes(4), id="ATTR_SET"),
]
MALFORMED = [
    pytest.param(22, b"", id="PMSI_TUNNEL empty"),
    pytest.param(22, bytes(4), id="PMSI_TUNNEL short"),
    pytest.param(22, b"\0\6" + bytes(4), id="PMSI_TUNNEL end"),
    pytest.param(23, b"\0", id="TUNNEL_ENCAPSULATION header"),
    pytest.param(23, b"\0\x08\0\x09" + bytes(4), id="TUNNEL_ENCAPSULATION overrun"),
    pytest.param(23, b"\0\x08\0\x03\x06\x04\0", id="TUNNEL_ENCAPSULATION sub-TLV overrun"),
    pytest.param(23, b"\0\x08\0\x02\x80\0", id="TUNNEL_ENCAPSULATION sub-TLV header"),
    pytest.param(25, bytes(19), id="IPV6_EXTENDED_COMMUNITIES of 19 octets"),
    pytest.param(25, b"", id="IPV6_EXTENDED_COMMUNITIES empty"),
    pytest.param(128, bytes(3), id="ATTR_SET"),
]
DISCARDED = [
    pytest.param(0xC0, 23, b"", id="TUNNEL_ENCAPSULATION empty"),
    pytest.param(0xC0, 40, b"\xff", id="PREFIX_SID header"),
    pytest.param(0xC0, 40, b"", id="PREFIX_SID empty"),
    pytest.param(0xC0, 40, b"\1\0\6" + bytes(6), id="PREFIX_SID Label-Index"),
    pytest.param(0xC0, 40, b"\3\0\7" + bytes(7), id="PREFIX_SID SRGB"),
    *(pytest.param(0xC0, code, bytes(11), id=f"{code} as transitive") for code in (24, 26, 29, 33)),
    pytest.param(0x40, 26, bytes(11), id="26 as well-known"),
]


@pytest.mark.parametrize(("code", "value"), WELL_FORMED)
def test_a_well_formed_one_travels_on(code: int, value: bytes) -> None:
    parsed = read_with(an_attribute(0xC0, code, value))
    assert (parsed.error, parsed.discarded) == ("", ())
    assert an_attribute(0xE0, code, value) in passed_on(parsed)


@pytest.mark.parametrize(("code", "value"), MALFORMED)
def test_a_malformed_one_costs_the_routes(code: int, value: bytes) -> None:
    parsed = read_with(an_attribute(0xC0, code, value))
    assert parsed.attributes is None
    assert parsed.error


@pytest.mark.parametrize(("flags", "code", "value"), DISCARDED)
def test_what_its_rfc_discards_is_not_passed_on(flags: int, code: int, value: bytes) -> None:
    parsed = read_with(an_attribute(flags, code, value))
    assert parsed.error == ""
    assert len(parsed.discarded) == 1
    assert parsed.attributes is some_attributes()


@pytest.mark.parametrize("code", [24, 26, 29, 33])
def test_a_non_transitive_one_ends_here_without_a_word(code: int) -> None:
    parsed = read_with(an_attribute(0x80, code, bytes(11)))
    assert (parsed.error, parsed.discarded) == ("", ())
    assert parsed.attributes is some_attributes()


# ----------------------------------------------------------------------------------- confederations


@pytest.mark.parametrize("kind", [AS_CONFED_SEQUENCE, AS_CONFED_SET])
@pytest.mark.parametrize("four_octet_as", [True, False])
def test_confederation_segments_do_not_leave_the_as(kind: int, four_octet_as: bool) -> None:
    """RFC 5065 5.3."""
    router = Router(a_plan(a_client("in", "10.0.0.1"), a_client("c", "10.0.0.2"), an_ebgp_peer("out", "10.0.0.3")))
    for name in ("in", "c"):
        router.up(name)
    router.up("out", four_octet_as=four_octet_as)
    path = ((kind, (65100, 4200000001)), (AS_SEQUENCE, (65200,)), (kind, (65101,)))
    router.receive("in", announce_with(path))
    assert router.attributes("out", "10.2.0.0/26").as_path == ((AS_SEQUENCE, (OUR_AS, 65200)),)
    assert router.attributes("c", "10.2.0.0/26").as_path == path, "inside it is as it came"


def announce_with(path: tuple[tuple[int, tuple[int, ...]], ...]) -> bytes:
    """An UPDATE with this AS_PATH."""
    block = encode_attributes(some_attributes().replace(as_path=path))
    return b"\0\0" + len(block).to_bytes(2, "big") + block + b"\x1a\x0a\x02\0\0"


def test_others_are_in_the_order_of_their_codes() -> None:
    parsed = read_with(an_attribute(0xC0, 128, bytes(4)), an_attribute(0xC0, 25, bytes(20)))
    assert parsed.attributes is not None
    assert parsed.attributes.others == (RawAttribute(0xE0, 25, bytes(20)), RawAttribute(0xE0, 128, bytes(4)))


def test_listed_attribute_types_are_discarded_from_the_peer_from_the_next_update_on() -> None:
    discarding = an_ebgp_peer("out", "10.0.0.3", discard_attributes=(99, 4))
    plain = an_ebgp_peer("out", "10.0.0.3")
    client = a_client("c", "10.0.0.2")
    router = Router(a_plan(discarding, client))
    router.up("c")
    router.up("out")
    block = encode_attributes(some_attributes(as_path=(65001,), local_pref=None, med=5))
    block += an_attribute(0xC0, 99, b"abc") + an_attribute(0xC0, 100, b"abc")
    update = b"\0\0" + len(block).to_bytes(2, "big") + block + b"\x1a\x0a\x02\0\0"
    router.receive("out", update)
    assert [raw.code for raw in router.attributes("c", "10.2.0.0/26").others] == [100]
    assert router.attributes("c", "10.2.0.0/26").med is None
    assert router.engine.peers["out"].counters.attributes_discarded == 2
    router.apply(a_plan(plain, client))
    router.receive("out", update)
    assert [raw.code for raw in router.attributes("c", "10.2.0.0/26").others] == [99, 100]
