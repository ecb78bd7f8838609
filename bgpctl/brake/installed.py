"""How many routes each kernel rule decides about: what the loss of a rule weighs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from reflector.plan import KernelRule

OUTSIDE = ""


def count_by_rule(rules: Iterable[KernelRule], prefixes: Iterable[str]) -> dict[str, int]:
    """How many of the prefixes each rule decides about, the first that contains one; "" of no rule."""
    networks = [(rule.network, ip_network(rule.network)) for rule in rules]
    counts = Counter(_deciding(networks, ip_network(prefix)) for prefix in prefixes)
    return {name: counts[name] for name in (*(name for name, _ in networks), OUTSIDE)}


def _deciding(networks: list[tuple[str, IPv4Network | IPv6Network]], prefix: IPv4Network | IPv6Network) -> str:
    for name, network in networks:
        inside = network.version == prefix.version and network.prefixlen <= prefix.prefixlen
        if inside and prefix.network_address in network:
            return name
    return OUTSIDE
