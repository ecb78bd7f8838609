"""Who a node is in BGP: its router ID (RFC 4271 section 4.2) and where it accepts connections."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import AddressValueError, IPv4Address

from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.findings import Findings
from bgpctl.configuration.compile_options import CompileOptions
from reflector.addresses import FAMILIES
from reflector.plan import Family, Listen

ALL_ADDRESSES: dict[Family, str] = {4: "0.0.0.0", 6: "::"}  # noqa: S104  what Calico listens on by default
HASHED = "hash"
# First octets above are multicast and reserved addresses; a router ID has to look like a host's.
LAST_UNICAST_OCTET = 223
MULTICAST_AND_RESERVED = 32


class CompileError(ValueError):
    """There is no plan for this node. Its text is one sentence."""


def router_id(index: ClusterIndex, node: str, options: CompileOptions, findings: Findings) -> str:
    """The option, else the IPv4 address. A node without both gets one from its name, and a word about it: two
    sessions to routers with one router ID do not come up. Raises CompileError for an option that is no address."""
    if options.router_id and options.router_id != HASHED:
        return _literal(options.router_id)
    address = index.nodes[node].addresses[4]
    if address and not options.router_id:
        return address
    if not options.router_id:
        message = "the node has no IPv4 address: its router ID is computed from its name"
        findings.warn(index.nodes[node].node, "$.spec.bgp.ipv4Address", "router-id-derived", message)
    return hashed_router_id(node)


def hashed_router_id(node: str) -> str:
    """Four octets of a hash of the name; the same that Calico's "hash" gives."""
    first, *rest = sha256(node.encode()).digest()[:4]
    if first > LAST_UNICAST_OCTET:
        first -= MULTICAST_AND_RESERVED
    return str(IPv4Address(bytes([first, *rest])))


def listen(index: ClusterIndex, node: str) -> tuple[Listen, ...]:
    """One place for each family in which the node has an address; with bindMode NodeIP only that address."""
    addresses = index.nodes[node].addresses
    own_only = index.configuration.cluster.bind_mode == "NodeIP"
    port = index.configuration.listen_port(node)
    return tuple(
        Listen(addresses[family] if own_only else ALL_ADDRESSES[family], port)
        for family in FAMILIES
        if addresses[family]
    )


def _literal(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise CompileError(f"the router ID {text!r} is neither an IPv4 address nor {HASHED!r}") from None
