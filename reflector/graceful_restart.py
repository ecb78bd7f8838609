"""Graceful restart, seen from the peer that waits: whose routes outlive their session, and for how long.

    the connection is lost        routes of the families of the peer's capability stay and become stale, until its
                                  restart time is over
    it ended with a NOTIFICATION  nothing stays (RFC 4724 4: a NOTIFICATION, sent or received, is no restart)
    the peer is back              stale routes of a family stay only if its new OPEN lists the family with the
                                  Forwarding State bit; then until that family's End-of-RIB, or STALE_TIME
    a route comes again           it is no longer stale

A stale route is an ordinary candidate: RFC 4724 4.2 lets nobody prefer another one for that.
Our own restart, the other half, is in the OPEN that ExaBGP sends and in selection_deferral.py.
"""

from __future__ import annotations

from reflector.adj_rib_in import AdjRibIn
from reflector.peer import Negotiated, Peer
from reflector.plan import Family

# How long a peer that is back may take to send its routes again before the rest of them are swept.
STALE_TIME = 300.0


def retained(peer: Peer) -> dict[Family, AdjRibIn]:
    """The Adj-RIB-Ins that outlive a lost connection of this Established peer; their routes are now stale."""
    restart = peer.negotiated.graceful_restart if peer.negotiated is not None else None
    if restart is None or restart.time == 0:
        return {}
    kept = {family: rib for family, rib in peer.adj_rib_in.items() if family in restart.families}
    for rib in kept.values():
        rib.stale = set(rib.routes)
    return kept


def outlived(peer: Peer, negotiated: Negotiated) -> list[AdjRibIn]:
    """Of what was retained, what the peer's new OPEN does not cover: to be withdrawn before the session begins."""
    restart = negotiated.graceful_restart
    forwarding = restart.forwarding if restart is not None else frozenset()
    return [
        rib
        for family, rib in peer.adj_rib_in.items()
        if family not in negotiated.families
        or family not in forwarding
        or rib.has_path_ids != (family in negotiated.add_path_receive)
    ]
