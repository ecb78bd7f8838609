"""The peerings of a node that BGPPeers define on the other side: they name this node as the peer of another.

The BGPPeer gives the other node its end of the session; this node gets the end that answers it, unless the BGPPeer has
`reversePeering: Manual`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bgpctl.compiler.cluster.facts import PeerEndpoint
from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.sessions.bgp_peers import owner_of
from bgpctl.compiler.sessions.peering import Peering
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from reflector.addresses import FAMILIES, parse_peer_ip
from reflector.plan import Family, SessionKind


def reverse_peerings_of(index: ClusterIndex, node: str, peer: BGPPeer) -> Iterator[Peering]:
    spec = peer.spec
    if spec.reverse_peering == "Manual" or spec.local_workload_selector:
        return
    families = _named_families(index, node, peer)
    if not families:
        return
    for name in scope(index, peer):
        for endpoint in index.endpoints(name):
            if endpoint.family in families:
                yield Peering(SessionKind.NODE, _as_it_calls_itself(endpoint, peer), peer, reverse=True)


def _named_families(index: ClusterIndex, node: str, peer: BGPPeer) -> tuple[Family, ...]:
    """The families in which the BGPPeer names this node as the far end: () when it does not."""
    spec = peer.spec
    if spec.peer_selector:
        return FAMILIES if node in index.selected_set(spec.peer_selector) else ()
    owner = owner_of(index, peer) if spec.peer_ip else None
    if owner is None or owner.node != node:
        return ()
    _, port = parse_peer_ip(spec.peer_ip)
    return (owner.family,) if not port or not owner.port or port == owner.port else ()


def scope(index: ClusterIndex, peer: BGPPeer) -> tuple[str, ...]:
    """The nodes a BGPPeer is for."""
    if peer.spec.node_selector:
        return index.select(peer.spec.node_selector)
    if peer.spec.node:
        return (peer.spec.node,) if peer.spec.node in index.nodes else ()
    return tuple(index.nodes)


def _as_it_calls_itself(endpoint: PeerEndpoint, peer: BGPPeer) -> PeerEndpoint:
    """With localASNumber the nodes of the BGPPeer show another AS number, and that is what this end must expect."""
    local_as = peer.spec.local_as_number
    if local_as is None or peer.spec.peer_selector:
        return endpoint
    return replace(endpoint, as_number=local_as)
