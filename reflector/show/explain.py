"""Why a route is or is not there: everything that this speaker has of one prefix, each with its verdict.

    received    every route in the Adj-RIB-Ins, and our own: refused by import and why, lost at which step, or best;
                and what was left out beyond a peer's maximum of prefixes
    related     routes to prefixes around it and inside it (related_routes)
    advertised  every Established peer: advertised and as what, or withheld and why

Rule: the answers come from the functions that decide (decision.explain_decision, ExportView.decide), called once more;
nothing is kept for the sake of being explained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import structs

from reflector.addresses import family_of, unpack_address
from reflector.engine import Engine
from reflector.messages import CandidateStatus, Explanation, ExportStatus
from reflector.peer import Peer
from reflector.plan import Family, RouteSource
from reflector.policy.export import ExportDecision
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.rib.path import Path
from reflector.show.incremental import Incremental
from reflector.show.related_routes import related
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import Origin, format_as_path
from reflector.wire.communities import format_communities
from reflector.wire.nlri import pack_nlri, unpack_nlri, wider

_KEYS_A_TURN = 20_000


def explain(engine: Engine, prefix: str) -> Incremental[Explanation]:
    """Raises ValueError for text that is no prefix."""
    nlri = pack_nlri(prefix)
    family = family_of(prefix)
    sent = yield from _received(engine, family, nlri)
    verdicts = engine.ribs[family].verdicts(nlri)
    ours = [path for path in verdicts if path.sender is None]
    received = [*((path, False, path.path_id) for path in ours), *sent]
    others = yield from related(engine, family, nlri)
    return Explanation(
        prefix=unpack_nlri(nlri, family),
        candidates=(
            *(
                _candidate(engine, path, verdicts.get(path, path.verdict), path_id, stale=stale)
                for path, stale, path_id in received
            ),
            *_left_out(engine, family, nlri),
        ),
        exports=tuple(_exports(engine, family, nlri)),
        covered_by=_covering(engine, family, nlri) if not verdicts else "",
        covering=others.covering,
        inside=others.inside,
        more=others.more,
    )


def _received(engine: Engine, family: Family, nlri: bytes) -> Incremental[list[tuple[Path, bool, int]]]:
    """What peers have sent for the prefix, accepted or not, whether it is stale, and its path identifier."""
    found: list[tuple[AdjRibIn, bytes]] = []
    for peer in list(engine.peers.values()):
        rib = peer.adj_rib_in.get(family)
        if rib is not None:
            keys = (yield from _keys_of(rib, nlri)) if rib.has_path_ids else (nlri,)
            found += [(rib, key) for key in keys]
    return [(rib.routes[key], key in rib.stale, rib.path_id(key)) for rib, key in found if key in rib.routes]


def _keys_of(rib: AdjRibIn, nlri: bytes) -> Incremental[Sequence[bytes]]:
    """With path identifiers in front, any key may be of this prefix."""
    keys, found = list(rib.routes), []
    for start in range(0, len(keys), _KEYS_A_TURN):
        found += [key for key in keys[start : start + _KEYS_A_TURN] if key.endswith(nlri) and rib.nlri(key) == nlri]
        yield
    return found


def _left_out(engine: Engine, family: Family, nlri: bytes) -> Iterator[CandidateStatus]:
    """Routes that were not kept because their peers sent too many."""
    for peer in engine.peers.values():
        if family in peer.prefix_counts and nlri in map(
            peer.adj_rib_in[family].nlri, peer.prefix_counts[family].left_out
        ):
            over = RouteVerdict.OVER_LIMIT.value
            yield CandidateStatus(peer.name, over, RouteSource.BGP, peer_node=peer.session.peer_node)


def _candidate(engine: Engine, path: Path, verdict: RouteVerdict, path_id: int, *, stale: bool) -> CandidateStatus:
    attributes = path.attributes or path.imported or path.received
    return CandidateStatus(
        peer=path.sender.name if path.sender else "",
        verdict=verdict.value,
        source=path.source,
        rule=path.rule,
        next_hop=_address(attributes.next_hop),
        local_pref=attributes.local_pref,
        origin=Origin(attributes.origin).name,
        med=attributes.med,
        as_path=format_as_path(attributes.as_path),
        originator_id=_address(attributes.originator_id),
        cluster_list=tuple(map(unpack_address, attributes.cluster_list)),
        communities=format_communities(attributes),
        path_id=path_id,
        cost=path.cost,
        stale=stale,
        peer_node=engine.peers[path.sender.name].session.peer_node if path.sender else "",
    )


def _exports(engine: Engine, family: Family, nlri: bytes) -> Iterator[ExportStatus]:
    prefix_class = engine.policies.classes[family].classify(nlri)
    selection = engine.ribs[family].selection(nlri)
    for peer in engine.peers.values():
        group = peer.group
        if group is None or family not in group.view.key.families:
            continue
        advertised = group.encoder.paths_of(family, selection)
        for identifier, path in advertised.items():
            yield _export(peer, path, group.view.decide(path, prefix_class), identifier)
        if family in group.view.key.add_path:
            yield from _beyond_limit(peer, engine.ribs[family].candidates(nlri), list(advertised.values()))


def _beyond_limit(peer: Peer, candidates: list[Path], advertised: list[Path]) -> Iterator[ExportStatus]:
    """RFC 7911: what an add-path peer is not advertised because it has reached its limit."""
    for path in candidates:
        if path not in advertised:
            yield _export(peer, path, ExportDecision(RouteVerdict.BEYOND_LIMIT, "", None), path.identifier.octets)


def _export(peer: Peer, path: Path, decision: ExportDecision, identifier: bytes) -> ExportStatus:
    status = ExportStatus(
        peer.name,
        decision.verdict.value,
        decision.rule,
        peer_node=peer.session.peer_node,
        source=path.sender.name if path.sender else "",
        path_id=int.from_bytes(identifier, "big"),
    )
    sent = decision.attributes
    if sent is None:
        return status
    return structs.replace(
        status,
        next_hop=_address(sent.next_hop),
        local_pref=sent.local_pref,
        med=sent.med,
        as_path=format_as_path(sent.as_path),
        communities=format_communities(sent),
    )


def _covering(engine: Engine, family: Family, nlri: bytes) -> str:
    table = engine.ribs[family].table
    return next((unpack_nlri(outer, family) for outer in wider(nlri) if outer in table), "")


def _address(packed: bytes) -> str:
    return unpack_address(packed) if packed else ""
