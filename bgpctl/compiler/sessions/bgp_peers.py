"""The peerings of a node that BGPPeers define on its own side: those for all nodes and those that select this one.

The other end is nodes by a selector, an address (perhaps a node's), or workloads on this node.
"""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.compiler.cluster.facts import PeerEndpoint
from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.sessions.peering import Peering
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from reflector.addresses import FAMILIES, canonical_address, family_of, parse_peer_ip
from reflector.plan import SessionKind


def is_global(peer: BGPPeer) -> bool:
    return not peer.spec.node and not peer.spec.node_selector


def peerings_of(index: ClusterIndex, node: str, peer: BGPPeer, options: CompileOptions) -> Iterator[Peering]:
    if not applies_to(index, node, peer):
        return
    kind = SessionKind.GLOBAL if is_global(peer) else SessionKind.NODE
    spec = peer.spec
    if spec.local_workload_selector:
        for endpoint in _workloads(peer, options):
            yield Peering(SessionKind.WORKLOAD, endpoint, peer, passive=True)
    elif spec.peer_selector:
        for name in index.select(spec.peer_selector):
            for endpoint in index.endpoints(name):
                yield Peering(kind, endpoint, peer)
    elif spec.peer_ip and not names_node_without_speaker(index, peer):
        endpoint = _by_address(index, peer)
        yield Peering(kind, endpoint, peer, passive=_waits(index, node, peer, endpoint))


def applies_to(index: ClusterIndex, node: str, peer: BGPPeer) -> bool:
    """Whether the BGPPeer is for this node (not: about it)."""
    if peer.spec.node_selector:
        return node in index.selected_set(peer.spec.node_selector)
    return peer.spec.node in ("", node)


def _by_address(index: ClusterIndex, peer: BGPPeer) -> PeerEndpoint:
    """The far end that peerIP names. If it is a node's, the node has what the BGPPeer leaves open."""
    address, port = parse_peer_ip(peer.spec.peer_ip)
    owner = owner_of(index, peer)
    return PeerEndpoint(
        node=owner.node if owner else "",
        family=family_of(address),
        address=address,
        port=port or (owner.port if owner else 0),
        as_number=peer.spec.as_number or (owner.as_number if owner else 0),
        cluster_id=owner.cluster_id if owner else "",
    )


def owner_of(index: ClusterIndex, peer: BGPPeer) -> PeerEndpoint | None:
    """The node whose address peerIP is, unless the BGPPeer expects another AS number there."""
    address, _ = parse_peer_ip(peer.spec.peer_ip)
    name = index.node_by_address.get(address)
    if name is None or not index.nodes[name].has_speaker:
        return None
    (endpoint,) = (each for each in index.endpoints(name) if each.address == address)
    return endpoint if peer.spec.as_number in (0, endpoint.as_number) else None


def names_node_without_speaker(index: ClusterIndex, peer: BGPPeer) -> bool:
    """Whether peerIP is the address of a node that has no BGP speaker."""
    name = index.node_by_address.get(peer.spec.peer_address) if peer.spec.peer_ip else None
    return name is not None and not index.nodes[name].has_speaker


def _waits(index: ClusterIndex, node: str, peer: BGPPeer, endpoint: PeerEndpoint) -> bool:
    """Of two nodes that a global BGPPeer joins by address, the one with the smaller address is passive.

    Addresses compare as text ("10.0.0.10" < "10.0.0.9"), as in Calico: nodes of both kinds must agree in one
    cluster. With manual reverse peering the other node may have no session, so this one connects."""
    return (
        is_global(peer)
        and bool(endpoint.node)
        and peer.spec.reverse_peering != "Manual"
        and endpoint.address > index.nodes[node].addresses[endpoint.family]
    )


def _workloads(peer: BGPPeer, options: CompileOptions) -> Iterator[PeerEndpoint]:
    for workload in options.local_workloads:
        if workload.bgp_peer == peer.name:
            addresses = [canonical_address(text) for text in workload.addresses]
            for family in FAMILIES:
                first = next((each for each in addresses if family_of(each) == family), "")
                if first:
                    yield PeerEndpoint("", family, first, 0, peer.spec.as_number, "")
