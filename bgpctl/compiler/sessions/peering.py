"""Who peers with whom: the sessions a node is asked for, before their attributes.

Where sessions come from, in the order in which they are looked at:

    1. BGPPeers for all nodes                      kind global
    2. BGPPeers for this node or a node selector   kind node
    3. BGPPeers that name this node as the peer, seen from the other side ("reverse")   kind node
    4. the node-to-node mesh                       kind mesh

The rule: one peer address, one session. TCP cannot tell two sessions between one pair of addresses apart, and
ExaBGP keeps one neighbour for each. So the first to ask for an address gets it. A later one with the same port is
the same wish and disappears; one with another port, or a mesh session to a peer that a BGPPeer already covers, is
reported as suppressed.

Between two Calico nodes both ends come to the same answer on their own: see `_mesh` and `passive` for who dials.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bgpctl.compiler.cluster.facts import PeerEndpoint
from bgpctl.compiler.cluster.index import ClusterIndex, effective_port
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.resources.kinds.bgp_peer import BGPPeer, BGPPeerSpec
from reflector.addresses import FAMILIES, canonical_address, family_of, parse_peer_ip
from reflector.plan import Family, SessionKind

NOTHING_SAID = BGPPeerSpec()


@dataclass(frozen=True, slots=True)
class Peering:
    """A session somebody asks for.

    peer          the BGPPeer that asks; None for the mesh
    reverse       this node is the peer that the BGPPeer names
    endpoint      AS number 0 when neither the BGPPeer nor a node says it
    """

    kind: SessionKind
    endpoint: PeerEndpoint
    peer: BGPPeer | None = None
    reverse: bool = False
    passive: bool = False

    @property
    def spec(self) -> BGPPeerSpec:
        """What the BGPPeer says; for the mesh, nothing."""
        return self.peer.spec if self.peer is not None else NOTHING_SAID

    @property
    def defined_by(self) -> str:
        if self.peer is None:
            return "node-to-node mesh"
        return f"BGPPeer {self.peer.name}" + (", seen from its peer" if self.reverse else "")


@dataclass(frozen=True, slots=True)
class Peerings:
    """What a node runs, and what it must leave out because the peer address is taken (with the one that has it).

    repeated   another BGPPeer wants the same; the one that has it decides the options
    """

    wanted: tuple[Peering, ...]
    doubled: tuple[tuple[Peering, Peering], ...]
    repeated: tuple[tuple[Peering, Peering], ...] = ()


def find_peerings(index: ClusterIndex, node: str, options: CompileOptions) -> Peerings:
    """Every session of `node`, none to itself, none in a family in which it has no address."""
    wanted: dict[str, Peering] = {}
    doubled: list[tuple[Peering, Peering]] = []
    repeated: list[tuple[Peering, Peering]] = []
    addresses = index.nodes[node].addresses
    for peering in _asked(index, node, options):
        address = peering.endpoint.address
        own = addresses[peering.endpoint.family]
        if not own or address == own:
            continue
        winner = wanted.setdefault(address, peering)
        if winner is peering:
            continue
        if not _same_wish(winner, peering):
            doubled.append((peering, winner))
        elif winner.peer is not peering.peer:
            repeated.append((peering, winner))
    return Peerings(tuple(wanted.values()), tuple(doubled), tuple(repeated))


def _same_wish(first: Peering, second: Peering) -> bool:
    """Two BGPPeers that ask for one address and port are one wish; the first in order says how."""
    return second.peer is not None and effective_port(first.endpoint.port) == effective_port(second.endpoint.port)


def _asked(index: ClusterIndex, node: str, options: CompileOptions) -> Iterator[Peering]:
    peers = list(index.resources.bgp_peers.values())
    yield from (each for peer in peers if _is_global(peer) for each in _forward(index, node, peer, options))
    yield from (each for peer in peers if not _is_global(peer) for each in _forward(index, node, peer, options))
    yield from (each for peer in peers for each in _reverse(index, node, peer))
    yield from _mesh(index, node)


def _is_global(peer: BGPPeer) -> bool:
    return not peer.spec.node and not peer.spec.node_selector


# ------------------------------------------------------------------------------------------- explicit


def _forward(index: ClusterIndex, node: str, peer: BGPPeer, options: CompileOptions) -> Iterator[Peering]:
    if not applies_to(index, node, peer):
        return
    kind = SessionKind.GLOBAL if _is_global(peer) else SessionKind.NODE
    spec = peer.spec
    if spec.local_workload_selector:
        for endpoint in _workloads(peer, options):
            yield Peering(SessionKind.WORKLOAD, endpoint, peer, passive=True)
    elif spec.peer_selector:
        for name in index.select(spec.peer_selector):
            for endpoint in index.endpoints(name):
                yield Peering(kind, endpoint, peer)
    elif spec.peer_ip:
        endpoint = _by_address(index, peer)
        yield Peering(kind, endpoint, peer, passive=_waits(index, node, peer, endpoint))


def applies_to(index: ClusterIndex, node: str, peer: BGPPeer) -> bool:
    """Whether the BGPPeer is for this node (not: about it)."""
    if peer.spec.node_selector:
        return node in index.selected_set(peer.spec.node_selector)
    return peer.spec.node in ("", node)


def _by_address(index: ClusterIndex, peer: BGPPeer) -> PeerEndpoint:
    """The far end that peerIP names. If it is a node's, the node says what the BGPPeer leaves open."""
    address, port = parse_peer_ip(peer.spec.peer_ip)
    owner = _owner(index, peer)
    return PeerEndpoint(
        node=owner.node if owner else "",
        family=family_of(address),
        address=address,
        port=port or (owner.port if owner else 0),
        as_number=peer.spec.as_number or (owner.as_number if owner else 0),
        cluster_id=owner.cluster_id if owner else "",
    )


def _owner(index: ClusterIndex, peer: BGPPeer) -> PeerEndpoint | None:
    """The node whose address peerIP is, unless the BGPPeer expects another AS number there."""
    address, _ = parse_peer_ip(peer.spec.peer_ip)
    name = index.node_by_address.get(address)
    if name is None:
        return None
    (endpoint,) = (each for each in index.endpoints(name) if each.address == address)
    return endpoint if peer.spec.as_number in (0, endpoint.as_number) else None


def _waits(index: ClusterIndex, node: str, peer: BGPPeer, endpoint: PeerEndpoint) -> bool:
    """Of two nodes that a global BGPPeer joins by address, the one with the smaller address waits to be called.

    Addresses compare as text ("10.0.0.10" < "10.0.0.9"), as in Calico: nodes of both kinds must agree in one
    cluster. With manual reverse peering nobody may be calling from there, so nobody waits."""
    return (
        _is_global(peer)
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


# -------------------------------------------------------------------------------------------- reverse


def _reverse(index: ClusterIndex, node: str, peer: BGPPeer) -> Iterator[Peering]:
    spec = peer.spec
    if spec.reverse_peering == "Manual" or spec.local_workload_selector:
        return
    families = _named_families(index, node, peer)
    if not families:
        return
    for name in _scope(index, peer):
        for endpoint in index.endpoints(name):
            if endpoint.family in families:
                yield Peering(SessionKind.NODE, _as_it_calls_itself(endpoint, peer), peer, reverse=True)


def _named_families(index: ClusterIndex, node: str, peer: BGPPeer) -> tuple[Family, ...]:
    """The families in which the BGPPeer names this node as the far end: () when it does not."""
    spec = peer.spec
    if spec.peer_selector:
        return FAMILIES if node in index.selected_set(spec.peer_selector) else ()
    owner = _owner(index, peer) if spec.peer_ip else None
    if owner is None or owner.node != node:
        return ()
    _, port = parse_peer_ip(spec.peer_ip)
    return (owner.family,) if not port or not owner.port or port == owner.port else ()


def _scope(index: ClusterIndex, peer: BGPPeer) -> tuple[str, ...]:
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


# ----------------------------------------------------------------------------------------------- mesh


def _mesh(index: ClusterIndex, node: str) -> Iterator[Peering]:
    """Every node with every other; route reflectors take no part. Of two nodes the one whose address is the
    smaller text waits (see `_waits` for why text), so each pair has exactly one caller."""
    facts = index.nodes[node]
    if not index.configuration.mesh or facts.is_reflector:
        return
    for endpoint in index.mesh_members:
        passive = endpoint.address > facts.addresses[endpoint.family]
        yield Peering(SessionKind.MESH, endpoint, passive=passive)
