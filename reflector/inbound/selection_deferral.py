"""The start of a speaker: when its Loc-RIB is complete, and when it may say so itself.

Rule: until a peer has said what it has, nobody may take a route away because it has not come back. There are two waits:

    complete   every peer has been heard: the FIB may sweep what it kept from before
    markers    every peer that has not restarted itself has been heard: our End-of-RIB may go out. Peers that have (R in
               their OPEN) wait for us just so, and nobody would ever begin.

A peer has said it all with its End-of-RIB markers; one that sends none (it has no graceful restart) is given a moment.
A peer that stays away is waited for until the timer is over, but if not a single one has been heard, nothing is
known and the wait goes on. UPDATEs are never held back: a cluster that boots converges at once.
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
        # The first peer that has not been heard settles it: a start with a thousand peers asks a thousand times.
        self.is_over = all(self._has_said_all(peer, now) for peer in peers) or (
            now >= self._deadline and any(self._has_said_all(peer, now) for peer in peers)
        )
        return self.is_over

    def _has_said_all(self, peer: Peer, now: float) -> bool:
        if not self._waits_for_restarting and peer.negotiated is not None:
            restart = peer.negotiated.graceful_restart
            if restart is not None and restart.is_restarting:
                return True
        return has_said_all(peer, now)


def has_said_all(peer: Peer, now: float) -> bool:
    """It is Established, and what it has is here."""
    negotiated = peer.negotiated
    if negotiated is None:
        return False
    if negotiated.graceful_restart is None:
        return now - peer.since >= GRACE_WITHOUT_MARKER
    return peer.end_of_rib.issuperset(negotiated.families)
