"""Communities of all three kinds: text, octets, patterns (RFC 1997, RFC 8092, RFC 4360, RFC 5668)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speaker_makers import some_attributes

from reflector.wire.communities import (
    Community,
    format_communities,
    format_community,
    parse_community,
    parse_pattern,
    remove_communities,
    transitive,
)

VALUES = [
    ("64512:7", 64512 << 16 | 7),
    ("0:0", 0),
    ("4200000000:1:2", (4200000000, 1, 2)),
    ("rt:64512:4000000000", b"\x00\x02\xfc\x00\xee\x6b\x28\x00"),
    ("ro:64512:7", b"\x00\x03\xfc\x00\x00\x00\x00\x07"),
    ("rt:4200000000:7", b"\x02\x02\xfa\x56\xea\x00\x00\x07"),
    ("rt:64512L:7", b"\x02\x02\x00\x00\xfc\x00\x00\x07"),
    ("ro:10.0.0.1:65535", b"\x01\x03\x0a\x00\x00\x01\xff\xff"),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_text_and_value(text: str, value: Community) -> None:
    """RFC 4360 3.1 (two-octet AS), 3.2 (IPv4 address); RFC 5668 2 (four-octet AS)."""
    assert parse_community(text) == value
    assert format_community(value) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "7", "65536:1", "1:65536", "-1:1", "a:1", "1:2:3:4", "1:2:4294967296"),
        *("rt", "rt:1", "rt:1:2:3", "rt:1:4294967296", "rt:70000:65536", "rt:4294967296:1", "rt:10.0.0.1:65536"),
        *("rt:10.0.0:1", "rx:1:2", "*:1"),
    ],
)
def test_other_text_is_no_community(text: str) -> None:
    with pytest.raises(ValueError, match="is not a community"):
        parse_community(text)


@given(st.binary(min_size=8, max_size=8))
def test_every_extended_community_is_shown_and_those_with_a_name_are_read_again(value: bytes) -> None:
    text = format_community(value)
    assert text == f"0x{value.hex()}" or parse_community(text) == value


def test_an_extended_community_without_a_name_is_shown_as_octets() -> None:
    assert format_community(bytes.fromhex("030c000000000008")) == "0x030c000000000008"
    assert format_community(bytes.fromhex("4002fc0000000007")) == "0x4002fc0000000007"


def test_all_communities_of_a_route_in_text() -> None:
    attributes = some_attributes(
        communities=(64512 << 16 | 7,),
        large_communities=((1, 2, 3),),
        extended_communities=(parse_community("rt:64512:7"),),
    )
    assert format_communities(attributes) == ("64512:7", "1:2:3", "rt:64512:7")


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("64512:*", "64512:7", "64513:7"),
        ("*:7", "64512:7", "64512:8"),
        ("*:*", "64512:7", "64512:7:1"),
        ("64512:*:3", "64512:7:3", "64512:7:4"),
        ("rt:64512:*", "rt:64512:7", "ro:64512:7"),
        ("rt:*:7", "rt:10.0.0.1:7", "rt:10.0.0.1:8"),
        ("ro:*:*", "ro:4200000000:7", "rt:4200000000:7"),
        ("rt:10.0.0.1:*", "rt:10.0.0.1:7", "rt:10.0.0.2:7"),
        ("rt:64512:*", "rt:64512:7", "rt:64512L:7"),
        ("064512:007", "64512:7", "64512:8"),
    ],
)
def test_a_star_stands_for_any_part(pattern: str, matching: str, other: str) -> None:
    assert parse_pattern(pattern).matches(parse_community(matching))
    assert not parse_pattern(pattern).matches(parse_community(other))


@pytest.mark.parametrize("text", ["*", "*:*:*:*", "x:*", "rt:*", "70000:*"])
def test_a_pattern_must_be_a_community_with_numbers_for_its_stars(text: str) -> None:
    with pytest.raises(ValueError, match="is not a community"):
        parse_pattern(text)


def test_only_what_matches_is_removed_and_the_rest_stays_in_order() -> None:
    attributes = some_attributes(communities=tuple(map(parse_community, ("1:1", "2:1", "1:2", "3:1"))))
    assert remove_communities(attributes, "1:*").communities == (2 << 16 | 1, 3 << 16 | 1)
    assert remove_communities(attributes, "9:*") is attributes


def test_non_transitive_extended_communities_stay_in_the_as() -> None:
    """RFC 4360 6."""
    inside, outside = bytes.fromhex("4004fc0000000007"), bytes.fromhex("0002fc0000000007")
    assert transitive((inside, outside)) == (outside,)
