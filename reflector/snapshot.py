"""The engine's state as the control protocol shows it: sessions, routes, counters, Loc-RIB changes.

Rule: reading changes nothing, and everything is text but what the FIB hands to the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import nsmallest

from reflector.engine import FAMILIES, Changes, Engine
from reflector.loc_rib import Selection, Transition, best, next_hops
from reflector.long_lived import stale_routes
from reflector.maximum_prefixes import warning
from reflector.messages import Counters, LocRibRoutes, LocRibUpdate, Peers, PeerStatus, Routes, RouteStatus, ShowRoutes
from reflector.path import Path
from reflector.peer import Peer
from reflector.plan import Family
from reflector.wire.attributes import Origin, format_as_path
from reflector.wire.communities import format_communities
from reflector.wire.nlri import contains, pack_nlri, prefix_order, unpack_address, unpack_nlri

# How many routes one frame of the Loc-RIB stream carries at most.
_ROUTES_PER_UPDATE = 2000


def peers_snapshot(engine: Engine, states: dict[str, str], now: float) -> Peers:
    """All sessions in the plan's order. `states` are the FSM states of those that are not Established."""
    return Peers(tuple(_peer_status(engine.peers[s.name], states, now) for s in engine.plan.sessions))


def _peer_status(peer: Peer, states: dict[str, str], now: float) -> PeerStatus:
    negotiated, counters, session = peer.negotiated, peer.counters, peer.session
    advertised = sum(peer.group.advertised.values()) if peer.group else 0
    return PeerStatus(
        name=peer.name,
        peer_address=session.peer_address,
        peer_as=session.peer_as,
        local_address=unpack_address(negotiated.local_address) if negotiated else session.local_address,
        kind=session.kind,
        session_type=session.session_type,
        rr_client=session.rr_client,
        state="Established" if negotiated else states.get(peer.name, "Idle"),
        since=now - peer.since,
        peer_node=session.peer_node,
        peer_router_id=unpack_address(negotiated.router_id) if negotiated else "",
        hold_time=negotiated.hold_time if negotiated else 0,
        families=negotiated.families if negotiated else session.families,
        flaps=counters.flaps,
        last_error=peer.last_error,
        received=sum(len(rib.routes) for rib in peer.adj_rib_in.values()),
        accepted=sum(rib.accepted() for rib in peer.adj_rib_in.values()),
        stale=sum(len(rib.stale) for rib in peer.adj_rib_in.values()),
        long_lived_stale=sum(map(stale_routes, peer.adj_rib_in.values())),
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
    )


def routes_snapshot(engine: Engine, request: ShowRoutes) -> Routes:
    """One page of best routes in prefix order. Raises ValueError for a bad `inside` or `after`."""
    family = request.family
    inside, after = _parse(request.inside, family), _parse(request.after, family)
    if request.limit < 1:
        raise ValueError(f"a page of {request.limit} routes: ask for at least one")
    begin = prefix_order(after) if after is not None else (b"", -1)
    wanted = (
        nlri
        for nlri, _ in engine.ribs[family].selections()
        if prefix_order(nlri) > begin and (inside is None or contains(inside, nlri))
    )
    # One more than the page tells whether there is another one.
    page = nsmallest(request.limit + 1, wanted, key=prefix_order)
    shown = page[: request.limit]
    routes = tuple(route for nlri in shown for route in _route_statuses(engine, family, nlri, request.all_paths))
    return Routes(routes, routes[-1].prefix if len(page) > request.limit else "")


def _parse(prefix: str, family: Family) -> bytes | None:
    """None for "". Raises ValueError for a bad prefix and for one of the other family."""
    if not prefix:
        return None
    nlri = pack_nlri(prefix)
    if (":" in prefix) != (family == 6):
        raise ValueError(f"{prefix} is not of the family that was asked for: IPv{family}")
    return nlri


def _route_statuses(engine: Engine, family: Family, nlri: bytes, all_paths: bool) -> Iterator[RouteStatus]:
    """The best route, and with `all_paths` the other candidates behind it."""
    rib = engine.ribs[family]
    best_path = rib.best(nlri)
    assert best_path is not None  # noqa: S101  only selected prefixes are shown
    others = [path for path in rib.candidates(nlri) if path is not best_path]
    for path in (best_path, *others) if all_paths else (best_path,):
        yield _route_status(path, nlri, len(others) + 1, selected=path is best_path)


def _route_status(path: Path, nlri: bytes, candidates: int, *, selected: bool) -> RouteStatus:
    attributes = path.attributes or path.received
    return RouteStatus(
        prefix=unpack_nlri(nlri, path.family),
        next_hop=unpack_address(attributes.next_hop) if attributes.next_hop else "",
        source=path.source,
        peer=path.peer.name if path.peer else "",
        local_pref=attributes.local_pref,
        as_path=format_as_path(attributes.as_path),
        origin=Origin(attributes.origin).name,
        med=attributes.med,
        communities=format_communities(attributes),
        originator_id=unpack_address(attributes.originator_id) if attributes.originator_id else "",
        cluster_list=tuple(map(unpack_address, attributes.cluster_list)),
        candidates=candidates,
        because=path.because,
        interface=path.interface,
        selected=selected,
    )


def counters_snapshot(engine: Engine, extra: dict[str, int], uptime: float) -> Counters:
    """Totals over all sessions; `extra` are those of the session layer."""
    peers = engine.peers.values()
    totals = {
        "sessions": len(engine.peers),
        "sessions_established": sum(peer.is_established for peer in peers),
        "prefixes": sum(len(rib.table) for rib in engine.ribs.values()),
        "decision_changes": engine.decision_changes,
        "next_hops": len(engine.next_hops),
        "next_hops_unresolvable": engine.next_hops.unresolvable(),
        "update_groups": len(engine.groups),
        "log_octets": sum(group.log.octets for group in engine.groups.values()),
        "slow_peers": sum(len(group.cut_off) for group in engine.groups.values()),
        "treated_as_withdrawn": sum(peer.counters.treated_as_withdrawn for peer in peers),
        "attributes_discarded": sum(peer.counters.attributes_discarded for peer in peers),
    }
    return Counters(totals | extra, uptime)


# ------------------------------------------------------------------------------------ Loc-RIB stream


def loc_rib_sync(engine: Engine) -> Iterator[tuple[tuple[LocRibRoutes, ...], bool]]:
    """The whole Loc-RIB in parts: routes, and whether this is the last part. At least one part."""
    grouped: dict[tuple[Family, Path, tuple[bytes, ...]], list[bytes]] = {}
    for family in FAMILIES:
        for nlri, selection in engine.ribs[family].selections():
            path = best(selection)
            if path is not None:
                grouped.setdefault((family, path, next_hops(selection)), []).append(nlri)
    pending: list[LocRibRoutes] = []
    count = 0
    for (_, path, hops), keys in grouped.items():
        for start in range(0, len(keys), _ROUTES_PER_UPDATE):
            part = keys[start : start + _ROUTES_PER_UPDATE]
            pending.append(_loc_rib_routes(path, hops, part))
            count += len(part)
            if count >= _ROUTES_PER_UPDATE:
                yield tuple(pending), False
                pending, count = [], 0
    yield tuple(pending), True


def loc_rib_changes(changes: Changes, sequence: int) -> LocRibUpdate | None:
    """A turn's changes for subscribers, None if there were none."""
    routes: list[LocRibRoutes] = []
    withdrawn: dict[Family, list[bytes]] = {4: [], 6: []}
    for family in FAMILIES:
        for (path, hops), keys in _newest(changes[family]).items():
            if path is None:
                withdrawn[family] += keys
            else:
                routes.append(_loc_rib_routes(path, hops, keys))
    if not routes and not any(withdrawn.values()):
        return None
    return LocRibUpdate(sequence, tuple(routes), tuple(withdrawn[4]), tuple(withdrawn[6]))


# What the FIB is told of a prefix: its best route and the next hops of all that are as good.
_Told = tuple[Path | None, tuple[bytes, ...]]


def _newest(changes: list[tuple[Transition, list[bytes]]]) -> dict[_Told, list[bytes]]:
    """What the FIB sees of the changes; a prefix that moved several times before the flush counts where it ended."""
    seen = [
        (_told(transition.after), keys)
        for transition, keys in changes
        if _told(transition.before) != _told(transition.after)
    ]
    newest: dict[_Told, list[bytes]] = {}
    if len(set().union(*(keys for _, keys in seen))) == sum(len(keys) for _, keys in seen):
        for told, keys in seen:
            newest.setdefault(told, []).extend(keys)
        return newest
    for nlri, told in {nlri: told for told, keys in seen for nlri in keys}.items():
        newest.setdefault(told, []).append(nlri)
    return newest


def _told(selection: Selection) -> _Told:
    return best(selection), next_hops(selection)


def _loc_rib_routes(path: Path, hops: tuple[bytes, ...], keys: list[bytes]) -> LocRibRoutes:
    return LocRibRoutes(
        family=path.family,
        source=path.source,
        session_type=path.session_type,
        next_hops=tuple(hop[:16] for hop in hops if hop),
        local_pref=path.local_pref,
        interface=path.interface,
        nlri=tuple(keys),
    )
