"""A peer: one session of the plan, what it negotiated, and what it has sent us.

Rule: the engine alone changes a peer. Timers are numbers to compare with the `now` of an event; a peer that is not
Established has no routes and an empty outbox.
Source: RFC 4271 8 (timers), RFC 9687 (send hold timer), RFC 4486 (why a session ended).
"""

from __future__ import annotations

from collections import deque
from weakref import WeakValueDictionary

from reflector.outbound.outbox import Outbox
from reflector.outbound.update_group import UpdateGroup
from reflector.plan import Family, SessionPlan
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.rib.path import Path
from reflector.rib.path_identifier import Identifiers
from reflector.session.counters import PeerCounters
from reflector.session.negotiated import Negotiated
from reflector.session.prefix_count import PrefixCount
from reflector.session.relation import Relation
from reflector.session.sender import sender_of
from reflector.wire.attribute_rules import Dialect
from reflector.wire.update import UpdateReader

# RFC 9687 4: how long a peer may take nothing of what waits for it, unless twice the hold time is longer.
SEND_HOLD_TIME = 8 * 60.0


# When the session went down last is kept so often.
DOWNS_KEPT = 3


class Peer:
    """`since` is when `is_established` last changed; `last_error` why the last session ended, at `last_error_at`, and
    `last_error_code` with which NOTIFICATION ("code/subcode", "" with none). `downs` are the last times when it went
    down. `error_code` is that of the session that is about to end; `identifiers` are those under which others are
    advertised what it sends (RFC 7911)."""

    # There are a thousand, and a message of each touches one that has not been touched for long.
    __slots__ = (
        "__weakref__",
        "_written",
        "_written_at",
        "adj_rib_in",
        "best",
        "counters",
        "downs",
        "end_of_rib",
        "error_code",
        "group",
        "identifiers",
        "keepalive_due",
        "last_error",
        "last_error_at",
        "last_error_code",
        "name",
        "negotiated",
        "outbox",
        "paths",
        "prefix_counts",
        "reader",
        "received_at",
        "sender",
        "session",
        "since",
    )

    def __init__(self, session: SessionPlan, now: float, identifiers: Identifiers) -> None:
        self.session = session
        self.name = session.name
        self.sender = sender_of(session)
        self.counters = PeerCounters()
        self.since = now
        self.last_error = ""
        self.last_error_at = now
        self.downs: deque[float] = deque(maxlen=DOWNS_KEPT)
        self.identifiers = identifiers
        self.last_error_code = ""
        self.error_code = ""
        self.negotiated: Negotiated | None = None
        self.best = 0
        self.received_at = now
        self.keepalive_due = 0.0
        self._written = 0
        self._written_at = now
        self.adj_rib_in: dict[Family, AdjRibIn] = {}
        # Paths by what they were made of, so that equal routes share one; entries die with their last route.
        self.paths: WeakValueDictionary[tuple[object, ...], Path] = WeakValueDictionary()
        self._reset()

    def _reset(self) -> None:
        self.outbox = Outbox()
        self.group: UpdateGroup | None = None
        self.reader: UpdateReader | None = None
        self.end_of_rib: set[Family] = set()
        self.prefix_counts: dict[Family, PrefixCount] = {}

    def redefine(self, session: SessionPlan) -> None:
        """The plan defines this session otherwise. What needs a reset has been decided elsewhere."""
        if session.maximum_prefixes != self.session.maximum_prefixes:
            for prefixes in self.prefix_counts.values():
                prefixes.refresh_at = 0.0  # an operator does not wait for what protects from a peer
        discards_others = session.discard_attributes != self.session.discard_attributes
        self.session = session
        self.sender = self.sender.redefined(session)
        if discards_others and self.negotiated is not None:
            self.reader = self._reader(self.negotiated)

    def _reader(self, negotiated: Negotiated) -> UpdateReader:
        discarded = frozenset(self.session.discard_attributes)
        dialect = Dialect(negotiated.four_octet_as, self.sender.relation is Relation.EBGP, discarded)
        return UpdateReader(dialect, frozenset(negotiated.families), negotiated.add_path_receive)

    @property
    def is_established(self) -> bool:
        return self.negotiated is not None

    @property
    def is_of_the_cluster(self) -> bool:
        """It is another node of the cluster."""
        return bool(self.session.peer_node)

    @property
    def marks_refreshes(self) -> bool:
        """RFC 7313: both ends support enhanced route refresh."""
        return self.negotiated is not None and self.negotiated.enhanced_refresh

    @property
    def is_stale(self) -> bool:
        """Its session was down, and it has not marked since that it has sent everything."""
        return any(rib.stale_since is not None for rib in self.adj_rib_in.values())

    def establish(self, negotiated: Negotiated, now: float) -> None:
        """Adj-RIB-Ins that were retained go on; what the new OPEN does not cover has been withdrawn by the caller."""
        self._reset()
        self.negotiated = negotiated
        self.sender = self.sender.established(negotiated.router_id, negotiated.local_address)
        self.adj_rib_in = {
            family: self.adj_rib_in.get(family) or AdjRibIn(family, family in negotiated.add_path_receive)
            for family in negotiated.families
        }
        self.prefix_counts = {family: PrefixCount() for family in negotiated.families}
        self.reader = self._reader(negotiated)
        self.since = self.received_at = self._written_at = now
        self.keepalive_due = now + self.keepalive_interval
        self.counters.established += 1

    def close(self, reason: str, now: float, retained: dict[Family, AdjRibIn]) -> None:
        """The caller has withdrawn the peer's routes, all but those of `retained`."""
        self._reset()
        self.adj_rib_in = retained
        for rib in retained.values():
            rib.refreshed = None
        self.negotiated = None
        self.since = self.last_error_at = now
        self.downs.append(now)
        self.last_error = reason
        self.last_error_code, self.error_code = self.error_code, ""
        self.counters.flaps += 1

    @property
    def keepalive_interval(self) -> float:
        """Seconds, 0 for none: the plan's, else a third of the negotiated hold time (RFC 4271 4.4)."""
        hold_time = self.negotiated.hold_time if self.negotiated else 0
        if hold_time == 0:
            return 0.0
        third = hold_time / 3
        return min(float(self.session.keepalive_time), third) if self.session.keepalive_time else third

    def hold_expired(self, now: float) -> bool:
        return self.negotiated is not None and 0 < self.negotiated.hold_time < now - self.received_at

    def send_hold_expired(self, now: float) -> bool:
        """Asked at every tick: a message has been half sent, and not one octet more, for too long (RFC 9687 4)."""
        if not self.outbox.is_within_message or self.counters.bytes_out != self._written:
            self._written, self._written_at = self.counters.bytes_out, now
        hold_time = self.negotiated.hold_time if self.negotiated else 0
        return now - self._written_at > max(SEND_HOLD_TIME, 2.0 * hold_time)
