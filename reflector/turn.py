"""The turn under way: what its events have changed so far, and the sessions that have to end with it.

Rule: events change candidates and settling selects, once for all that came before it. Whoever is about to look at
selections, or to change what peers are advertised as, settles first. The first reason for which a session ends counts.
"""

from __future__ import annotations

from operator import attrgetter

from reflector.addresses import FAMILIES
from reflector.commands import Changes, Close, Turn
from reflector.outbound.adj_rib_out import AdjRibOut, Settled
from reflector.peer import Peer
from reflector.plan import Family
from reflector.rib.loc_rib import LocRib, Transition, best
from reflector.rib.path import Path
from reflector.session.ending import Ending, sent_ending

_is_settled = attrgetter("is_settled")


class TurnUnderWay:
    """`closes` by session; `decision_changes` counts prefixes of which another route became the best."""

    def __init__(self, peers: dict[str, Peer], ribs: dict[Family, LocRib], adj_rib_out: AdjRibOut) -> None:
        self._peers = peers
        self._ribs = ribs
        self._adj_rib_out = adj_rib_out
        self._changes: Changes = {family: [] for family in FAMILIES}
        self.closes: dict[str, Close] = {}
        self.decision_changes = 0

    def settle(self) -> None:
        """Select for what changed and advertise it to every group."""
        if all(map(_is_settled, self._ribs.values())):
            return
        for family, transitions in self.select().items():
            if transitions:
                self._adj_rib_out.advertise(family, transitions)

    def select(self) -> Settled:
        """Select without advertising."""
        settled: Settled = {}
        for family, rib in self._ribs.items():
            transitions = settled[family] = {} if rib.is_settled else rib.settle()
            self._changes[family].extend(transitions.items())
            for transition, keys in transitions.items():
                self._count(transition, len(keys))
        return settled

    def _count(self, transition: Transition, prefixes: int) -> None:
        before, after = best(transition.before), best(transition.after)
        if before is after:
            return
        self.decision_changes += prefixes
        if (peer := self._sender(before)) is not None:
            peer.best -= prefixes
        if (peer := self._sender(after)) is not None:
            peer.best += prefixes

    def _sender(self, path: Path | None) -> Peer | None:
        """The peer that sent it; None for a route of this node, and for one of a peer that the plan no longer has."""
        return self._peers.get(path.sender.name) if path is not None and path.sender is not None else None

    def close(self, peer: Peer, notification: bytes, reason: str, hold_down: float = 0.0) -> None:
        """End its session with this NOTIFICATION, sent as what graceful restart makes of it."""
        message, ending = sent_ending(peer.negotiated, notification)
        self.closes.setdefault(peer.name, Close(peer.name, message, reason, hold_down, ending))

    def closed_by_peer(self, peer: Peer, reason: str, ending: Ending) -> None:
        """It has sent a NOTIFICATION."""
        self.closes.setdefault(peer.name, Close(peer.name, b"", reason, ending=ending))

    def end(self, *, is_unfinished: bool) -> Turn:
        """What became of it; the next one begins."""
        turn = Turn(self._adj_rib_out.take_ready(), list(self.closes.values()), self._changes, is_unfinished)
        self.closes = {}
        self._changes = {family: [] for family in FAMILIES}
        return turn
