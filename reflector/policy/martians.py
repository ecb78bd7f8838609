"""Martians: prefixes that mean something else than a way to somebody, and that no peer may therefore route (RFC 6890).

    IPv4   0.0.0.0/8 "this network", 127.0.0.0/8 loopback, 169.254.0.0/16 link-local (and a cloud's metadata service),
           224.0.0.0/4 multicast, 240.0.0.0/4 reserved, with 255.255.255.255
    IPv6   ::/128 unspecified, ::1/128 loopback, ::ffff:0:0/96 IPv4-mapped, fe80::/10 link-local, ff00::/8 multicast

Rule: such a prefix and every part of it is refused, before any policy is asked; what covers one, as a default route
does, is not. A session may allow networks of these by name (SessionPlan.allow_martians). A refused route stays in the
Adj-RIB-In, with a verdict of its own.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network
from typing import NamedTuple

from reflector.addresses import MAX_BITS, family_of
from reflector.plan import Family

MARTIANS = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "fe80::/10",
    "ff00::/8",
)


class _Network(NamedTuple):
    text: str
    bits: int
    shift: int
    value: int

    def covers(self, bits: int, address: int) -> bool:
        return bits >= self.bits and address >> self.shift == self.value

    def first_octets(self) -> range:
        """Those of all addresses in it."""
        if self.bits >= 8:
            first = self.value >> self.bits - 8
            return range(first, first + 1)
        free = 8 - self.bits
        return range(self.value << free, self.value + 1 << free)


def _networks(texts: tuple[str, ...], family: Family) -> tuple[_Network, ...]:
    found = []
    for text in texts:
        if family_of(text) == family:
            network = ip_network(text)
            shift = MAX_BITS[family] - network.prefixlen
            found.append(_Network(text, network.prefixlen, shift, int(network.network_address) >> shift))
    return tuple(found)


class Martians:
    """Those of one family, but for what is allowed."""

    def __init__(self, family: Family, allowed: tuple[str, ...]) -> None:
        self._networks = _networks(MARTIANS, family)
        self._allowed = _networks(allowed, family)
        self._octets = MAX_BITS[family] >> 3
        # Nearly every prefix is none for its first octet.
        self._first = bytes({octet for network in self._networks for octet in network.first_octets()})

    def may_begin_with(self, first_octets: bytes) -> bool:
        """Whether one of these octets may be the first of a martian."""
        return len(first_octets.translate(None, self._first)) != len(first_octets)

    def may_be(self, nlri: bytes) -> bool:
        """Whether that is so for this one; a default route has no octet."""
        return len(nlri) > 1 and nlri[1] in self._first

    def network_of(self, nlri: bytes) -> str:
        """The martian network in which this prefix is, "" if there is none or it is allowed."""
        bits = nlri[0]
        address = int.from_bytes(nlri[1:].ljust(self._octets, b"\0"), "big")
        for network in self._networks:
            if network.covers(bits, address):
                return "" if any(each.covers(bits, address) for each in self._allowed) else network.text
        return ""


@cache
def martians(family: Family, allowed: tuple[str, ...]) -> Martians:
    return Martians(family, allowed)
