"""What is retained of the cluster's other nodes while their sessions are away, and what of it goes early.

Rule: a session to another node of the cluster is *awaited* until it is Established and the peer has said all it has
(selection_deferral.py), from the start of this speaker on and again whenever it is lost. Its stale routes stay as
graceful_restart.py says, but for those that cannot lead anywhere any more: the node that is their next hop has left the
cluster. Who knows the nodes says so (`WithdrawRetained`), in next hops and networks:

    forgotten    a stale route of such a session, to a prefix inside one of the networks, through one of the next hops
    stays        what is fresh, what leads elsewhere, what is outside, and whatever a neighbour outside the cluster sent

That is our own: RFC 4724 4.2 and RFC 9494 4.2 know of no reason but time, and neither forbids to withdraw earlier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reflector.inbound.import_pipeline import ImportPipeline
from reflector.inbound.selection_deferral import DEFERRAL_TIME, has_said_all
from reflector.messages import RetainedSession
from reflector.peer import Peer
from reflector.plan import Family, SessionKind
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.rib.path import Path

# An NLRI as family, number of its bits, and those bits as a number.
Network = tuple[Family, int, int]


def is_of_the_cluster(peer: Peer) -> bool:
    return bool(peer.session.peer_node)


def tells_of_other_nodes(peer: Peer) -> bool:
    """A peer of ours that reflects: in the mesh each has only its own routes (RFC 4456 6), and a client told us of
    itself."""
    return peer.session.kind is not SessionKind.MESH and not peer.session.rr_client


def heard_reflectors(peers: Collection[Peer], now: float) -> Iterator[str]:
    """The sessions that could have told us of every other node, and have. A peer that has restarted itself (R) marks
    the end without waiting for nodes that have as well (RFC 4724 4.1), so those are given the time of a start."""
    for peer in peers:
        if tells_of_other_nodes(peer) and is_of_the_cluster(peer) and has_said_all(peer, now):
            restart = peer.negotiated.graceful_restart if peer.negotiated is not None else None
            if restart is None or not restart.is_restarting or now - peer.since >= DEFERRAL_TIME:
                yield peer.name


def awaited(peers: Collection[Peer], now: float) -> Iterator[RetainedSession]:
    """The sessions to other nodes of which not all has been heard, or not again."""
    for peer in peers:
        if is_of_the_cluster(peer) and (not has_said_all(peer, now) or peer.is_stale):
            yield _status(peer, now)


def _status(peer: Peer, now: float) -> RetainedSession:
    stale = [rib for rib in peer.adj_rib_in.values() if rib.stale]
    return RetainedSession(
        name=peer.name,
        peer_node=peer.session.peer_node,
        is_up=peer.is_established,
        may_reflect=tells_of_other_nodes(peer),
        routes=min(peer.best, sum(len(rib.stale) for rib in stale)),
        left=seconds_left(peer, now),
        next_hops=tuple(sorted({_next_hop(path) for path in peer.paths.values()})) if stale else (),
    )


def seconds_left(peer: Peer, now: float) -> float:
    """Until the last of its stale routes goes; 0 without any."""
    ends = (max(rib.stale_until, rib.long_lived_until) for rib in peer.adj_rib_in.values() if rib.stale)
    return max(0.0, max(ends, default=now) - now)


def forget(
    pipeline: ImportPipeline,
    peers: Collection[Peer],
    next_hops: frozenset[bytes],
    networks: Collection[tuple[Family, bytes]],
) -> int:
    """Withdraws the stale routes that lead through these next hops into these networks; returns how many there were."""
    inside = [_network(family, nlri) for family, nlri in networks]
    forgotten = 0
    for peer in peers:
        if not (is_of_the_cluster(peer) and peer.is_stale):
            continue
        gone = {path for path in peer.paths.values() if _next_hop(path) in next_hops}
        for rib in peer.adj_rib_in.values():
            keys = [key for key in _through(rib, gone) if _is_inside(_network(rib.family, rib.nlri(key)), inside)]
            pipeline.withdraw(rib, keys)
            forgotten += len(keys)
    return forgotten


def _through(rib: AdjRibIn, paths: set[Path]) -> list[bytes]:
    """The stale keys with one of these paths, in the order of the table."""
    return [key for key, path in rib.routes.items() if path in paths and key in rib.stale] if paths else []


def _next_hop(path: Path) -> bytes:
    """Without the link-local address that may stand behind it (RFC 2545 3)."""
    return path.received.next_hop[:16]


def _network(family: Family, nlri: bytes) -> Network:
    length, octets = nlri[0], len(nlri) - 1
    return family, length, int.from_bytes(nlri[1:], "big") >> (octets * 8 - length)


def _is_inside(prefix: Network, networks: list[Network]) -> bool:
    family, length, bits = prefix
    return any(
        family == other_family and length >= other_length and bits >> (length - other_length) == other_bits
        for other_family, other_length, other_bits in networks
    )
