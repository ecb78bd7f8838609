"""What two nodes have although only one of them can: a session address, a block."""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding
from reflector.addresses import FAMILIES, canonical_prefix


def shared_addresses(cluster: ClusterSessions) -> Iterator[Finding]:
    """Two nodes with one session address have no session with each other, and others cannot distinguish them."""
    owners: dict[str, str] = {}
    for name, facts in cluster.index.nodes.items():
        for family in FAMILIES:
            address = facts.addresses[family]
            if address and owners.setdefault(address, name) != name:
                message = f"{address} is the address of the Node {owners[address]!r} as well; give each node its own"
                yield Finding("shared-address", facts.node, f"$.spec.bgp.ipv{family}Address", message)


def shared_blocks(cluster: ClusterSessions) -> Iterator[Finding]:
    """What the compiler makes two nodes originate: blocks that are being given back (pendingDeletion) as well."""
    owners: dict[str, str] = {}
    shared: list[tuple[str, str]] = []
    for name in cluster.index.nodes:
        shared += [(name, block) for block in _blocks(cluster, name) if owners.setdefault(block, name) != name]
    affinities = {
        (each.spec.node, canonical_prefix(each.spec.cidr)): each
        for each in cluster.resources.block_affinities.values()
        if shared and not cluster.options.use_pod_cidr
    }
    for name, block in shared:
        affinity = affinities.get((name, block))
        path = "$.status.podCIDRs" if affinity is None else "$.spec.cidr"
        message = f"{block} is a block of the node {owners[block]!r} as well; both would advertise it"
        yield Finding("shared-block", affinity or cluster.index.nodes[name].node, path, message)


def _blocks(cluster: ClusterSessions, node: str) -> Iterator[str]:
    by_pod_cidr = cluster.options.use_pod_cidr
    found = cluster.index.pod_blocks(node) if by_pod_cidr else cluster.index.blocks(node)
    return (block.prefix for block in found)
