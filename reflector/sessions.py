"""Sessions as the engine sees them: which peers there are, when one is Established, and what is left when it is down.

Rule: a peer joins its update group only when everything before is settled, so that it is sent each route once. A
session that is redefined while it is up keeps its routes; what needs a reset has been decided by the owner of sockets.
Source: RFC 4271 8 and 9, RFC 4724 4.
"""

from __future__ import annotations

from itertools import count

from reflector.inbound.graceful_restart import ReceivingSpeaker, is_another_peer
from reflector.inbound.import_pipeline import ImportPipeline
from reflector.inbound.selection_deferral import StartOfSpeaker
from reflector.outbound.adj_rib_out import AdjRibOut
from reflector.peer import Peer
from reflector.plan import SessionPlan
from reflector.rib.path_identifier import FIRST_OF_PEERS, Identifiers
from reflector.session.ending import Ending
from reflector.session.negotiated import Negotiated
from reflector.turn import TurnUnderWay


class Sessions:
    """Keeps `peers`, by the name of the session in the plan."""

    def __init__(
        self,
        peers: dict[str, Peer],
        pipeline: ImportPipeline,
        adj_rib_out: AdjRibOut,
        turn: TurnUnderWay,
        start: StartOfSpeaker,
    ) -> None:
        self._peers = peers
        self._pipeline = pipeline
        self._adj_rib_out = adj_rib_out
        self._turn = turn
        self._start = start
        self.receiving = ReceivingSpeaker(pipeline)
        self._path_numbers = count(FIRST_OF_PEERS)

    # ------------------------------------------------------------------------------------ the plan

    def remove_others(self, sessions: tuple[SessionPlan, ...], now: float) -> None:
        """Those that are not among these any more."""
        for name in sorted(self._peers.keys() - {session.name for session in sessions}):
            self.down(name, "removed from the plan", now)
            self._pipeline.withdraw_all(self._peers.pop(name))

    def define(self, sessions: tuple[SessionPlan, ...], now: float) -> None:
        """New ones are added; of the others the definition is this one from now on."""
        for session in sessions:
            peer = self._peers.get(session.name)
            if peer is None:
                self._peers[session.name] = Peer(session, now, Identifiers(self._path_numbers))
                continue
            if not peer.is_established and is_another_peer(peer.session, session):
                self._pipeline.withdraw_all(peer)
            peer.redefine(session)

    # ------------------------------------------------------------------------------------ events

    def up(self, name: str, negotiated: Negotiated, now: float) -> None:
        """The session is Established: it is sent the Loc-RIB and then follows its update group."""
        self._turn.settle()
        peer = self._peers[name]
        if peer.is_established:
            self.down(name, "replaced by a new connection", now, Ending.LOST)
        self.receiving.reestablished(peer, negotiated, now)
        self._turn.settle()
        peer.establish(negotiated, now)
        keys = self._adj_rib_out.keys((peer,))
        self._turn.settle()
        self._adj_rib_out.join(peer, keys[peer])
        if self._start.markers.is_over:
            self._adj_rib_out.mark_end(peer)

    def down(self, name: str, reason: str, now: float, ending: Ending = Ending.FOR_GOOD) -> None:
        """The connection is closed: its routes are withdrawn, unless it ended so that the peer may restart gracefully.
        Nothing happens if it was not up."""
        peer = self._peers.get(name)
        if peer is None or peer.negotiated is None:
            return
        retained = self.receiving.down(peer, ending, now)
        peer.counters.updates_out += peer.outbox.messages
        self._adj_rib_out.leave(peer)
        self._turn.closes.pop(name, None)
        peer.close(reason, now, retained)
        self.receiving.expire(peer, now)
