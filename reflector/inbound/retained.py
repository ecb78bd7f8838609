"""Retained routes of nodes that have left the cluster: withdrawn before their time.

Rule: while a session to another node of the cluster is down its stale routes stay as graceful_restart has it, but for
those that cannot lead anywhere any more, because the node that is their next hop has left the cluster. The agent,
which knows the nodes, names those next hops, and the networks of the cluster:

    withdrawn    a stale route of such a session, to a prefix inside one of the networks, through one of the next hops
    stays        what is fresh, what leads elsewhere, what is outside, and whatever a peer outside the cluster sent

That is our own: RFC 4724 4.2 and RFC 9494 4.2 know of no reason but time, and neither forbids to withdraw earlier.
"""

from __future__ import annotations

from collections.abc import Collection

from reflector.inbound.import_pipeline import ImportPipeline
from reflector.peer import Peer
from reflector.plan import Family
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.rib.path import Path

# An NLRI as family, number of its bits, and those bits as a number.
Network = tuple[Family, int, int]


def withdraw(
    pipeline: ImportPipeline,
    peers: Collection[Peer],
    next_hops: frozenset[bytes],
    networks: Collection[tuple[Family, bytes]],
) -> int:
    """Withdraws the stale routes that lead through these next hops into these networks; returns how many there were."""
    inside = [_network(family, nlri) for family, nlri in networks]
    withdrawn = 0
    for peer in peers:
        if not (peer.is_of_the_cluster and peer.is_stale):
            continue
        gone = {path for path in peer.paths.values() if path.received_next_hop in next_hops}
        for rib in peer.adj_rib_in.values():
            keys = [key for key in _through(rib, gone) if _is_inside(_network(rib.family, rib.nlri(key)), inside)]
            pipeline.withdraw(rib, keys)
            withdrawn += len(keys)
    return withdrawn


def _through(rib: AdjRibIn, paths: set[Path]) -> list[bytes]:
    """The stale keys with one of these paths, in the order of the table."""
    return [key for key, path in rib.routes.items() if path in paths and key in rib.stale] if paths else []


def _network(family: Family, nlri: bytes) -> Network:
    length, octets = nlri[0], len(nlri) - 1
    return family, length, int.from_bytes(nlri[1:], "big") >> (octets * 8 - length)


def _is_inside(prefix: Network, networks: list[Network]) -> bool:
    family, length, bits = prefix
    return any(
        family == other_family and length >= other_length and bits >> (length - other_length) == other_bits
        for other_family, other_length, other_bits in networks
    )
