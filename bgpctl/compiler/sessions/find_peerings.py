"""Which sessions a node has, before their attributes, and which of two definitions of one session is used.

Where sessions come from, in the order in which they are looked at:

    1. BGPPeers for all nodes                      kind global
    2. BGPPeers for this node or a node selector   kind node
    3. BGPPeers that name this node as the peer, seen from the other side ("reverse")   kind node
    4. the node-to-node mesh                       kind mesh

The rule: one peer address, one session. TCP cannot tell two sessions between one pair of addresses apart, and
ExaBGP keeps one neighbour for each. So the first definition of an address is used that agrees with what is known of the
peer: where a node of the cluster has the address, its port and AS number; of another router nothing is known. A later
one with the same port is the same session and disappears; one with another port, or a mesh session to a peer that a
BGPPeer already covers, is reported as suppressed.

Between two Calico nodes both ends come to the same answer on their own: see `_mesh` and `passive` for who connects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bgpctl.compiler.cluster.index import ClusterIndex, effective_port
from bgpctl.compiler.sessions.bgp_peers import is_global, peerings_of
from bgpctl.compiler.sessions.peering import Peering, Peerings
from bgpctl.compiler.sessions.reverse_peers import reverse_peerings_of
from bgpctl.configuration.compile_options import CompileOptions
from reflector.plan import SessionKind


def find_peerings(index: ClusterIndex, node: str, options: CompileOptions) -> Peerings:
    """Every session of `node`, none to itself, none in a family in which it has no address, none without a BGP speaker
    at both ends. With an index that does not list the mesh its sessions are left out, and those of BGPPeers that it
    takes the place of."""
    wanted: dict[str, Peering] = {}
    others: list[Peering] = []
    addresses = index.nodes[node].addresses
    for peering in _asked(index, node, options):
        address = peering.endpoint.address
        own = addresses[peering.endpoint.family]
        if not own or address == own:
            continue
        winner = wanted.setdefault(address, peering)
        if winner is peering:
            continue
        if not _agrees(index, winner) and _agrees(index, peering):
            wanted[address], peering = peering, winner
        others.append(peering)
    if not index.lists_mesh:
        wanted = {address: each for address, each in wanted.items() if not _mesh_replaces(index, node, each)}
        others = [each for each in others if each.endpoint.address in wanted]
    return _peerings(wanted, others)


def _mesh_replaces(index: ClusterIndex, node: str, peering: Peering) -> bool:
    """Whether the mesh has a session to this address, which agrees with the node there, and `peering` does not."""
    return _is_meshed(index, node) and peering.endpoint.address in index.mesh_addresses and not _agrees(index, peering)


def _peerings(wanted: dict[str, Peering], others: Iterable[Peering]) -> Peerings:
    doubled: list[tuple[Peering, Peering]] = []
    repeated: list[tuple[Peering, Peering]] = []
    for peering in others:
        winner = wanted[peering.endpoint.address]
        if not _same_session(winner, peering):
            doubled.append((peering, winner))
        elif winner.peer is not peering.peer:
            repeated.append((peering, winner))
    return Peerings(tuple(wanted.values()), tuple(doubled), tuple(repeated))


def _agrees(index: ClusterIndex, peering: Peering) -> bool:
    """With the node that has the address, if one has. What nodes define of each other always does."""
    endpoint = peering.endpoint
    name = index.node_by_address.get(endpoint.address)
    if name is None or not index.nodes[name].has_speaker or peering.peer is None or peering.reverse:
        return True
    (node,) = (each for each in index.endpoints(name) if each.address == endpoint.address)
    same_port = effective_port(endpoint.port) == effective_port(node.port)
    return same_port and endpoint.as_number == node.as_number


def _same_session(first: Peering, second: Peering) -> bool:
    """Two BGPPeers with one address and port define one session; the first in order has its options."""
    return second.peer is not None and effective_port(first.endpoint.port) == effective_port(second.endpoint.port)


def _asked(index: ClusterIndex, node: str, options: CompileOptions) -> Iterator[Peering]:
    if not index.nodes[node].has_speaker:
        return
    peers = list(index.resources.bgp_peers.values())
    yield from (each for peer in peers if is_global(peer) for each in peerings_of(index, node, peer, options))
    yield from (each for peer in peers if not is_global(peer) for each in peerings_of(index, node, peer, options))
    yield from (each for peer in peers for each in reverse_peerings_of(index, node, peer))
    if index.lists_mesh:
        yield from _mesh(index, node)


def _mesh(index: ClusterIndex, node: str) -> Iterator[Peering]:
    """Every node with every other; route reflectors take no part. Of two nodes the one whose address is the
    smaller text waits (see `_waits` in bgp_peers.py for why text), so each pair has exactly one caller."""
    if not _is_meshed(index, node):
        return
    facts = index.nodes[node]
    for endpoint in index.mesh_members:
        passive = endpoint.address > facts.addresses[endpoint.family]
        yield Peering(SessionKind.MESH, endpoint, passive=passive)


def _is_meshed(index: ClusterIndex, node: str) -> bool:
    return index.configuration.mesh and not index.nodes[node].is_reflector
