"""The engine's state as the control protocol shows it: sessions and counters.

Rule: reading changes nothing. What depends on every route is counted when it is asked for, path by path and in parts: a
turn looks at ROUTES_A_TURN routes at most.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice

from reflector.addresses import unpack_address
from reflector.engine import Engine
from reflector.inbound.long_lived import long_lived_stale
from reflector.inbound.maximum_prefixes import warning
from reflector.messages import Counters, Peers, PeerStatus, ShowPeers, drain_status
from reflector.peer import Peer
from reflector.plan import NodePlan
from reflector.rib.loc_rib import LocRib
from reflector.rib.path import Path
from reflector.session.set_up import NOT_BEGUN, SetUp, SetUps
from reflector.show.incremental import Incremental
from reflector.show.retained import seconds_left
from reflector.show.sessions import last_error
from reflector.verdict import RouteVerdict
from reflector.wire.message import MessageType

ALL_PEERS = ShowPeers()
ROUTES_A_TURN = 20_000
# What a session costs beside its routes, in routes.
_ROUTES_TO_A_SESSION = 300
# A prefix with several candidates costs more than one of a peer's many routes.
_PREFIXES_A_TURN = 1_000

_RECEIVED_TYPES = (MessageType.UPDATE, MessageType.KEEPALIVE, MessageType.NOTIFICATION, MessageType.ROUTE_REFRESH)


# ----------------------------------------------------------------------------------------------- peers


def peer_page(engine: Engine, set_ups: SetUps, now: float, request: ShowPeers = ALL_PEERS) -> Incremental[Peers]:
    """The sessions that are asked for; one that leaves the plan meanwhile is left out. `set_ups` are
    those of sessions that are not Established. Raises ValueError for a page that follows no session of the plan."""
    names, next_after = _page(engine.plan, request)
    statuses: list[PeerStatus] = []
    looked_at = 0
    for name in names:
        peer = engine.peers.get(name)
        if peer is None:
            continue
        verdicts = yield from _import_verdicts(peer)
        statuses.append(_peer_status(peer, verdicts, set_ups.get(name, NOT_BEGUN), now))
        looked_at += verdicts.total() + _ROUTES_TO_A_SESSION
        if looked_at >= ROUTES_A_TURN:
            looked_at = 0
            yield
    return Peers(tuple(statuses), drain_status(engine.drain_state, now), next_after)


def _page(plan: NodePlan, request: ShowPeers) -> tuple[list[str], str]:
    """The sessions of a page, and after which the next one begins, "" at the end."""
    names = [session.name for session in plan.sessions]
    if request.after:
        if request.after not in names:
            raise ValueError(f"there is no session {request.after} to go on after: begin with the first page")
        names = names[names.index(request.after) + 1 :]
    if request.names:
        wanted = set(request.names)
        names = [name for name in names if name in wanted]
    page = names[: request.limit or None]
    return page, page[-1] if len(page) < len(names) else ""


def _import_verdicts(peer: Peer) -> Incremental[Counter[RouteVerdict]]:
    """The routes of its Adj-RIB-Ins by what import made of them."""
    paths: Counter[Path] = Counter()
    for rib in list(peer.adj_rib_in.values()):
        routes = list(rib.routes.values())
        for start in range(0, len(routes), ROUTES_A_TURN):
            if start:
                yield
            paths.update(routes[start : start + ROUTES_A_TURN])
    verdicts: Counter[RouteVerdict] = Counter()
    for path, count in paths.items():
        verdicts[RouteVerdict.ACCEPTED if path.attributes is not None else path.verdict] += count
    return verdicts


def _peer_status(peer: Peer, verdicts: Counter[RouteVerdict], set_up: SetUp, now: float) -> PeerStatus:
    negotiated, counters, session = peer.negotiated, peer.counters, peer.session
    error = last_error(peer, set_up, now)
    advertised = sum(peer.group.encoder.advertised.values()) if peer.group else 0
    return PeerStatus(
        name=peer.name,
        peer_address=session.peer_address,
        peer_as=session.peer_as,
        local_address=unpack_address(negotiated.local_address) if negotiated else session.local_address,
        kind=session.kind,
        session_type=session.session_type,
        rr_client=session.rr_client,
        state="Established" if negotiated else set_up.state,
        since=now - peer.since,
        peer_node=session.peer_node,
        peer_router_id=unpack_address(negotiated.router_id) if negotiated else "",
        hold_time=negotiated.hold_time if negotiated else 0,
        families=negotiated.families if negotiated else session.families,
        flaps=counters.flaps,
        last_error=error.sentence,
        last_error_age=error.age,
        ended=peer.last_error,
        ended_age=now - peer.last_error_at if peer.last_error else 0.0,
        received=verdicts.total(),
        accepted=verdicts[RouteVerdict.ACCEPTED],
        stale=sum(len(rib.stale) for rib in peer.adj_rib_in.values()),
        long_lived_stale=sum(map(long_lived_stale, peer.adj_rib_in.values())),
        best=peer.best,
        advertised=advertised,
        updates_in=counters.updates_in,
        updates_out=counters.updates_out + peer.outbox.messages,
        bytes_in=counters.bytes_in,
        bytes_out=counters.bytes_out,
        queued=peer.outbox.octets,
        cut_offs=counters.cut_offs,
        warning=warning(peer),
        prefix_warnings=counters.prefix_warnings,
        prefixes_dropped=counters.prefixes_dropped,
        not_accepted={
            verdict.value: count for verdict, count in verdicts.items() if verdict is not RouteVerdict.ACCEPTED
        },
        messages_in={_type_name(kind): counters.received[kind] for kind in _RECEIVED_TYPES},
        messages_out=_messages_out(peer),
        treated_as_withdrawn=counters.treated_as_withdrawn,
        attributes_discarded=counters.attributes_discarded,
        last_error_code=peer.last_error_code,
        hold_left=max(0.0, peer.received_at + negotiated.hold_time - now)
        if negotiated and negotiated.hold_time
        else 0.0,
        stale_left=seconds_left(peer, now),
        last_heard=now - peer.received_at if counters.established else None,
        attempts_failed={obstacle.value: count for obstacle, count in set_up.failures.items()}
        if set_up.failures
        else {},
    )


def _messages_out(peer: Peer) -> dict[str, int]:
    counters = peer.counters
    return {
        "UPDATE": counters.updates_out + peer.outbox.messages,
        "KEEPALIVE": counters.keepalives_out,
        "NOTIFICATION": counters.notifications_out,
        "ROUTE-REFRESH": counters.route_refreshes_out,
    }


def _type_name(kind: MessageType) -> str:
    return kind.name.replace("_", "-")


# -------------------------------------------------------------------------------------------- counters


def counters_snapshot(engine: Engine, extra: dict[str, int], uptime: float) -> Counters:
    """Totals over all sessions; `extra` are those of the session layer."""
    peers = engine.peers.values()
    totals = {
        "sessions": len(engine.peers),
        "sessions_established": sum(peer.is_established for peer in peers),
        "prefixes": sum(len(rib.table) for rib in engine.ribs.values()),
        "decision_changes": engine.turn.decision_changes,
        "next_hops": len(engine.next_hops),
        "next_hops_unresolvable": engine.next_hops.unresolvable(),
        "update_groups": len(engine.groups),
        "log_octets": sum(group.log.octets for group in engine.groups.values()),
        "slow_peers": sum(len(group.cut_off) for group in engine.groups.values()),
        "treated_as_withdrawn": sum(peer.counters.treated_as_withdrawn for peer in peers),
        "attributes_discarded": sum(peer.counters.attributes_discarded for peer in peers),
    }
    return Counters(totals | extra, uptime)


def decision_losses(engine: Engine) -> Incremental[dict[str, int]]:
    """How many candidates lost, by the step they lost at. Prefixes with the same candidates are decided once."""
    losses: Counter[RouteVerdict] = Counter()
    for rib in engine.ribs.values():
        known: dict[tuple[Path, ...], Counter[RouteVerdict]] = {}
        keys = iter(list(rib.table))
        while part := list(islice(keys, _PREFIXES_A_TURN)):
            for nlri in part:
                candidates = tuple(rib.candidates(nlri))
                if len(candidates) > 1:
                    if candidates not in known:
                        known[candidates] = _lost(rib, nlri)
                    losses.update(known[candidates])
            yield
    return {verdict.value: count for verdict, count in losses.items()}


def _lost(rib: LocRib, nlri: bytes) -> Counter[RouteVerdict]:
    return Counter(verdict for verdict in rib.verdicts(nlri).values() if verdict is not RouteVerdict.BEST)
