"""The engine: events in, routing state and messages out. It owns all of it and touches no clock or socket.

Events: a plan is applied, a session comes up, says something or goes down, time passes. A turn is any number of
events followed by `flush`, which selects, encodes and reports: work is done once for all that arrived in the turn.

Rule: an event changes candidates, a flush changes what is selected and told. What a peer breaks costs that peer alone:
the error becomes a Close for its session and nothing else is touched.
Source: RFC 4271 9 (UPDATE handling), RFC 4456 (reflection), RFC 7606 (errors), RFC 2918 (refresh), RFC 8326 (drain).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, count
from typing import NamedTuple

from reflector.drain import IN_USE, Stage
from reflector.inbound.enhanced_refresh import take_mark
from reflector.inbound.graceful_restart import ReceivingSpeaker, is_another_peer
from reflector.inbound.import_pipeline import ImportPipeline
from reflector.inbound.maximum_prefixes import PrefixLimits
from reflector.inbound.retained import forget
from reflector.inbound.selection_deferral import SelectionDeferral
from reflector.kernel.lookup import KernelView
from reflector.outbound.adj_rib_out import AdjRibOut, Settled
from reflector.outbound.slow_peer import LAG_BOUND
from reflector.outbound.update_group import UpdateGroup
from reflector.peer import Peer
from reflector.plan import Family, NodePlan, Origination, SessionPlan
from reflector.policy.export import ExportKey
from reflector.policy.policy_set import PolicySet, same_policies
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.rib.decision import steps_to_multipath
from reflector.rib.loc_rib import LocRib, Transition, best
from reflector.rib.next_hops import NextHops
from reflector.rib.originate import originated_paths
from reflector.rib.path import Path
from reflector.rib.path_identifier import FIRST_OF_PEERS, Identifiers
from reflector.session.ending import Ending, received_ending, sent_ending
from reflector.session.negotiated import Negotiated
from reflector.wire.message import (
    KEEPALIVE,
    ErrorCode,
    MessageType,
    NotificationError,
    describe_notification,
    message,
    notification,
)
from reflector.wire.update import (
    FAMILY_OF_AFI,
    PLAIN_REFRESH,
    Update,
    route_refresh,
)

FAMILIES: tuple[Family, ...] = (4, 6)

OriginationSets = dict[str, tuple[Origination, ...]]

# What became of prefixes in a turn, in the order of events.
Changes = dict[Family, list[tuple[Transition, list[bytes]]]]


class Close(NamedTuple):
    """A command: end this session, with this NOTIFICATION message unless it is b"" (the peer has sent one).

    hold_down   seconds for which it stays down; math.inf = until the plan changes it, 0 = it is retried at once
    ending      to be handed back to session_down
    """

    session: str
    notification: bytes
    reason: str
    hold_down: float = 0.0
    ending: Ending = Ending.NOTIFICATION


class Turn(NamedTuple):
    """What a flush did: the peers with something to send, the sessions to close, and the Loc-RIB's changes."""

    ready: list[Peer]
    closes: list[Close]
    changes: Changes


class Engine:
    """`now` is seconds of a clock that never goes back; every method that depends on time is given it. A peer for
    which more than `lag_bound` octets wait is cut off (slow_peer)."""

    def __init__(self, plan: NodePlan, now: float, lag_bound: int = LAG_BOUND) -> None:
        self.plan = plan
        self._lag_bound = lag_bound
        self.peers: dict[str, Peer] = {}
        steps = steps_to_multipath(always_compare_med=plan.always_compare_med)
        self.ribs: dict[Family, LocRib] = {family: LocRib(family, steps) for family in FAMILIES}
        self.decision_changes = 0
        self.drain_state = IN_USE
        self._path_numbers = count(FIRST_OF_PEERS)
        self.complete = SelectionDeferral(now, waits_for_restarting=True)
        self._markers = SelectionDeferral(now, waits_for_restarting=False)
        # Something has happened since the last look that may end these waits: a peer's state, or time.
        self._deferral_is_due = True
        self.next_hops = NextHops(plan)
        self._pipeline = ImportPipeline(self.peers, self.ribs, PolicySet(plan), self.next_hops)
        self._adj_rib_out = AdjRibOut(self.ribs, self._pipeline)
        self._receiving = ReceivingSpeaker(self._pipeline)
        self._limits = PrefixLimits(self._pipeline)
        self._originated: dict[Family, dict[bytes, Path]] = {family: {} for family in FAMILIES}
        self._origination_sets: OriginationSets = {}
        self._closes: dict[str, Close] = {}
        self._changes: Changes = {family: [] for family in FAMILIES}
        self._add_sessions(plan, now)
        self._originate(plan, self._origination_sets)

    @property
    def policies(self) -> PolicySet:
        return self._pipeline.policies

    @property
    def groups(self) -> dict[ExportKey, UpdateGroup]:
        return self._adj_rib_out.groups

    @property
    def is_restarting(self) -> bool:
        """Our End-of-RIB markers wait for what peers have to say (RFC 4724 4.1)."""
        return not self._markers.is_over

    # --------------------------------------------------------------------------------------- plans

    def apply(self, plan: NodePlan, now: float) -> None:
        """Make `plan` the running one. Whoever owns the sockets closes the sessions whose definition needs it;
        here policies and routes change, and no session is reset for that."""
        self._settle()
        self._deferral_is_due = True
        for name in sorted(self.peers.keys() - {session.name for session in plan.sessions}):
            self.session_down(name, "removed from the plan", now)
            self._forget(self.peers.pop(name).adj_rib_in.values())
        self._settle()
        old = self.policies
        new = old if same_policies(self.plan, plan) else PolicySet(plan)
        self.plan = plan
        for session in plan.sessions:
            if session.name in self.peers:
                self._redefine(self.peers[session.name], session)
        self._add_sessions(plan, now)
        self._originate(plan, self._origination_sets)
        for rib in self.ribs.values():
            rib.decide_by(steps_to_multipath(always_compare_med=plan.always_compare_med))
        self._pipeline.resolve_again(self.next_hops.apply(plan))
        if new is not old:
            self._pipeline.policies = new
            for peer in self.peers.values():
                self._pipeline.again(peer)
            self._export_again(old)

    def drain(self, stage: Stage, reason: str, now: float) -> None:
        """Lead traffic away from this node, or no longer (drain): what that marks or withdraws is told again, nothing
        is reset. It stays so whatever plans come."""
        before, self.drain_state = self.drain_state, self.drain_state.led_to(stage, reason, now)
        if self.drain_state.stage is not before.stage:
            self._export_again(self.policies)

    def _export_key(self, peer: Peer, negotiated: Negotiated) -> ExportKey:
        return self.policies.export_key(peer.session, negotiated, self.drain_state.stage)

    def _redefine(self, peer: Peer, session: SessionPlan) -> None:
        if not peer.is_established and is_another_peer(peer.session, session):
            self._forget(peer.adj_rib_in.values())
        peer.redefine(session)

    def _add_sessions(self, plan: NodePlan, now: float) -> None:
        for session in plan.sessions:
            if session.name not in self.peers:
                self.peers[session.name] = Peer(session, now, Identifiers(self._path_numbers))

    def originate(self, name: str, originations: tuple[Origination, ...]) -> None:
        """Replace a named set of originations. Sets stand beside the plan's own originations and outlive them; an empty
        one is forgotten. Raises ValueError, with nothing changed, for what cannot be originated."""
        sets = {**self._origination_sets, name: originations}
        self._originate(self.plan, sets)
        self._origination_sets = {each: some for each, some in sets.items() if some}

    @property
    def origination_sets(self) -> OriginationSets:
        return self._origination_sets

    def _originate(self, plan: NodePlan, sets: OriginationSets) -> None:
        """This node's own routes: only what differs from before changes."""
        originations = (*plan.originations, *chain.from_iterable(sets.values()))
        for family, wanted in originated_paths(originations, self._originated).items():
            rib, present = self.ribs[family], self._originated[family]
            # In an order that is the same in a replay: sets of octets are not (journal.py).
            for nlri in dict.fromkeys((*present, *wanted)):
                before, after = present.get(nlri), wanted.get(nlri)
                if before is not after:
                    rib.replace(nlri, before, after)
            self._originated[family] = wanted

    def _export_again(self, old: PolicySet) -> None:
        """Tell every peer what the new policies change."""
        keys = {
            peer: self._export_key(peer, peer.negotiated) for peer in self.peers.values() if peer.negotiated is not None
        }
        self._adj_rib_out.rank_for(keys.values())
        self._adj_rib_out.again(keys, old, self._settle_only())

    # ------------------------------------------------------------------------------------ sessions

    def session_up(self, name: str, negotiated: Negotiated, now: float) -> None:
        """The session is Established: it is sent the Loc-RIB and then follows its update group."""
        self._settle()
        self._deferral_is_due = True
        peer = self.peers[name]
        if peer.is_established:
            self.session_down(name, "replaced by a new connection", now, Ending.LOST)
        self._receiving.back(peer, negotiated, now)
        self._settle()
        peer.establish(negotiated, now)
        key = self._export_key(peer, negotiated)
        self._adj_rib_out.rank_for((key,))
        self._settle()
        self._adj_rib_out.join(peer, key)
        if self._markers.is_over:
            self._adj_rib_out.mark_end(peer)

    def session_down(self, name: str, reason: str, now: float, ending: Ending = Ending.FOR_GOOD) -> None:
        """The connection is gone: so are its routes, unless it ended so that the peer may restart gracefully. Nothing
        happens if it was not up."""
        peer = self.peers.get(name)
        if peer is None or peer.negotiated is None:
            return
        kept = self._receiving.lost(peer, ending, now)
        peer.counters.updates_out += peer.outbox.messages
        self._adj_rib_out.leave(peer)
        self._closes.pop(name, None)
        peer.close(reason, now, kept)
        self._receiving.overdue(peer, now)

    def session_refused(self, name: str, reason: str) -> None:
        """One end would not have the other's OPEN."""
        peer = self.peers.get(name)
        if peer is not None and not peer.is_established:
            peer.last_error = reason

    def _forget(self, ribs: Iterable[AdjRibIn]) -> None:
        """Withdraw everything in these Adj-RIB-Ins."""
        for rib in ribs:
            self._pipeline.withdraw(rib, list(rib.routes))

    # ------------------------------------------------------------------------------------ messages

    def receive(self, name: str, kind: int, body: bytes, now: float) -> None:
        """One message of an Established session. What is wrong with it becomes a Close of this session, which then
        says nothing any more."""
        peer = self.peers[name]
        if not peer.is_established or name in self._closes:
            return
        peer.heard = now
        peer.counters.received[kind] += 1
        try:
            if kind == MessageType.UPDATE:
                self._update(peer, body)
            elif kind == MessageType.ROUTE_REFRESH:
                self._refresh(peer, body)
            elif kind == MessageType.NOTIFICATION:
                peer.error_code = f"{body[0]}/{body[1]}"
                self._close(name, b"", f"peer sent NOTIFICATION: {describe_notification(body)}", received_ending(body))
            elif kind != MessageType.KEEPALIVE:
                raise NotificationError(ErrorCode.FINITE_STATE_MACHINE, 3, "OPEN in state Established")
        except NotificationError as error:
            self.reject(name, error)

    def reject(self, name: str, error: NotificationError) -> None:
        """The peer broke the protocol: its session ends with a NOTIFICATION."""
        self._close(name, error.message(), error.reason)

    def _close(
        self, name: str, our_notification: bytes, reason: str, ending: Ending | None = None, hold_down: float = 0.0
    ) -> None:
        """The first reason counts."""
        if ending is None:
            our_notification, ending = sent_ending(self.peers[name].negotiated, our_notification)
        self._closes.setdefault(name, Close(name, our_notification, reason, hold_down, ending))

    def _update(self, peer: Peer, body: bytes) -> None:
        assert peer.reader is not None  # noqa: S101  Established peers have one
        update: Update = peer.reader.read(body)
        peer.counters.updates_in += 1
        if update.error or update.discarded:
            peer.counters.treated_as_withdrawn += bool(update.error)
            peer.counters.attributes_discarded += len(update.discarded)
        for family, keys in update.withdrawn:
            if family in peer.adj_rib_in:
                self._pipeline.withdraw(peer.adj_rib_in[family], keys)
        limit = peer.session.maximum_prefixes
        announce = self._pipeline.announce if limit is None else self._limits.announce
        if limit is not None:
            self._limits.withdrawn(peer, update.withdrawn)
        for family, attributes, keys in update.announced:
            if family in peer.adj_rib_in:
                announce(peer, peer.adj_rib_in[family], attributes, keys)
        if limit is not None and (excess := self._limits.counted(peer, limit)) is not None:
            self._close(peer.name, excess.notification, excess.reason, hold_down=excess.hold_down)
        if update.end_of_rib is not None:
            peer.end_of_rib.add(update.end_of_rib)
            self._deferral_is_due = True
            self._receiving.synchronised(peer, update.end_of_rib)

    def _refresh(self, peer: Peer, body: bytes) -> None:
        """RFC 2918 4: send everything of the family again, between the marks of RFC 7313 4 if the peer knows them; the
        marks that it sends itself are for enhanced_refresh."""
        if len(body) != 4:
            whole = message(MessageType.ROUTE_REFRESH, body)
            raise NotificationError(ErrorCode.ROUTE_REFRESH, 1, f"ROUTE-REFRESH of {len(body)} octets", whole)
        family = FAMILY_OF_AFI.get((body[0] << 8 | body[1], body[3]))
        if family is None or peer.group is None or family not in peer.group.view.key.families:
            return
        if body[2] != PLAIN_REFRESH:
            if peer.negotiated is not None and peer.negotiated.enhanced_refresh:
                take_mark(self._pipeline, peer.adj_rib_in[family], body[2])
            return
        self._settle()
        self._adj_rib_out.refresh(peer, family)

    # ------------------------------------------------------------------------------------ retained

    def forget(self, next_hops: frozenset[bytes], inside: tuple[tuple[Family, bytes], ...]) -> int:
        """Retained routes that lead through these next hops into these networks go; how many they were."""
        return forget(self._pipeline, self.peers.values(), next_hops, inside)

    # ---------------------------------------------------------------------------------------- time

    def tick(self, now: float) -> None:
        """Send KEEPALIVEs that are due, end sessions whose hold time is over (RFC 4271 4.4, 6.5), and sweep what a
        restarting peer has not sent again in time (RFC 4724 4.2)."""
        self._deferral_is_due = True
        for peer in self.peers.values():
            if peer.is_stale:
                self._receiving.overdue(peer, now)
            if not peer.is_established:
                continue
            if peer.hold_expired(now):
                self._close(peer.name, notification(ErrorCode.HOLD_TIMER_EXPIRED, 0), "hold timer expired")
            elif peer.keepalive_interval and now >= peer.keepalive_due:
                peer.keepalive_due = now + peer.keepalive_interval
                self._adj_rib_out.send(peer, KEEPALIVE)
                peer.counters.keepalives_out += 1
            for family in self._limits.wanted_again(peer, now) if peer.counters.prefixes_dropped else ():
                self._adj_rib_out.send(peer, route_refresh(family, PLAIN_REFRESH))
                peer.counters.route_refreshes_out += 1

    # -------------------------------------------------------------------------------------- kernel

    def kernel_changed(self, table: KernelView | None) -> None:
        """What is known of the kernel's routes is another table or the same one with changes; None: nothing."""
        self._pipeline.resolve_again(self.next_hops.look_in(table))

    # ---------------------------------------------------------------------------------------- turn

    def flush(self, now: float) -> Turn:
        """End the turn."""
        self._settle()
        if self._deferral_is_due:
            self._check_deferral(now)
        self._adj_rib_out.catch_up()
        turn = Turn(self._adj_rib_out.take_ready(), list(self._closes.values()), self._changes)
        self._closes = {}
        self._changes = {family: [] for family in FAMILIES}
        return turn

    def _check_deferral(self, now: float) -> None:
        self._deferral_is_due = False
        peers = self.peers.values()
        self.complete.check(peers, now)
        if self._markers.check(peers, now):
            for peer in peers:
                self._adj_rib_out.mark_end(peer)

    def _settle(self) -> None:
        """Select for what changed and tell every group."""
        for family, transitions in self._settle_only().items():
            if transitions:
                self._adj_rib_out.tell(family, transitions)

    def _settle_only(self) -> Settled:
        settled: Settled = {}
        for family, rib in self.ribs.items():
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
        return self.peers.get(path.sender.name) if path is not None and path.sender is not None else None

    # ------------------------------------------------------------------------------------- queries

    def forget_sent(self) -> None:
        """Cut off the peers that lag too much, and drop what the others have all been handed."""
        self._adj_rib_out.trim(self._lag_bound)

    def originated(self, family: Family) -> dict[bytes, Path]:
        return self._originated[family]
