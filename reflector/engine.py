"""The engine: events in, routing state and commands out. It owns all of it and touches no clock or socket.

Events (events.py): a plan is applied, a session comes up, its peer sends something, it goes down, time passes. A turn
is any number of events followed by `flush`, which selects, encodes and reports: work is done once for all that arrived
in the turn.

Rule: an event changes candidates, a flush changes what is selected and advertised. What a peer breaks costs that peer
alone: the error becomes a Close for its session and nothing else is touched.
Source: RFC 4271 9 (UPDATE handling), RFC 4456 (reflection), RFC 7606 (errors), RFC 2918 (refresh), RFC 8326 (drain).
"""

from __future__ import annotations

from reflector.addresses import FAMILIES
from reflector.commands import Turn
from reflector.drain import IN_USE, Stage
from reflector.inbound import retained
from reflector.inbound.enhanced_refresh import take_mark
from reflector.inbound.import_pipeline import ImportPipeline
from reflector.inbound.maximum_prefixes import PrefixLimits
from reflector.inbound.selection_deferral import StartOfSpeaker
from reflector.inbound.update_handler import UpdateHandler
from reflector.kernel.lookup import KernelView
from reflector.outbound.adj_rib_out import AdjRibOut
from reflector.outbound.refresh_requests import RefreshRequests
from reflector.outbound.slow_peer import LAG_BOUND
from reflector.outbound.update_group import UpdateGroup
from reflector.peer import Peer
from reflector.plan import Family, NodePlan, Origination
from reflector.policy.export import ExportKey
from reflector.policy.policy_set import PolicySet, same_policies
from reflector.rib.decision import steps_to_multipath
from reflector.rib.loc_rib import LocRib
from reflector.rib.next_hops import NextHops
from reflector.rib.originations import Originations
from reflector.session.ending import Ending, received_ending
from reflector.session.negotiated import Negotiated
from reflector.sessions import Sessions
from reflector.turn import TurnUnderWay
from reflector.wire.message import (
    KEEPALIVE,
    ErrorCode,
    MessageType,
    NotificationError,
    describe_notification,
    message,
    notification,
)
from reflector.wire.update import BEGIN_OF_REFRESH, END_OF_REFRESH, FAMILY_OF_AFI, PLAIN_REFRESH, route_refresh


class Engine:
    """`now` is seconds of a clock that never goes back; every method that depends on time is given it. A peer is
    cut off (slow_peer) when what waits for it keeps more than `lag_bound` octets of memory."""

    def __init__(self, plan: NodePlan, now: float, lag_bound: int = LAG_BOUND) -> None:
        self.plan = plan
        self.drain_state = IN_USE
        self._lag_bound = lag_bound
        self.peers: dict[str, Peer] = {}
        steps = steps_to_multipath(always_compare_med=plan.always_compare_med)
        self.ribs: dict[Family, LocRib] = {family: LocRib(family, steps) for family in FAMILIES}
        self.next_hops = NextHops(plan)
        self.originations = Originations(self.ribs)
        self.start = StartOfSpeaker(now)
        policies = PolicySet(plan)
        self._pipeline = ImportPipeline(self.peers, self.ribs, policies, self.next_hops)
        self._adj_rib_out = AdjRibOut(self.ribs, policies)
        self._refreshes = RefreshRequests(self._adj_rib_out)
        self.turn = TurnUnderWay(self.peers, self.ribs, self._adj_rib_out)
        self._sessions = Sessions(self.peers, self._pipeline, self._adj_rib_out, self.turn, self.start)
        self._limits = PrefixLimits(self._pipeline)
        self._updates = UpdateHandler(self._pipeline, self._sessions.receiving, self._limits)
        self._sessions.define(plan.sessions, now)
        self.originations.plan(plan.originations)

    @property
    def policies(self) -> PolicySet:
        return self._pipeline.policies

    @property
    def groups(self) -> dict[ExportKey, UpdateGroup]:
        return self._adj_rib_out.groups

    # --------------------------------------------------------------------------------------- plans

    def apply(self, plan: NodePlan, now: float) -> None:
        """Make `plan` the running one. The owner of the sockets closes the sessions whose definition needs it; here
        policies and routes change, and no session is reset for that."""
        self.turn.settle()
        self.start.is_due = True
        self._sessions.remove_others(plan.sessions, now)
        self.turn.settle()
        old = self.policies
        new = old if same_policies(self.plan, plan) else PolicySet(plan)
        self.plan = plan
        self._sessions.define(plan.sessions, now)
        self.originations.plan(plan.originations)
        for rib in self.ribs.values():
            rib.decide_by(steps_to_multipath(always_compare_med=plan.always_compare_med))
        self._pipeline.next_hops_changed(self.next_hops.apply(plan))
        if new is not old:
            self._pipeline.policies = self._adj_rib_out.policies = new
            for peer in self.peers.values():
                self._pipeline.reimport(peer)
            self._readvertise(old)

    def drain(self, stage: Stage, reason: str, now: float) -> None:
        """Lead traffic away from this node, or no longer (drain): what that marks or withdraws is advertised so,
        nothing is reset. It stays so whatever plans come."""
        before, self.drain_state = self.drain_state, self.drain_state.led_to(stage, reason, now)
        if self.drain_state.stage is not before.stage:
            self._adj_rib_out.stage = self.drain_state.stage
            self._readvertise(self.policies)

    def originate(self, name: str, originations: tuple[Origination, ...]) -> None:
        """Replace a named set of originations. Sets stand beside the plan's own originations and outlive them; an empty
        one is removed. Raises ValueError, with nothing changed, for what cannot be originated."""
        self.originations.replace_set(name, originations)

    def _readvertise(self, old: PolicySet) -> None:
        """Advertise to every peer what the new policies change."""
        keys = self._adj_rib_out.keys(self.peers.values())
        self._adj_rib_out.readvertise(keys, old, self.turn.select())

    # ------------------------------------------------------------------------------------ sessions

    def session_up(self, name: str, negotiated: Negotiated, now: float) -> None:
        """The session is Established."""
        self.start.is_due = True
        self._sessions.up(name, negotiated, now)

    def session_down(self, name: str, reason: str, now: float, ending: Ending = Ending.FOR_GOOD) -> None:
        """The connection is closed. Nothing happens if it was not up."""
        self._sessions.down(name, reason, now, ending)

    # ------------------------------------------------------------------------------------ messages

    def receive(self, name: str, kind: int, body: bytes, now: float) -> None:
        """One message of an Established session. What is wrong with it becomes a Close of this session, of which
        nothing more is read then."""
        peer = self.peers[name]
        if not peer.is_established or name in self.turn.closes:
            return
        peer.received_at = now
        peer.counters.received[kind] += 1
        try:
            if kind == MessageType.UPDATE:
                self._update(peer, body)
            elif kind == MessageType.ROUTE_REFRESH:
                self._refresh(peer, body)
            elif kind == MessageType.NOTIFICATION:
                peer.error_code = f"{body[0]}/{body[1]}"
                reason = f"peer sent NOTIFICATION: {describe_notification(body)}"
                self.turn.closed_by_peer(peer, reason, received_ending(body))
            elif kind != MessageType.KEEPALIVE:
                raise NotificationError(ErrorCode.FINITE_STATE_MACHINE, 3, "OPEN in state Established")
        except NotificationError as error:
            self.reject(name, error)

    def reject(self, name: str, error: NotificationError) -> None:
        """The peer broke the protocol: its session ends with a NOTIFICATION."""
        self.turn.close(self.peers[name], error.message(), error.reason)

    def _update(self, peer: Peer, body: bytes) -> None:
        ends = len(peer.end_of_rib)
        excess = self._updates.handle(peer, body)
        if excess is not None:
            self.turn.close(peer, excess.notification, excess.reason, excess.hold_down)
        if len(peer.end_of_rib) != ends:
            self.start.is_due = True

    def _refresh(self, peer: Peer, body: bytes) -> None:
        """RFC 2918 4: send every route of the family, between the marks of RFC 7313 4 if the peer knows them; the marks
        that it sends itself are for enhanced_refresh. Only a mark must have four octets (RFC 7313 5): a request may
        have outbound route filters behind it, which are never agreed on here and are ignored (RFC 5291 4)."""
        if len(body) != 4 and body[2] in (BEGIN_OF_REFRESH, END_OF_REFRESH):
            whole = message(MessageType.ROUTE_REFRESH, body)
            raise NotificationError(ErrorCode.ROUTE_REFRESH, 1, f"ROUTE-REFRESH of {len(body)} octets", whole)
        family = FAMILY_OF_AFI.get((body[0] << 8 | body[1], body[3]))
        if family is None or peer.group is None or family not in peer.group.view.key.families:
            return
        if body[2] != PLAIN_REFRESH:
            if peer.marks_refreshes:
                take_mark(self._pipeline, peer.adj_rib_in[family], body[2])
            return
        self._refreshes.ask(peer, family)

    # -------------------------------------------------------------------------- time and the world

    def tick(self, now: float) -> None:
        """Send KEEPALIVEs that are due, end sessions whose hold time is over (RFC 4271 4.4, 6.5) or whose peer does not
        read (RFC 9687), and withdraw what a restarting peer has not sent in time (RFC 4724 4.2)."""
        self.start.is_due = True
        for peer in self.peers.values():
            if peer.is_stale:
                self._sessions.receiving.expire(peer, now)
            if not peer.is_established:
                continue
            if peer.hold_expired(now):
                self.turn.close(peer, notification(ErrorCode.HOLD_TIMER_EXPIRED, 0), "hold timer expired")
            elif peer.send_hold_expired(now):
                expired = notification(ErrorCode.SEND_HOLD_TIMER_EXPIRED, 0)
                self.turn.close(peer, expired, "send hold timer expired: the peer does not read")
            elif peer.keepalive_interval and now >= peer.keepalive_due:
                peer.keepalive_due = now + peer.keepalive_interval
                self._adj_rib_out.send(peer, KEEPALIVE)
                peer.counters.keepalives_out += 1
            for family in self._limits.refreshes_due(peer, now) if peer.counters.prefixes_dropped else ():
                self._adj_rib_out.send(peer, route_refresh(family, PLAIN_REFRESH))
                peer.counters.route_refreshes_out += 1

    def withdraw_retained(self, next_hops: frozenset[bytes], inside: tuple[tuple[Family, bytes], ...]) -> int:
        """Retained routes that lead through these next hops into these networks are withdrawn; returns how many."""
        return retained.withdraw(self._pipeline, self.peers.values(), next_hops, inside)

    def kernel_changed(self, table: KernelView | None) -> None:
        """What is known of the kernel's routes is another table or the same one with changes; None: nothing."""
        self._pipeline.next_hops_changed(self.next_hops.look_in(table))

    # ---------------------------------------------------------------------------------------- turn

    def flush(self, now: float) -> Turn:
        """End the turn."""
        self.turn.settle()
        if self.start.is_due and self.start.check(self.peers.values(), now):
            for peer in self.peers.values():
                self._adj_rib_out.mark_end(peer)
        is_unfinished = self._refreshes.answer(now)
        self._adj_rib_out.catch_up()
        return self.turn.end(is_unfinished=is_unfinished)

    def trim_logs(self) -> None:
        """Cut off the peers that lag too much, and drop what the others have all been handed."""
        self._adj_rib_out.trim(self._lag_bound)
