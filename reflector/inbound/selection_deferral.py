"""The start of a speaker: when its Loc-RIB is complete, and when it may mark that itself.

Rule: until a peer has sent what it has, no one may take a route away because it has not been sent yet. There are two
waits:

    complete   every peer has sent all: the FIB may sweep what it kept from before
    markers    every peer that has not restarted itself has sent all: our End-of-RIB may be sent. Peers that have
               restarted (R in their OPEN) wait for us in the same way, and none would ever begin.

A peer has sent all with its End-of-RIB markers; one that sends none (it has no graceful restart) is given a moment.
A peer that stays away is waited for until the timer is over, but if not a single one has sent all, nothing is known and
the wait goes on. UPDATEs are never held back: a cluster that boots converges at once.
Source: RFC 4724 4.1 (Selection_Deferral_Timer), with the deviation that routes are selected meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection

from reflector.peer import Peer

# Sessions to peers that are there come up within seconds of a start.
DEFERRAL_TIME = 30.0
# What a peer without End-of-RIB is given to send what it has.
GRACE_WITHOUT_MARKER = 3.0


class SelectionDeferral:
    """One of the two waits; `is_over` turns true once and stays so."""

    def __init__(self, started: float, *, waits_for_restarting: bool) -> None:
        self._deadline = started + DEFERRAL_TIME
        self._waits_for_restarting = waits_for_restarting
        self.is_over = False

    def check(self, peers: Collection[Peer], now: float) -> bool:
        """True in the one call in which the wait ends."""
        if self.is_over:
            return False
        # The first peer that has not sent all settles it: a start with a thousand peers asks a thousand times.
        self.is_over = all(self._is_done_with(peer, now) for peer in peers) or (
            now >= self._deadline and any(self._is_done_with(peer, now) for peer in peers)
        )
        return self.is_over

    def _is_done_with(self, peer: Peer, now: float) -> bool:
        if not self._waits_for_restarting and peer.negotiated is not None:
            restart = peer.negotiated.graceful_restart
            if restart is not None and restart.is_restarting:
                return True
        return has_sent_all(peer, now)


class StartOfSpeaker:
    """Both waits. `is_due`: something has happened since the last check that may end one, a peer's state or time."""

    def __init__(self, started: float) -> None:
        self.complete = SelectionDeferral(started, waits_for_restarting=True)
        self.markers = SelectionDeferral(started, waits_for_restarting=False)
        self.is_due = True

    @property
    def is_restarting(self) -> bool:
        """Our End-of-RIB markers wait for what peers have to send (RFC 4724 4.1)."""
        return not self.markers.is_over

    def check(self, peers: Collection[Peer], now: float) -> bool:
        """True in the one call in which our End-of-RIB may be sent."""
        self.is_due = False
        self.complete.check(peers, now)
        return self.markers.check(peers, now)


def has_sent_all(peer: Peer, now: float) -> bool:
    """It is Established, and what it has is here."""
    negotiated = peer.negotiated
    if negotiated is None:
        return False
    if negotiated.graceful_restart is None:
        return now - peer.since >= GRACE_WITHOUT_MARKER
    return peer.end_of_rib.issuperset(negotiated.families)
