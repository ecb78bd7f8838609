"""UPDATE messages: what they announce, withdraw and end (RFC 4271 4.3, RFC 4760, RFC 4724, RFC 7606, RFC 8950)."""

from __future__ import annotations

import struct

import pytest
from speaker_makers import INTERNAL, announce, some_attributes, withdraw

from reflector.addresses import pack_address
from reflector.wire.attribute_writer import encode_attribute, encode_attributes
from reflector.wire.message import HEADER_LENGTH, NotificationError
from reflector.wire.nlri import pack_nlri
from reflector.wire.update import Update, UpdateReader, end_of_rib

TEN, ELEVEN = pack_nlri("10.0.0.0/8"), pack_nlri("11.0.0.0/8")
V6 = pack_nlri("fd00::/64")
BLOCK = encode_attributes(some_attributes())
NO_NEXT_HOP = encode_attributes(some_attributes().replace(next_hop=b""))


def a_body(withdrawn: bytes = b"", block: bytes = b"", nlri: bytes = b"") -> bytes:
    return struct.pack("!H", len(withdrawn)) + withdrawn + struct.pack("!H", len(block)) + block + nlri


def mp_reach(nlri: bytes, next_hop: bytes, afi: int = 2, safi: int = 1) -> bytes:
    return encode_attribute(0x80, 14, struct.pack("!HBB", afi, safi, len(next_hop)) + next_hop + b"\0" + nlri)


def mp_unreach(nlri: bytes, afi: int = 2, safi: int = 1) -> bytes:
    return encode_attribute(0x80, 15, struct.pack("!HB", afi, safi) + nlri)


def read(body: bytes, families: tuple[int, ...] = (4, 6), add_path: tuple[int, ...] = ()) -> Update:
    return UpdateReader(INTERNAL, frozenset(families), frozenset(add_path)).read(body)  # type: ignore[arg-type]


def reset(body: bytes) -> tuple[int, int]:
    with pytest.raises(NotificationError) as caught:
        read(body)
    return caught.value.code, caught.value.subcode


def test_announcements_and_withdrawals_of_ipv4() -> None:
    update = read(a_body(ELEVEN, BLOCK, TEN))
    assert update.announced == [(4, some_attributes(), [TEN])]
    assert update.withdrawn == [(4, [ELEVEN])]
    assert update.end_of_rib is None


def test_a_message_may_carry_both_families() -> None:
    """RFC 4760 3: NEXT_HOP is for the NLRI field, MP_REACH_NLRI has its own."""
    next_hop = pack_address("fd00::1")
    update = read(a_body(b"", BLOCK + mp_reach(V6, next_hop) + mp_unreach(pack_nlri("fd01::/64")), TEN))
    assert update.announced == [(4, some_attributes(), [TEN]), (6, some_attributes(next_hop="fd00::1"), [V6])]
    assert update.withdrawn == [(6, [pack_nlri("fd01::/64")])]


def test_ipv4_with_an_ipv6_next_hop() -> None:
    """RFC 8950 4."""
    update = read(a_body(b"", NO_NEXT_HOP + mp_reach(TEN, pack_address("fd00::1"), afi=1)))
    assert update.announced == [(4, some_attributes(next_hop="fd00::1"), [TEN])]


def test_ipv6_with_a_link_local_next_hop_beside_the_global_one() -> None:
    """RFC 2545 3."""
    both = pack_address("fd00::1") + pack_address("fe80::1")
    ((_, attributes, _),) = read(a_body(b"", NO_NEXT_HOP + mp_reach(V6, both))).announced
    assert attributes.next_hop == both


@pytest.mark.parametrize("add_path", [(), (4,), (6,), (4, 6)])
def test_path_identifiers_are_part_of_the_key_where_negotiated(add_path: tuple[int, ...]) -> None:
    """RFC 7911 3: per family."""
    v4 = read(announce("10.0.0.0/8", path_id=7 if 4 in add_path else None), add_path=add_path)
    v6 = read(announce("fd00::/64", path_id=7 if 6 in add_path else None), add_path=add_path)
    assert v4.announced[0][2] == [(b"\0\0\0\7" if 4 in add_path else b"") + TEN]
    assert v6.announced[0][2] == [(b"\0\0\0\7" if 6 in add_path else b"") + V6]


def test_end_of_rib_of_either_family() -> None:
    """RFC 4724 2."""
    assert read(end_of_rib(4)[HEADER_LENGTH:]) == Update([], [], end_of_rib=4)
    assert read(end_of_rib(6)[HEADER_LENGTH:]) == Update([], [], end_of_rib=6)


def test_a_withdrawal_is_no_end_of_rib() -> None:
    assert read(withdraw("10.0.0.0/8")).end_of_rib is None
    assert read(withdraw("fd00::/64")).end_of_rib is None


def test_a_family_that_was_not_negotiated_is_ignored() -> None:
    """RFC 4760 6."""
    assert read(announce("fd00::/64"), families=(4,)).announced == []
    assert read(withdraw("fd00::/64"), families=(4,)).withdrawn == []
    assert read(end_of_rib(6)[HEADER_LENGTH:], families=(4,)).end_of_rib is None
    assert read(a_body(b"", NO_NEXT_HOP + mp_reach(b"\xff", b"", afi=25, safi=70))).announced == []


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(BLOCK.replace(encode_attribute(0x40, 1, b"\0"), b""), id="ORIGIN missing"),
        pytest.param(NO_NEXT_HOP, id="NEXT_HOP missing"),
        pytest.param(b"", id="no attributes at all"),
        pytest.param(BLOCK + b"\xc0\x08\x03\0\0\0", id="COMMUNITIES malformed"),
    ],
)
def test_all_routes_of_an_erroneous_message_are_withdrawn(block: bytes) -> None:
    """RFC 7606 2 and 3 d: those of the NLRI field and those of MP_REACH_NLRI."""
    update = read(a_body(ELEVEN, block + mp_reach(V6, pack_address("fd00::1")), TEN))
    assert update.announced == []
    assert sorted(update.withdrawn) == [(4, [TEN]), (4, [ELEVEN]), (6, [V6])]
    assert update.error
    assert read(a_body(b"", block, TEN)).withdrawn == [(4, [TEN])]


def test_next_hop_is_not_asked_of_a_message_without_ipv4_nlri() -> None:
    """RFC 4760 3."""
    assert read(a_body(b"", NO_NEXT_HOP + mp_reach(V6, pack_address("fd00::1")))).error == ""


def test_a_withdrawing_message_needs_no_mandatory_attributes() -> None:
    """RFC 4271 5: they are mandatory where there are NLRI. Some speakers send a few anyway."""
    origin = encode_attribute(0x40, 1, b"\0")
    assert read(a_body(TEN, origin)) == Update([], [(4, [TEN])])
    assert read(a_body(b"", origin + mp_unreach(V6))) == Update([], [(6, [V6])])


@pytest.mark.parametrize("block", [b"\xc0\x08\x03\0\0\0", b"\x40\x01\x09\0"])
@pytest.mark.parametrize("withdrawn", [b"", TEN])
def test_an_error_without_reachable_routes_resets(block: bytes, withdrawn: bytes) -> None:
    """RFC 7606 5.2: the error may have hidden an MP_REACH_NLRI, so no one knows which routes to withdraw."""
    assert reset(a_body(withdrawn, block)) == (3, 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(a_body(b"", BLOCK, b"\x21\x0a\0\0\0\0"), (3, 10), id="prefix length over 32"),
        pytest.param(a_body(b"", BLOCK, b"\x18\x0a"), (3, 10), id="truncated NLRI"),
        pytest.param(a_body(b"\x18\x0a"), (3, 10), id="truncated withdrawn routes"),
        pytest.param(a_body(b"", NO_NEXT_HOP + mp_reach(b"\x81" + bytes(17), bytes(16))), (3, 10), id="over 128"),
        pytest.param(a_body(b"", mp_unreach(b"\x40\xfd")), (3, 10), id="truncated MP_UNREACH_NLRI"),
        pytest.param(b"\0\x09\x08\x0a\0\0", (3, 1), id="withdrawn length over the message"),
        pytest.param(b"\0\0\0\x09\x40\x01", (3, 1), id="attribute length over the message"),
        pytest.param(b"\0\x02\x08\x0a", (3, 1), id="no room for the attribute length"),
        pytest.param(a_body(b"", NO_NEXT_HOP + encode_attribute(0x80, 14, b"\0\2")), (3, 9), id="MP_REACH_NLRI cut"),
        pytest.param(a_body(b"", encode_attribute(0x80, 15, b"\0\2")), (3, 9), id="MP_UNREACH_NLRI cut"),
        pytest.param(a_body(b"", NO_NEXT_HOP + mp_reach(V6, bytes(15))), (3, 9), id="next hop of 15 octets"),
        pytest.param(a_body(b"", NO_NEXT_HOP + mp_reach(V6, bytes(4))), (3, 9), id="IPv6 with an IPv4 next hop"),
        pytest.param(a_body(b"", NO_NEXT_HOP + encode_attribute(0x80, 14, b"\0\2\1\x10\0")), (3, 9), id="next hop cut"),
    ],
)
def test_what_hides_the_routes_resets(body: bytes, code: tuple[int, int]) -> None:
    """RFC 7606 3 j and 5.3, 7.11: without their bounds the NLRI cannot be found."""
    assert reset(body) == code


def test_blocks_are_parsed_once() -> None:
    reader = UpdateReader(INTERNAL, frozenset((4,)), frozenset())
    first, second = reader.read(a_body(b"", BLOCK, TEN)), reader.read(a_body(b"", BLOCK, ELEVEN))
    assert first.announced[0][1] is second.announced[0][1]
