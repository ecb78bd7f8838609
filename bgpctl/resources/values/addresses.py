"""Addresses as operators write them, turned into canonical text.

Canonical is what the `ipaddress` module prints: lower case, zeros compressed, host bits cleared from a network. An
IPv4 address inside IPv6 (::ffff:a.b.c.d) is the IPv4 address, and an address with a zone (fe80::1%eth0) is none.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PEER_V6 = re.compile(r"\[(?P<address>[^\]]*)\]:(?P<port>[0-9]+)")
_PEER_V4 = re.compile(r"(?P<address>[0-9.]+):(?P<port>[0-9]+)")
_CIDR = re.compile(r"(?P<address>[^/]+)/(?P<length>[0-9]{1,3})")


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


def parse_peer_ip(text: str) -> tuple[str, int]:
    """BGPPeer's peerIP: an address, "IPv4:port" or "[IPv6]:port". Returns address and port, 0 for none.

    Raises ValueError.
    """
    for form, version in ((_PEER_V4, 4), (_PEER_V6, 6)):
        if parts := form.fullmatch(text):
            address, port = parse_address(parts["address"]), int(parts["port"])
            if address.version != version or not 1 <= port <= 65535:
                raise ValueError(f"{text!r}: a port is 1 to 65535, and only IPv6 addresses stand in brackets")
            return str(address), port
    return str(parse_address(text)), 0


def family_of(text: str) -> int:
    """4 or 6, of canonical text."""
    return 6 if ":" in text else 4
