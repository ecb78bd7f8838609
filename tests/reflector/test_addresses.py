"""Addresses as operators write them, as canonical text, and as octets."""

from __future__ import annotations

import pytest

from reflector.addresses import (
    canonical_address,
    canonical_prefix,
    contains,
    family_of,
    is_single_address,
    pack_address,
    parse_peer_ip,
    prefix_order,
    unpack_address,
)


@pytest.mark.parametrize(
    ("text", "address", "prefix"),
    [
        ("10.0.0.1", "10.0.0.1", "10.0.0.1/32"),
        ("10.0.0.1/24", "10.0.0.1", "10.0.0.0/24"),
        ("FD00:0::1", "fd00::1", "fd00::1/128"),
        ("fd00::1/64", "fd00::1", "fd00::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1/32"),
    ],
)
def test_canonical_text(text: str, address: str, prefix: str) -> None:
    assert (canonical_address(text), canonical_prefix(text)) == (address, prefix)
    assert unpack_address(pack_address(address)) == address


@pytest.mark.parametrize("text", ["", "10.0.0", "fe80::1%eth0", "10.0.0.1/33", "10.0.0.1/255.255.255.0", "node-1"])
def test_other_text_is_no_address(text: str) -> None:
    for read in (canonical_address, canonical_prefix):
        with pytest.raises(ValueError, match=r".+"):
            read(text)


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("10.0.0.1", ("10.0.0.1", 0)),
        ("10.0.0.1:1790", ("10.0.0.1", 1790)),
        ("FD00::1", ("fd00::1", 0)),
        ("[fd00::1]:1790", ("fd00::1", 1790)),
        ("::ffff:10.0.0.1", ("10.0.0.1", 0)),
    ],
)
def test_peer_address(text: str, peer: tuple[str, int]) -> None:
    assert parse_peer_ip(text) == peer


@pytest.mark.parametrize("text", ["10.0.0.1:0", "10.0.0.1:65536", "[10.0.0.1]:179", "[fd00::1]", "10.0.0.1:", "tor"])
def test_other_text_is_no_peer_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_peer_ip(text)


def test_prefixes_are_ordered_by_family_then_as_numbers_the_wider_first() -> None:
    prefixes = ["fd00::/64", "10.0.0.0/24", "9.0.0.0/8", "10.0.0.0/8", "100.0.0.0/8"]
    assert sorted(prefixes, key=prefix_order) == ["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/24", "100.0.0.0/8", "fd00::/64"]


def test_what_lies_inside_a_prefix() -> None:
    others = ("10.1.0.0/16", "10.0.0.1", "11.0.0.1", "fd00::1", "0.0.0.0/0")
    assert [each for each in others if contains("10.0.0.0/8", each)] == ["10.1.0.0/16", "10.0.0.1"]


def test_single_addresses_of_both_families() -> None:
    prefixes = ("10.0.0.1/32", "10.0.0.0/31", "fd00::1/128", "fd00::/32")
    assert [(family_of(each), is_single_address(each)) for each in prefixes] == [(4, 1), (4, 0), (6, 1), (6, 0)]
