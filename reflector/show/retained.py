"""What is retained of the cluster's other nodes while their sessions are down.

Rule: a session to another node of the cluster is *awaited* until it is Established and the peer has sent all its routes
(selection_deferral), from the start of this speaker on and each time that it is down. A reflector that has sent all its
routes has shown every other node that is up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reflector.inbound.selection_deferral import DEFERRAL_TIME, has_sent_all
from reflector.messages import RetainedSession
from reflector.peer import Peer
from reflector.plan import SessionKind


def awaited(peers: Collection[Peer], now: float) -> Iterator[RetainedSession]:
    """The sessions to other nodes whose peers have yet to send all their routes, or to send them anew."""
    for peer in peers:
        if peer.is_of_the_cluster and (not has_sent_all(peer, now) or peer.is_stale):
            yield _status(peer, now)


def complete_reflectors(peers: Collection[Peer], now: float) -> Iterator[str]:
    """The sessions that could have shown every other node to us, and have. A peer that has restarted itself (R) marks
    the end without waiting for nodes that have as well (RFC 4724 4.1), so those are given the time of a start."""
    for peer in peers:
        if _may_reflect(peer) and peer.is_of_the_cluster and has_sent_all(peer, now):
            restart = peer.negotiated.graceful_restart if peer.negotiated is not None else None
            if restart is None or not restart.is_restarting or now - peer.since >= DEFERRAL_TIME:
                yield peer.name


def _may_reflect(peer: Peer) -> bool:
    """In the mesh each peer has only its own routes (RFC 4456 6), and a client of ours sends us its own."""
    return peer.session.kind is not SessionKind.MESH and not peer.session.rr_client


def _status(peer: Peer, now: float) -> RetainedSession:
    stale = [rib for rib in peer.adj_rib_in.values() if rib.stale]
    return RetainedSession(
        name=peer.name,
        peer_node=peer.session.peer_node,
        is_up=peer.is_established,
        may_reflect=_may_reflect(peer),
        routes=min(peer.best, sum(len(rib.stale) for rib in stale)),
        left=seconds_left(peer, now),
        next_hops=tuple(sorted({path.received_next_hop for path in peer.paths.values()})) if stale else (),
    )


def seconds_left(peer: Peer, now: float) -> float:
    """Until the last of its stale routes is withdrawn; 0 without any."""
    ends = (max(rib.stale_until, rib.long_lived_until) for rib in peer.adj_rib_in.values() if rib.stale)
    return max(0.0, max(ends, default=now) - now)
