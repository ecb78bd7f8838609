"""Graceful restart, seen from the peer that waits: whose routes outlive their session, and for how long.

Rule: how a session ended decides first (STAYS), then the capabilities of both ends, then time.

    how the session ended                          graceful restart    with N of both (RFC 8538 2)
    the connection is lost: no NOTIFICATION        routes stay         routes stay
    a NOTIFICATION, sent or received; the hold     routes go           routes stay
    timer is one that we send
    for good: a hard reset, sent or received, or   routes go           routes go
    the session is no longer in the plan

    the peer is away              routes that stay are stale, of the families of its capability, until its restart time
                                  is over
    the peer is back              stale routes of a family stay only if its new OPEN lists the family with the
                                  Forwarding State bit; then until that family's End-of-RIB, or STALE_TIME
    a route comes again           it is no longer stale
    the peer is lost again        what is stale from before goes now; with N only after STALE_TIME (RFC 8538 4.1)

A stale route is an ordinary candidate: RFC 4724 4.2 lets nobody prefer another one for that.
Our own restart, the other half, is in the OPEN that ExaBGP sends and in selection_deferral.py.
"""

from __future__ import annotations

from enum import Enum

from reflector.adj_rib_in import AdjRibIn
from reflector.intake import Intake
from reflector.peer import GracefulRestart, Negotiated, Peer
from reflector.plan import Family
from reflector.wire.message import HEADER_LENGTH, Cease, ErrorCode, hard_reset, is_hard_reset

# How long a peer that is back may take to send its routes again before the rest of them are swept.
STALE_TIME = 300.0


class Ending(Enum):
    LOST = "lost"
    NOTIFICATION = "notification"
    FOR_GOOD = "for good"


# Whether routes stay, by how the session ended and whether both ends said N.
STAYS: dict[tuple[Ending, bool], bool] = {
    (Ending.LOST, False): True,
    (Ending.LOST, True): True,
    (Ending.NOTIFICATION, False): False,
    (Ending.NOTIFICATION, True): True,
    (Ending.FOR_GOOD, False): False,
    (Ending.FOR_GOOD, True): False,
}

# Our NOTIFICATIONs that are sent as a hard reset: RFC 8538 5.1 advises so for what will not pass by itself.
_FOR_GOOD = frozenset(
    bytes((ErrorCode.CEASE, subcode))
    for subcode in (Cease.MAXIMUM_PREFIXES, Cease.ADMINISTRATIVE_SHUTDOWN, Cease.PEER_DECONFIGURED, Cease.HARD_RESET)
)


def received(body: bytes) -> Ending:
    """How the peer's NOTIFICATION ends the session."""
    return Ending.FOR_GOOD if is_hard_reset(body) else Ending.NOTIFICATION


def parting(negotiated: Negotiated | None, message: bytes) -> tuple[bytes, Ending]:
    """The NOTIFICATION that is sent for this one, and how it ends the session. b"" ends it for good without a word."""
    body = message[HEADER_LENGTH:]
    if body and body[:2] not in _FOR_GOOD:
        return message, Ending.NOTIFICATION
    restart = negotiated.graceful_restart if negotiated is not None else None
    if not body or is_hard_reset(body) or restart is None or not restart.notification:
        return message, Ending.FOR_GOOD
    return hard_reset(body), Ending.FOR_GOOD


class ReceivingSpeaker:
    """What becomes of a peer's Adj-RIB-Ins when its session ends, is back, or stays away (RFC 4724 4.2)."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def lost(self, peer: Peer, ending: Ending, now: float) -> dict[Family, AdjRibIn]:
        """The Adj-RIB-Ins of this Established peer that outlive its session; all other routes are withdrawn."""
        restart = peer.negotiated.graceful_restart if peer.negotiated is not None else None
        kept: dict[Family, AdjRibIn] = {}
        for family, rib in peer.adj_rib_in.items():
            if restart is not None and STAYS[ending, restart.notification] and self._retain(rib, restart, now):
                kept[family] = rib
            else:
                self._intake.withdraw(rib, list(rib.routes))
        return kept

    def _retain(self, rib: AdjRibIn, restart: GracefulRestart, now: float) -> bool:
        """Make all its routes stale, unless the peer's capability does not cover them."""
        if restart.time == 0 or rib.family not in restart.families:
            return False
        if rib.stale_since is not None and not (restart.notification and now < rib.stale_since + STALE_TIME):
            self._synchronise(rib)
        if rib.stale_since is None:
            rib.stale_since = now
        rib.stale = set(rib.routes)
        rib.stale_until = now + restart.time
        return True

    def back(self, peer: Peer, negotiated: Negotiated, now: float) -> None:
        """The peer is about to be Established: of what was retained, what its OPEN does not cover is withdrawn."""
        for family, rib in list(peer.adj_rib_in.items()):
            if _is_covered(rib, negotiated):
                rib.stale_until = now + STALE_TIME
            else:
                self._intake.withdraw(rib, list(rib.routes))
                del peer.adj_rib_in[family]

    def synchronised(self, peer: Peer, family: Family) -> None:
        """The End-of-RIB of the family has come, or this is as good."""
        rib = peer.adj_rib_in.get(family)
        if rib is not None and rib.stale_since is not None:
            self._synchronise(rib)

    def _synchronise(self, rib: AdjRibIn) -> None:
        self._intake.withdraw(rib, list(rib.stale))
        rib.stale_since = None

    def overdue(self, peer: Peer, now: float) -> None:
        """What is still stale when its time is over is withdrawn, whether the peer is back or not."""
        for rib in peer.adj_rib_in.values():
            if rib.stale_since is not None and now >= rib.stale_until:
                self._synchronise(rib)


def _is_covered(rib: AdjRibIn, negotiated: Negotiated) -> bool:
    restart = negotiated.graceful_restart
    return (
        restart is not None
        and rib.family in negotiated.families
        and rib.family in restart.forwarding
        and rib.has_path_ids == (rib.family in negotiated.add_path_receive)
    )
