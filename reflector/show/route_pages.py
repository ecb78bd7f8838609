"""Pages of routes as people read them: of the Loc-RIB, of one peer's Adj-RIB-In, of one peer's Adj-RIB-Out.

Rule: a route is shown as it is when its row is made, with the verdict of the function that decides; a turn makes
ROWS_A_TURN rows at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec import structs

from reflector.addresses import unpack_address
from reflector.engine import Engine
from reflector.messages import Routes, RouteStatus, ShowRoutes, Table
from reflector.plan import Family
from reflector.rib.path import Path
from reflector.show.incremental import Incremental
from reflector.show.key_order import KeyOrders, Order, Place, sort_keys
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import Origin, PathAttributes, format_as_path
from reflector.wire.communities import format_communities
from reflector.wire.nlri import pack_nlri, unpack_nlri

MOST_ROWS = 1000
ROWS_A_TURN = 100

Rows = Callable[[Place], Sequence[RouteStatus]]


def route_page(engine: Engine, request: ShowRoutes, orders: KeyOrders) -> Incremental[Routes]:
    """One page; `orders` keeps what is left for the next one. Raises ValueError for a bad `inside`, `after`, `limit`
    or `peer`."""
    if request.limit < 1:
        raise ValueError(f"a page of {request.limit} routes: ask for at least one")
    keys, has_path_ids, rows_of = _table(engine, request)
    inside = _parse(request.inside, request.family)
    rest = orders.resume(request)
    if rest is None:
        after = _parse_after(request)
        rest = yield from sort_keys(keys(), request.family, has_path_ids=has_path_ids, inside=inside, after=after)
    order, limit = Order(request.family), min(request.limit, MOST_ROWS)
    rows: list[RouteStatus] = []
    places = 0
    for looked_at, packed in enumerate(rest, 1):
        if looked_at % ROWS_A_TURN == 0:
            yield
        place = order.unpack(packed)
        found = rows_of(place)
        if found and places == limit:
            next_after = _place_text(rows[-1], has_path_ids=has_path_ids)
            orders.keep(request, next_after, rest, packed)
            return Routes(tuple(rows), next_after)
        rows += found
        places += bool(found)
    return Routes(tuple(rows))


def _place_text(row: RouteStatus, *, has_path_ids: bool) -> str:
    return f"{row.prefix} {row.path_id}" if has_path_ids else row.prefix


def _parse_after(request: ShowRoutes) -> bytes:
    prefix, _, path_id = request.after.partition(" ")
    nlri = _parse(prefix, request.family)
    if nlri is None:
        return b""
    if path_id and not (path_id.isdecimal() and int(path_id) < 2**32):
        raise ValueError(f"{path_id!r} is no path identifier")
    # A bare prefix stands behind all of its paths.
    identifier = int(path_id).to_bytes(4, "big") if path_id else b"\xff" * 4
    return Order(request.family).pack(Place(nlri, identifier))


def _parse(prefix: str, family: Family) -> bytes | None:
    """None for "". Raises ValueError for a bad prefix and for one of the other family."""
    if not prefix:
        return None
    nlri = pack_nlri(prefix)
    if (":" in prefix) != (family == 6):
        raise ValueError(f"{prefix} is not of the family that was asked for: IPv{family}")
    return nlri


# ---------------------------------------------------------------------------------------------- tables


def _table(engine: Engine, request: ShowRoutes) -> tuple[Callable[[], Sequence[bytes]], bool, Rows]:
    """The keys of the table, whether path identifiers stand in front of them, and what makes rows of one."""
    loc_rib_prefixes = engine.ribs[request.family].prefixes
    if request.table is Table.LOC_RIB:
        return loc_rib_prefixes, False, lambda place: _loc_rib_rows(engine, request, place.nlri)
    peer = engine.peers.get(request.peer)
    if peer is None:
        raise ValueError(f"there is no session {request.peer!r}")
    if request.table is Table.ADVERTISED:
        if peer.group is None:
            raise ValueError(f"{peer.name} is not Established: nothing is advertised to it")
        return loc_rib_prefixes, False, lambda place: _advertised_rows(engine, request, place.nlri)
    rib = peer.adj_rib_in.get(request.family)
    if rib is None:
        return tuple, False, lambda _: ()
    return partial(list, rib.routes), rib.has_path_ids, lambda place: _received_rows(engine, request, place)


def _loc_rib_rows(engine: Engine, request: ShowRoutes, nlri: bytes) -> Sequence[RouteStatus]:
    rib = engine.ribs[request.family]
    best = rib.best(nlri)
    if best is None or (request.peer and _peer_name(best) != request.peer):
        return ()
    if not request.all_paths:
        return (_row(engine, nlri, best, best.attributes or best.received, RouteVerdict.BEST),)
    verdicts = rib.verdicts(nlri)
    paths = (best, *(path for path in verdicts if path is not best))
    return [
        _row(engine, nlri, path, path.attributes or path.received, verdicts.get(path, RouteVerdict.BEST))
        for path in paths
    ]


def _received_rows(engine: Engine, request: ShowRoutes, place: Place) -> Sequence[RouteStatus]:
    peer = engine.peers.get(request.peer)
    rib = peer.adj_rib_in.get(request.family) if peer else None
    path = rib.routes.get(place.key) if rib else None
    if rib is None or path is None:
        return ()
    verdict = path.verdict if path.attributes is None else _decision_verdict(engine, place.nlri, path)
    row = _row(engine, place.nlri, path, path.received, verdict)
    return (structs.replace(row, path_id=path.path_id),)


def _advertised_rows(engine: Engine, request: ShowRoutes, nlri: bytes) -> Sequence[RouteStatus]:
    """Of an add-path peer every path that it is advertised, with the identifiers that we gave them (RFC 7911)."""
    peer = engine.peers.get(request.peer)
    if peer is None or peer.group is None or request.family not in peer.group.view.key.families:
        return ()
    prefix_class = engine.policies.classes[request.family].classify(nlri)
    paths = peer.group.encoder.paths_of(request.family, engine.ribs[request.family].selection(nlri))
    decisions = [(identifier, path, peer.group.view.decide(path, prefix_class)) for identifier, path in paths.items()]
    return [
        structs.replace(
            _row(engine, nlri, path, decision.attributes, decision.verdict),
            rule=decision.rule,
            path_id=int.from_bytes(identifier, "big"),
        )
        for identifier, path, decision in decisions
        if decision.attributes is not None
    ]


def _decision_verdict(engine: Engine, nlri: bytes, path: Path) -> RouteVerdict:
    """Of an accepted route; ACCEPTED before the turn has ended in which it came."""
    return engine.ribs[path.family].verdicts(nlri).get(path, path.verdict)


def _row(
    engine: Engine,
    nlri: bytes,
    path: Path,
    attributes: PathAttributes,
    verdict: RouteVerdict,
) -> RouteStatus:
    return RouteStatus(
        prefix=unpack_nlri(nlri, path.family),
        next_hop=unpack_address(attributes.next_hop) if attributes.next_hop else "",
        source=path.source,
        peer=_peer_name(path),
        local_pref=attributes.local_pref,
        as_path=format_as_path(attributes.as_path),
        origin=Origin(attributes.origin).name,
        med=attributes.med,
        communities=format_communities(attributes),
        originator_id=unpack_address(attributes.originator_id) if attributes.originator_id else "",
        cluster_list=tuple(map(unpack_address, attributes.cluster_list)),
        candidates=len(engine.ribs[path.family].candidates(nlri)),
        rule=path.rule,
        interface=path.interface,
        selected=path is engine.ribs[path.family].best(nlri),
        verdict=verdict.value,
        stale=_is_stale(engine, path, nlri),
    )


def _is_stale(engine: Engine, path: Path, nlri: bytes) -> bool:
    """Its session is down, or was and the peer has yet to send the route (RFC 4724 4.2)."""
    rib = engine.peers[path.sender.name].adj_rib_in.get(path.family) if path.sender else None
    return rib is not None and rib.key(nlri, path.path_id) in rib.stale


def _peer_name(path: Path) -> str:
    return path.sender.name if path.sender else ""
