"""Addresses and prefixes as canonical text.

A cluster mentions the same few thousand addresses again and again; each spelling is parsed once.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_interface, ip_network

from reflector.plan import Family

MAX_LENGTH: dict[Family, int] = {4: 32, 6: 128}
FAMILIES: tuple[Family, ...] = (4, 6)


@lru_cache(maxsize=65536)
def canonical_address(text: str) -> str:
    """The address in `text`, with or without a prefix length behind it. Raises ValueError for anything else."""
    return str(ip_interface(text).ip)


@lru_cache(maxsize=65536)
def canonical_prefix(text: str) -> str:
    """The network of `text`, host bits cleared; a bare address is its own /32 or /128. Raises ValueError."""
    return str(ip_interface(text).network)


def family_of(text: str) -> Family:
    """The family of a canonical address or prefix."""
    return 6 if ":" in text else 4


def prefix_length(prefix: str) -> int:
    """Of a canonical prefix."""
    return int(prefix.rpartition("/")[2])


def is_single_address(prefix: str) -> bool:
    """Whether a canonical prefix is a /32 or /128."""
    return prefix_length(prefix) == MAX_LENGTH[family_of(prefix)]


def prefix_order(prefix: str) -> tuple[int, bytes, int]:
    """The key that sorts canonical prefixes by family, then as numbers, the wider first."""
    network = ip_network(prefix)
    return (network.version, network.network_address.packed, network.prefixlen)


def address_order(address: str) -> tuple[int, bytes]:
    """The key that sorts canonical addresses by family, then as numbers."""
    parsed = ip_address(address)
    return (parsed.version, parsed.packed)


def contains(prefix: str, inner: str) -> bool:
    """Whether `inner`, an address or a prefix, lies inside `prefix`."""
    if family_of(prefix) != family_of(inner):
        return False
    outer_network, inner_network = ip_network(prefix), ip_network(inner)
    return outer_network.prefixlen <= inner_network.prefixlen and inner_network.network_address in outer_network


@lru_cache(maxsize=4096)
def parse_peer_ip(text: str) -> tuple[str, int]:
    """BGPPeer.peerIP -> (canonical address, port): "10.0.0.1", "10.0.0.1:1790", "fd00::1", "[fd00::1]:1790".

    Port 0 when none is said. Raises ValueError."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]:")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    return str(ip_address(host)), int(port or 0)
