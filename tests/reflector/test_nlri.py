"""Prefixes as wire octets (RFC 4271 4.3, RFC 7911 3)."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflector.addresses import unpack_address
from reflector.wire.nlri import (
    NlriError,
    contains,
    pack_nlri,
    prefix_order,
    split_nlri,
    split_path_nlri,
    unpack_nlri,
    wider,
)


def prefixes(kind: type, max_bits: int) -> st.SearchStrategy:
    address, length = st.integers(0, 2**max_bits - 1), st.integers(0, max_bits)
    return st.builds(lambda address, length: kind((address, length), strict=False), address, length)


V4_PREFIXES, V6_PREFIXES = prefixes(IPv4Network, 32), prefixes(IPv6Network, 128)


@given(st.lists(V4_PREFIXES))
def test_ipv4_prefixes_survive_packing_splitting_and_text(networks: list) -> None:
    field = b"".join(pack_nlri(str(network)) for network in networks)
    assert [unpack_nlri(nlri, 4) for nlri in split_nlri(field, 32)] == [str(network) for network in networks]


@given(st.lists(V6_PREFIXES))
def test_ipv6_prefixes_survive_packing_splitting_and_text(networks: list) -> None:
    field = b"".join(pack_nlri(str(network)) for network in networks)
    assert [ip_network(unpack_nlri(nlri, 6)) for nlri in split_nlri(field, 128)] == networks


@given(st.one_of(V4_PREFIXES, V6_PREFIXES))
def test_the_prefixes_around_one_are_its_supernets(network) -> None:
    family = 4 if network.version == 4 else 6
    around = [ip_network(unpack_nlri(nlri, family)) for nlri in wider(pack_nlri(str(network)))]
    assert around == [network.supernet(new_prefix=bits) for bits in range(network.prefixlen - 1, -1, -1)]


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), V4_PREFIXES)))
def test_path_identifiers_stand_in_front_of_each_prefix(routes: list) -> None:
    field = [identifier.to_bytes(4, "big") + pack_nlri(str(network)) for identifier, network in routes]
    assert split_path_nlri(b"".join(field), 32) == field


@given(st.integers(1, 32), st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), min_size=1))
def test_a_field_of_prefixes_of_one_length_is_read_like_each_of_them(bits: int, routes: list) -> None:
    """Also where bits are set behind the length, which no prefix owns."""
    size = bits + 7 >> 3
    field = [number.to_bytes(4, "big") + bytes((bits,)) + octets.to_bytes(4, "big")[:size] for number, octets in routes]
    assert split_path_nlri(b"".join(field), 32) == [nlri for each in field for nlri in split_path_nlri(each, 32)]
    assert [each[4:] for each in split_path_nlri(b"".join(field), 32)] == [
        nlri for each in field for nlri in split_nlri(each[4:], 32)
    ]


@pytest.mark.parametrize(
    ("octets", "prefix"),
    [(b"\x09\x0a\xff", "10.128.0.0/9"), (b"\x0f\x0a\x01", "10.0.0.0/15"), (b"\x01\xff", "128.0.0.0/1")],
)
def test_host_bits_are_cleared_so_that_equal_prefixes_are_equal_keys(octets: bytes, prefix: str) -> None:
    """RFC 4271 4.3: the value of trailing bits is irrelevant."""
    assert split_nlri(octets, 32) == [pack_nlri(prefix)]
    assert split_path_nlri(b"\0\0\0\x07" + octets, 32) == [b"\0\0\0\x07" + pack_nlri(prefix)]


@pytest.mark.parametrize("octets", [b"\x21\x0a\0\0\0\0", b"\xff" + bytes(32)])
def test_a_length_over_the_familys_is_refused(octets: bytes) -> None:
    with pytest.raises(NlriError, match="exceeds 32"):
        split_nlri(octets, 32)
    with pytest.raises(NlriError, match="exceeds 32"):
        split_path_nlri(bytes(4) + octets, 32)


@pytest.mark.parametrize("octets", [b"\x18\x0a\0", b"\x08", b"\x09", b"\x08\x0a\x20\x0a\0\0"])
def test_a_truncated_prefix_is_refused(octets: bytes) -> None:
    with pytest.raises(NlriError, match="truncated"):
        split_nlri(octets, 32)
    with pytest.raises(NlriError, match="truncated"):
        split_path_nlri(bytes(4) + octets[:1] + octets[1:], 32)


@pytest.mark.parametrize("octets", [b"\0\0\0", b"\0\0\0\1"])
def test_a_truncated_path_identifier_is_refused(octets: bytes) -> None:
    with pytest.raises(NlriError, match="path identifier is truncated"):
        split_path_nlri(octets, 32)


@pytest.mark.parametrize("prefix", ["10.0.0.1/8", "10.0.0.0/33", "ten"])
def test_text_that_is_no_prefix_is_a_value_error(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        pack_nlri(prefix)


def test_the_global_one_of_two_ipv6_next_hops_is_shown() -> None:
    """RFC 2545 3."""
    assert unpack_address(bytes.fromhex("fd00" + "00" * 13 + "01" + "fe80" + "00" * 13 + "02")) == "fd00::1"


@given(st.data())
def test_order_and_containment_are_those_of_networks(data: st.DataObject) -> None:
    networks = st.builds(
        lambda address, length: IPv4Network((address, length), strict=False),
        st.integers(0, 2**32 - 1).map(lambda value: value & 0xC0F00F81),
        st.integers(0, 32),
    )
    first, second = data.draw(networks), data.draw(networks)
    one, two = pack_nlri(str(first)), pack_nlri(str(second))
    assert (prefix_order(one) < prefix_order(two)) == (first < second)
    assert contains(one, two) == second.subnet_of(first)
