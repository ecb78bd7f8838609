"""AS numbers that are reserved: no router may have them, and others end the session or drop the route.

0           RFC 7607
23456       AS_TRANS: stands for AS numbers of four octets (RFC 6793)
65535, 4294967295   the last ones of each size (RFC 7300)
"""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding
from bgpctl.resources.values.model import Resource

RESERVED = {0: "RFC 7607", 23456: "AS_TRANS, RFC 6793", 65535: "RFC 7300", 4294967295: "RFC 7300"}


def reserved_as_numbers(cluster: ClusterSessions) -> Iterator[Finding]:
    """Wherever a resource sets one. In asNumber of a BGPPeer 0 means that it is not set."""
    for resource, path, number in _as_numbers(cluster):
        if number in RESERVED:
            message = f"the AS number {number} is reserved ({RESERVED[number]}): use one of your own, such as 64512"
            yield Finding("reserved-as-number", resource, path, message)


def _as_numbers(cluster: ClusterSessions) -> Iterator[tuple[Resource, str, int | None]]:
    for node in cluster.resources.nodes.values():
        yield node, "$.spec.bgp.asNumber", node.as_number
    for configuration in cluster.resources.bgp_configurations.values():
        yield configuration, "$.spec.asNumber", configuration.spec.as_number
    for peer in cluster.resources.bgp_peers.values():
        yield peer, "$.spec.asNumber", peer.spec.as_number or None
        yield peer, "$.spec.localASNumber", peer.spec.local_as_number
