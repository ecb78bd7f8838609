"""When the Loc-RIB of a speaker that has just started is complete: not before its peers have said what they have.

Rule: until then nobody may take a route away because it has not come back. A peer has said it all with its End-of-RIB
markers; one that sends none (it has no graceful restart) is given a moment. A peer that stays away is waited for until
the timer is over, but if not a single one has been heard, nothing is known and the wait goes on.
Source: RFC 4724 4.1 (Selection_Deferral_Timer).
"""

from __future__ import annotations

from collections.abc import Collection

from reflector.peer import Peer

# Sessions to peers that are there come up within seconds of a start.
DEFERRAL_TIME = 30.0
# What a peer without End-of-RIB is given to send what it has.
GRACE_WITHOUT_MARKER = 3.0


class SelectionDeferral:
    """`is_over` turns true once and stays so."""

    def __init__(self, started: float) -> None:
        self._deadline = started + DEFERRAL_TIME
        self.is_over = False

    def check(self, peers: Collection[Peer], now: float) -> bool:
        """True in the one call in which the wait ends."""
        if self.is_over:
            return False
        heard = [_has_said_all(peer, now) for peer in peers]
        self.is_over = all(heard) or (now >= self._deadline and any(heard))
        return self.is_over


def _has_said_all(peer: Peer, now: float) -> bool:
    negotiated = peer.negotiated
    if negotiated is None:
        return False
    if negotiated.graceful_restart:
        return peer.end_of_rib.issuperset(negotiated.families)
    return now - peer.since >= GRACE_WITHOUT_MARKER
