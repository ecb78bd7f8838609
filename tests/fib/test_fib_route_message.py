"""Routes as netlink messages. That the kernel reads them as meant is shown in test_fib_kernel."""

from __future__ import annotations

import pytest
from fib_makers import decoded, leg, route
from hypothesis import given, settings
from hypothesis import strategies as st

from reflector.kernel.change import Change, Verb
from reflector.kernel.netlink import route_message
from reflector.kernel.netlink.message import CREATE, EXCL, REPLACE
from reflector.kernel.route import KernelRoute, nlri_of, parse_prefix, prefix_text


@pytest.mark.parametrize(
    "sent",
    [
        route("20.0.0.0/24", leg("10.0.0.2")),
        route("0.0.0.0/0", leg("10.0.0.2")),
        route("20.0.0.1/32", leg("10.0.0.2", onlink=True)),
        route("20.0.0.0/24", leg("10.0.0.2"), leg("10.0.0.3", onlink=True)),
        route("fd09::/64", leg("fd00::2"), leg("fd00::3")),
        route("20.0.0.0/26"),
        route("20.0.0.0/24", leg("10.0.0.2"), table=4000),
        route("20.0.0.0/24", leg("fd00::2")),
        route("20.0.0.0/24", leg("fd00::2"), leg("10.0.0.3")),
    ],
    ids=["unicast", "default", "onlink", "ECMP", "IPv6 ECMP", "blackhole", "high table", "via IPv6", "mixed ECMP"],
)
def test_what_is_encoded_is_decoded_again(sent: KernelRoute) -> None:
    assert decoded(route_message.encode(Change(Verb.ADD, sent)).body) == sent


def test_an_mtu_travels() -> None:
    sent = KernelRoute(4, b"\x18\x14\0\0", 1024, 179, (leg("10.0.0.2"),), mtu=1400)
    assert decoded(route_message.encode(Change(Verb.ADD, sent)).body) == sent


@pytest.mark.parametrize(
    ("verb", "flags"), [(Verb.ADD, CREATE | EXCL), (Verb.REPLACE, CREATE | REPLACE), (Verb.DELETE, 0)]
)
def test_flags_of_a_verb(verb: Verb, flags: int) -> None:
    assert route_message.encode(Change(verb, route("20.0.0.0/24"))).flags == flags


addresses = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)


@settings(deadline=None)  # the machine may be busy
@given(addresses, st.integers(0, 32))
def test_a_prefix_survives_text(address: bytes, length: int) -> None:
    width = len(address) * 8
    masked = (int.from_bytes(address, "big") >> (width - length) << (width - length)).to_bytes(len(address), "big")
    destination = (4 if len(address) == 4 else 6), nlri_of(length, masked)
    assert parse_prefix(prefix_text(destination)) == destination
