"""Addresses and prefixes: the text that operators write, the canonical text of plans, and octets.

Canonical is what the `ipaddress` module prints: lower case, zeros compressed, no bits set behind the prefix length. An
IPv4 address inside IPv6 (::ffff:a.b.c.d) is the IPv4 address, and an address with a zone (fe80::1%eth0) is none.

    parse_*         text that operators write, read strictly
    canonical_*     the same as text; a cluster has the same few thousand of them in many places, so each is read once
    pack, unpack    canonical text to octets in network order, and back
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from reflector.plan import Family

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FAMILIES: tuple[Family, ...] = (4, 6)
MAX_BITS: dict[Family, int] = {4: 32, 6: 128}

_PEER_V6 = re.compile(r"\[(?P<address>[^\]]*)\]:(?P<port>[0-9]+)")
_PEER_V4 = re.compile(r"(?P<address>[0-9.]+):(?P<port>[0-9]+)")
_CIDR = re.compile(r"(?P<address>[^/]+)/(?P<length>[0-9]{1,3})")


# ------------------------------------------------------------------------------ what operators write


def parse_address(text: str) -> Address:
    """Raises ValueError."""
    if "%" in text:
        raise ValueError(f"{text!r} has a zone")
    address = ip_address(text)
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def parse_cidr(text: str) -> tuple[Address, Network]:
    """The address as written and the network around it. Raises ValueError, also for a bare address."""
    parts = _CIDR.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is not of the form address/length")
    address = parse_address(parts["address"])
    return address, _network(address, int(parts["length"]))


def _network(address: Address, length: int) -> Network:
    """The network around an address, without reading text again."""
    host_bits = address.max_prefixlen - length
    if host_bits < 0:
        raise ValueError(f"{length} bits are more than {address} has")
    first = int(address) >> host_bits << host_bits
    return IPv4Network((first, length)) if address.version == 4 else IPv6Network((first, length))


def parse_network(text: str) -> Network:
    """A network whose host bits are zero. Raises ValueError."""
    address, network = parse_cidr(text)
    if network.network_address != address:
        raise ValueError(f"{text!r} has host bits set; the network is {network}")
    return network


def parse_interface_address(text: str) -> str:
    """An address with or without a prefix length, host bits kept: "10.0.0.1/24". Raises ValueError."""
    if "/" not in text:
        return str(parse_address(text))
    address, network = parse_cidr(text)
    return f"{address}/{network.prefixlen}"


@lru_cache(maxsize=4096)
def parse_peer_ip(text: str) -> tuple[str, int]:
    """BGPPeer's peerIP: an address, "IPv4:port" or "[IPv6]:port". Returns canonical address and port, 0 for none.

    Raises ValueError."""
    for form, version in ((_PEER_V4, 4), (_PEER_V6, 6)):
        if parts := form.fullmatch(text):
            address, port = parse_address(parts["address"]), int(parts["port"])
            if address.version != version or not 1 <= port <= 65535:
                raise ValueError(f"{text!r}: a port is 1 to 65535, and only IPv6 addresses stand in brackets")
            return str(address), port
    return str(parse_address(text)), 0


# ------------------------------------------------------------------------------------ canonical text


@lru_cache(maxsize=65536)
def canonical_address(text: str) -> str:
    """The address in `text`, with or without a prefix length behind it. Raises ValueError for anything else."""
    return str(parse_cidr(text)[0] if "/" in text else parse_address(text))


@lru_cache(maxsize=65536)
def canonical_prefix(text: str) -> str:
    """The network of `text`, host bits cleared; a bare address is its own /32 or /128. Raises ValueError."""
    if "/" in text:
        return str(parse_cidr(text)[1])
    address = parse_address(text)
    return f"{address}/{address.max_prefixlen}"


def family_of(text: str) -> Family:
    """The family of a canonical address or prefix."""
    return 6 if ":" in text else 4


def prefix_length(prefix: str) -> int:
    """Of a canonical prefix."""
    return int(prefix.rpartition("/")[2])


def is_single_address(prefix: str) -> bool:
    """Whether a canonical prefix is a /32 or /128."""
    return prefix_length(prefix) == MAX_BITS[family_of(prefix)]


@lru_cache(maxsize=65536)
def prefix_order(prefix: str) -> tuple[int, bytes, int]:
    """The key that sorts canonical prefixes by family, then as numbers, the wider first."""
    network = ip_network(prefix)
    return (network.version, network.network_address.packed, network.prefixlen)


@lru_cache(maxsize=65536)
def address_order(address: str) -> tuple[int, bytes]:
    """The key that sorts canonical addresses by family, then as numbers."""
    parsed = ip_address(address)
    return (parsed.version, parsed.packed)


def contains(prefix: str, inner: str) -> bool:
    """Whether `inner`, a canonical address or prefix, lies inside `prefix`."""
    if family_of(prefix) != family_of(inner):
        return False
    outer_network, inner_network = ip_network(prefix), ip_network(inner)
    return outer_network.prefixlen <= inner_network.prefixlen and inner_network.network_address in outer_network


# -------------------------------------------------------------------------------------------- octets


def pack_address(address: str) -> bytes:
    """4 or 16 octets. Raises ValueError for anything but an address."""
    return ip_address(address).packed


def unpack_address(packed: bytes) -> str:
    """The inverse of pack_address; of a next hop of 32 octets (RFC 2545: global and link-local) the global one."""
    if len(packed) == 4:
        return str(IPv4Address(packed))
    return str(IPv6Address(packed[:16]))
