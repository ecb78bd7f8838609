"""Graceful restart, seen from the peer that waits: whose routes outlive their session, and for how long.

Rule: how a session ended decides first (STAYS), then the capabilities of both ends, then time.

    how the session ended                          graceful restart    with N of both (RFC 8538 2)
    the connection is lost: no NOTIFICATION        routes stay         routes stay
    a NOTIFICATION, sent or received; the hold     routes go           routes stay
    timer is one that we send
    for good: a hard reset, sent or received, or   routes go           routes go
    the session is no longer in the plan

    the peer is away              routes that stay are stale, of the families of its capability, until its restart time
                                  is over; then for the family's long-lived stale time, least preferred (long_lived.py)
    it is Established anew        stale routes of a family stay only if its new OPEN lists the family with the
                                  Forwarding State bit; then until that family's End-of-RIB, STALE_TIME, or the end of
                                  the long-lived stale time that was counted from when it went
    a route is sent anew          it is no longer stale
    it is down a second time      what is stale from before goes now; with N only after STALE_TIME (RFC 8538 4.1), and
    before it is synchronised     where routes are long-lived when the first count ends (RFC 9494 4.2)

Until its restart time is over a stale route is an ordinary candidate: RFC 4724 4.2 does not let another one be
preferred. Our own restart, the other half, is in the OPEN that ExaBGP sends and in selection_deferral.py.
"""

from __future__ import annotations

from typing import NamedTuple

from reflector.inbound import long_lived
from reflector.inbound.import_pipeline import ImportPipeline
from reflector.peer import Peer
from reflector.plan import Family, SessionPlan
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.session.ending import STAYS, Ending
from reflector.session.negotiated import Negotiated

# How long a peer that is Established anew may take to send its routes before the rest of them are withdrawn.
STALE_TIME = 300.0


def is_another_peer(before: SessionPlan, now: SessionPlan) -> bool:
    """A session that has kept its name, but not the peer whose routes were kept."""
    return (before.peer_address, before.peer_as, before.local_as) != (now.peer_address, now.peer_as, now.local_as)


class StaleTimes(NamedTuple):
    """What both ends' capabilities allow a family's routes once the session is down, in seconds: how long they stay,
    and how long as long-lived stale ones after that (RFC 9494 4.2). `outlasts_restarts`: N."""

    restart: int
    long_lived: int
    outlasts_restarts: bool


class ReceivingSpeaker:
    """What becomes of a peer's Adj-RIB-Ins when its session ends, is Established anew, or not (RFC 4724 4.2, RFC 9494
    4.2; there it is the helper)."""

    def __init__(self, pipeline: ImportPipeline) -> None:
        self._pipeline = pipeline

    def down(self, peer: Peer, ending: Ending, now: float) -> dict[Family, AdjRibIn]:
        """The Adj-RIB-Ins of this Established peer that outlive its session; all other routes are withdrawn."""
        kept: dict[Family, AdjRibIn] = {}
        for family, rib in peer.adj_rib_in.items():
            times = _stale_times(peer, family, ending)
            if times is not None and self._retain(peer, rib, times, now):
                kept[family] = rib
            else:
                self._pipeline.withdraw(rib, list(rib.routes))
        return kept

    def _retain(self, peer: Peer, rib: AdjRibIn, times: StaleTimes, now: float) -> bool:
        """Make all its routes stale. False if there are none, or their time is over already."""
        if not rib.routes:
            return False
        if rib.stale_since is not None and not _goes_on(peer, rib, times, now):
            self._synchronise(rib)
        rib.stale_until = now + times.restart
        if rib.stale_since is None:
            rib.stale_since = now
            rib.long_lived_until = rib.stale_until + times.long_lived if times.long_lived else 0.0
        elif times.long_lived:
            # RFC 9494 4.2: the timer is not updated by a peer that has not synchronised.
            rib.stale_until = min(rib.stale_until, rib.long_lived_until)
        else:
            rib.long_lived_until = 0.0
        rib.stale = set(rib.routes)
        return now < rib.stale_until or now < rib.long_lived_until

    def reestablished(self, peer: Peer, negotiated: Negotiated, now: float) -> None:
        """The peer is about to be Established: of what was retained, what its OPEN does not cover is withdrawn."""
        for family, rib in list(peer.adj_rib_in.items()):
            if not _is_covered(rib, negotiated):
                self._pipeline.withdraw(rib, list(rib.routes))
                del peer.adj_rib_in[family]
            rib.stale_until = now + STALE_TIME
            if rib.long_lived_until:
                rib.stale_until = min(rib.stale_until, rib.long_lived_until)

    def synchronised(self, peer: Peer, family: Family) -> None:
        """The peer has marked the family's End-of-RIB."""
        rib = peer.adj_rib_in.get(family)
        if rib is not None and rib.stale_since is not None:
            self._synchronise(rib)

    def _synchronise(self, rib: AdjRibIn) -> None:
        self._pipeline.withdraw(rib, rib.stale_keys())
        rib.stale_since = None
        rib.long_lived_until = 0.0
        rib.is_long_lived = False

    def expire(self, peer: Peer, now: float) -> None:
        """What is still stale when its time is over is withdrawn, or becomes long-lived stale."""
        for rib in peer.adj_rib_in.values():
            if rib.stale_since is None or now < rib.stale_until:
                continue
            if not peer.is_established and now < rib.long_lived_until:
                long_lived.begin(self._pipeline, peer, rib)
                rib.is_long_lived = True
                rib.stale_until = rib.long_lived_until
            elif peer.is_established and now < peer.since + STALE_TIME:
                # RFC 9494 4.2: the long-lived time ends while the peer is not synchronised, and stays what it is.
                self._pipeline.withdraw(rib, rib.stale_keys())
                rib.stale_until = peer.since + STALE_TIME
            else:
                self._synchronise(rib)


def _stale_times(peer: Peer, family: Family, ending: Ending) -> StaleTimes | None:
    """None: nothing stays. RFC 9494 4.2: a family that one of the capabilities does not list has zero seconds there;
    4.5: without the one of RFC 4724 the other counts for nothing."""
    negotiated = peer.negotiated
    if negotiated is None or negotiated.graceful_restart is None:
        return None
    restart = negotiated.graceful_restart
    if not STAYS[ending, restart.notification]:
        return None
    restart_time = restart.time if family in restart.families else 0
    long_lived_time = negotiated.long_lived.times.get(family, 0) if negotiated.long_lived is not None else 0
    return StaleTimes(restart_time, long_lived_time, restart.notification)


def _goes_on(peer: Peer, rib: AdjRibIn, times: StaleTimes, now: float) -> bool:
    """Down a second time before it has synchronised, the peer keeps what was stale already (RFC 8538 4.1, RFC 9494
    4.2)."""
    assert rib.stale_since is not None  # noqa: S101  only what is stale goes on
    if now >= peer.since + STALE_TIME:
        return False
    if times.long_lived:
        return rib.long_lived_until > 0
    return times.outlasts_restarts and now < rib.stale_since + STALE_TIME


def _is_covered(rib: AdjRibIn, negotiated: Negotiated) -> bool:
    """RFC 4724 4.2 and, once the restart time is over, RFC 9494 4.2: both capabilities must have the Forwarding State
    bit for the family, but the former need not list it at all, as its restart time is zero then."""
    restart, family = negotiated.graceful_restart, rib.family
    if restart is None or family not in negotiated.families:
        return False
    if rib.has_path_ids != (family in negotiated.add_path_receive):
        return False
    if not rib.is_long_lived:
        return family in restart.forwarding
    outlives = negotiated.long_lived is not None and family in negotiated.long_lived.forwarding
    return outlives and (family in restart.forwarding or family not in restart.families)
