"""A kernel route as a value.

The kernel distinguishes routes by a key: family, table, destination, priority (here: metric) and TOS. Two routes of
one key never stand beside each other, except where one was appended on purpose. What a key leads to - next hops or
a blackhole - is the rest of the value. Hops are sorted, so that equal routes are equal values in whatever order the
kernel lists them.

A destination is (family, NLRI): the NLRI is the length octet and the prefix octets of RFC 4271 4.3, bits beyond the
length zero. Addresses are packed, 4 or 16 octets.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

import msgspec

from reflector.plan import MAIN_TABLE, Family

# Kinds of a route, as in linux/rtnetlink.h (RTN_*). Others are foreign; they keep their number.
UNICAST = 1
BLACKHOLE = 6

Destination = tuple[Family, bytes]

_FULL_LENGTH: dict[Family, int] = {4: 32, 6: 128}


class Leg(NamedTuple):
    """One way out: through `gateway` (b"": the destination is on the link) and the link `ifindex`. `onlink` makes
    the kernel believe that the gateway is on that link, which is how a tunnel's far end is named."""

    gateway: bytes
    ifindex: int
    onlink: bool = False


class RouteKey(NamedTuple):
    family: Family
    table: int
    nlri: bytes
    metric: int
    tos: int


class KernelRoute(msgspec.Struct, frozen=True, gc=False):
    """One route: unicast with one leg or several (ECMP), or a kind without legs. `mtu` 0 = the link's."""

    family: Family
    nlri: bytes
    metric: int
    protocol: int
    legs: tuple[Leg, ...] = ()
    kind: int = UNICAST
    table: int = MAIN_TABLE
    tos: int = 0
    mtu: int = 0

    @property
    def key(self) -> RouteKey:
        return RouteKey(self.family, self.table, self.nlri, self.metric, self.tos)

    @property
    def destination(self) -> Destination:
        return self.family, self.nlri


class RouteTerms(NamedTuple):
    """All of a route but its prefix: one value for the many routes that differ in the prefix alone. In the order of
    KernelRoute's fields."""

    family: Family
    metric: int
    protocol: int
    legs: tuple[Leg, ...] = ()
    kind: int = UNICAST
    table: int = MAIN_TABLE
    tos: int = 0
    mtu: int = 0


def route_of(nlri: bytes, terms: RouteTerms) -> KernelRoute:
    return KernelRoute(terms[0], nlri, *terms[1:])


def nlri_of(length: int, address: bytes) -> bytes:
    """The NLRI of a prefix whose address comes at full length (or cut after its significant octets)."""
    return bytes((length,)) + address[: (length + 7) // 8]


def family_of_octets(address: bytes) -> Family:
    """Raises ValueError for anything but a packed address."""
    if len(address) == 4:
        return 4
    if len(address) == 16:
        return 6
    raise ValueError(f"{len(address)} octets are no address")


def host_destination(address: bytes) -> Destination:
    """The destination of this one address."""
    return family_of_octets(address), bytes((len(address) * 8,)) + address


def parse_prefix(text: str) -> Destination:
    """Raises ValueError when `text` is not a prefix, or has bits beyond its length."""
    network = ip_network(text)
    return (4 if network.version == 4 else 6), nlri_of(network.prefixlen, network.network_address.packed)


def prefix_text(destination: Destination) -> str:
    family, nlri = destination
    octets = nlri[1:].ljust(_FULL_LENGTH[family] // 8, b"\0")
    network = IPv4Network if family == 4 else IPv6Network
    return str(network((octets, nlri[0])))


def is_host(destination: Destination) -> bool:
    """A single address: /32 or /128."""
    return destination[1][0] == _FULL_LENGTH[destination[0]]


def is_link_local(address: bytes) -> bool:
    """Inside fe80::/10 (RFC 4291 2.5.6)."""
    return len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80


class Prefix(NamedTuple):
    """A prefix made for quick containment: `bits` are the significant bits as an integer."""

    family: Family
    length: int
    bits: int

    def covers(self, destination: Destination) -> bool:
        """The destination is this prefix or inside it."""
        family, nlri = destination
        length = nlri[0]
        if family != self.family or length < self.length:
            return False
        octets = len(nlri) - 1
        return int.from_bytes(nlri[1:], "big") >> (octets * 8 - self.length) == self.bits

    def covers_address(self, address: bytes) -> bool:
        width = len(address) * 8
        if width != _FULL_LENGTH[self.family]:
            return False
        return int.from_bytes(address, "big") >> (width - self.length) == self.bits


def prefix_of(destination: Destination) -> Prefix:
    family, nlri = destination
    length = nlri[0]
    spare = (len(nlri) - 1) * 8 - length
    return Prefix(family, length, int.from_bytes(nlri[1:], "big") >> spare)
