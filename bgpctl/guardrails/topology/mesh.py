"""Meshes that are too large, and BGPPeers that repeat what the mesh does.

Every node of a mesh keeps a session with every other: the work of each grows with the cluster, that of the whole
with its square. Above a hundred nodes reflectors are the way (RFC 4456 1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding

MOST_MESHED = 100


def large_mesh(cluster: ClusterSessions) -> Iterator[Finding]:
    """The node-to-node mesh, and those that a BGPPeer makes by joining nodes with themselves."""
    remedy = f"above {MOST_MESHED} nodes use route reflectors"
    if len(cluster.mesh) > MOST_MESHED:
        message = f"the node-to-node mesh has {len(cluster.mesh)} nodes, each with a session to every other; {remedy}"
        yield Finding("large-mesh", cluster.configuration, "$.spec.nodeToNodeMeshEnabled", message)
    for peer in cluster.resources.bgp_peers.values():
        meshed = set(cluster.scope(peer)) & set(cluster.remotes(peer)) if peer.spec.peer_selector else set()
        if len(meshed) > MOST_MESHED:
            message = f"this gives {len(meshed)} nodes a session with each other; {remedy}"
            yield Finding("large-mesh", peer, "$.spec.peerSelector", message)


def mesh_doubled(cluster: ClusterSessions) -> Iterator[Finding]:
    """Of a mesh session and a BGPPeer's between one pair of addresses only one can live."""
    if not cluster.mesh:
        return
    doubled: Counter[str] = Counter()
    example: dict[str, str] = {}
    for name, found in cluster.peerings.items():
        for each in found.wanted if name in cluster.mesh else ():
            if each.peer is not None and each.endpoint.node in cluster.mesh:
                doubled[each.peer.name] += 1
                example.setdefault(each.peer.name, f"{name} and {each.endpoint.node}")
    for peer, count in sorted(doubled.items()):
        message = (
            f"the mesh connects {example[peer]} as well ({count} session ends in all): only this BGPPeer's session "
            "runs; switch the mesh off, or let the BGPPeer select others"
        )
        yield Finding("mesh-doubled", cluster.resources.bgp_peers[peer], "$.spec", message)
