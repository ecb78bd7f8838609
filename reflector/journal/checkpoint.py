"""The beginning of a journal in the middle of a speaker's life: events that lead a new engine to where this one is.

Rule: the same candidates, accepted or not, stale or not, hence the same Loc-RIB, and the same timers of what is stale.
Counters, what peers were advertised before, and what was left out beyond a limit are not part of it. A peer's limit
counts only once its routes are there, as it did when they came; of a session that is down only what lets its routes
stay is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from math import ceil

from msgspec import structs

from reflector.engine import Engine
from reflector.events import (
    Event,
    Flushed,
    OriginationsReplaced,
    PlanApplied,
    Received,
    SessionDown,
    SessionUp,
    StageChanged,
    Started,
)
from reflector.journal.journal_format import without_passwords
from reflector.peer import Peer
from reflector.plan import Family, NodePlan
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.rib.path import Path
from reflector.session.ending import Ending
from reflector.session.negotiated import GracefulRestart, LongLived, Negotiated
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.message import HEADER_LENGTH, MAX_EXTENDED_LENGTH, MessageType
from reflector.wire.update import BEGIN_OF_REFRESH, announcements, end_of_rib, route_refresh


def checkpoint(engine: Engine, now: float, began: float) -> Iterator[Event]:
    """`began` is `now` in seconds since the epoch."""
    plan = without_passwords(engine.plan)
    yield Started(_without_limits(plan), now, began)
    for name, originations in engine.originations.sets.items():
        yield OriginationsReplaced(name, originations)
    if (drain := engine.drain_state).is_draining:
        yield StageChanged(drain.stage, drain.reason, drain.since)
    for peer in engine.peers.values():
        yield from _lost(peer)
        if peer.negotiated is not None:
            yield SessionUp(peer.name, peer.negotiated, peer.since)
            for rib in peer.adj_rib_in.values():
                yield from _sent(peer, peer.negotiated, rib)
            for family in sorted(peer.end_of_rib):
                yield Received(peer.name, MessageType.UPDATE, end_of_rib(family)[HEADER_LENGTH:], peer.since)
            yield Received(peer.name, MessageType.KEEPALIVE, b"", peer.received_at)
    yield PlanApplied(plan, now)
    yield Flushed(now)


def _without_limits(plan: NodePlan) -> NodePlan:
    return structs.replace(
        plan, sessions=tuple(structs.replace(session, maximum_prefixes=None) for session in plan.sessions)
    )


def _lost(peer: Peer) -> Iterator[Event]:
    """What outlived a session (RFC 4724, RFC 9494): the session comes up, brings it and is lost."""
    ribs = [rib for rib in peer.adj_rib_in.values() if rib.stale_since is not None]
    if ribs:
        since, session = _that_lets_stay(peer, ribs)
        yield SessionUp(peer.name, session, since)
        for rib in ribs:
            yield from _announcements(peer, session, rib, rib.stale, since)
        yield SessionDown(peer.name, peer.last_error, since, Ending.LOST)


def _that_lets_stay(peer: Peer, ribs: list[AdjRibIn]) -> tuple[float, Negotiated]:
    """When two ends have lost each other, and what they had negotiated, if their routes are now as stale as these. The
    times of a capability are whole seconds."""
    since = min(rib.stale_since for rib in ribs if rib.stale_since is not None)
    restarting = [rib for rib in ribs if not rib.is_long_lived]
    end = max(rib.stale_until for rib in restarting or ribs)
    time = ceil(end - since)
    if peer.is_established:
        # It is Established anew, and the time that it may take now is counted from there.
        time = 1
    else:
        since = end - time
    families = frozenset(rib.family for rib in restarting)
    times = {rib.family: round(rib.long_lived_until - since - (rib.family in families) * time) for rib in ribs}
    was = peer.negotiated or Negotiated(peer.sender.router_id, peer.sender.local_address, (), 0)
    return since, was._replace(
        families=tuple(rib.family for rib in ribs),
        add_path_receive=frozenset(rib.family for rib in ribs if rib.has_path_ids),
        graceful_restart=GracefulRestart(time, False, families, families),
        long_lived=LongLived({family: left for family, left in times.items() if left > 0}, frozenset(times)),
    )


def _sent(peer: Peer, negotiated: Negotiated, rib: AdjRibIn) -> Iterator[Event]:
    """What the session has brought; what a refresh that is under way has yet to bring comes before its mark
    (RFC 7313 4)."""
    expected = set(rib.expected())
    if expected:
        yield from _announcements(peer, negotiated, rib, expected, peer.since)
        mark = route_refresh(rib.family, BEGIN_OF_REFRESH)
        yield Received(peer.name, MessageType.ROUTE_REFRESH, mark[HEADER_LENGTH:], peer.since)
    others = rib.routes.keys() - rib.stale - expected
    yield from _announcements(peer, negotiated, rib, others, peer.since)


def _announcements(
    peer: Peer, negotiated: Negotiated, rib: AdjRibIn, chosen: Set[bytes], now: float
) -> Iterator[Event]:
    by_path: dict[Path, list[bytes]] = {}
    for key, path in rib.routes.items():
        if key in chosen:
            by_path.setdefault(path, []).append(key)
    for path, keys in by_path.items():
        for body in _bodies(rib.family, path, keys, negotiated):
            yield Received(peer.name, MessageType.UPDATE, body, now)


def _bodies(family: Family, path: Path, keys: list[bytes], negotiated: Negotiated) -> Iterator[bytes]:
    block = encode_attributes(path.received, four_octet_as=negotiated.four_octet_as)
    for message in announcements(family, block, path.received.next_hop, keys, MAX_EXTENDED_LENGTH):
        yield message[HEADER_LENGTH:]
