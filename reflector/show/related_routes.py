"""The routes around a prefix and inside it: of every Adj-RIB-In, refused ones too, and this node's own.

Rule: what forwards a packet may be any prefix that covers its address, and what takes it away one that is more
specific. So both are shown, each with its verdict, in bounded number and bounded work for a turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reflector.addresses import MAX_BITS, unpack_address
from reflector.engine import Engine
from reflector.messages import RelatedRoute
from reflector.plan import Family
from reflector.rib.path import Path
from reflector.show.incremental import Incremental
from reflector.wire.nlri import unpack_nlri, wider

# So many are shown of either kind.
MOST = 50
_KEYS_A_TURN = 5_000


class Related(NamedTuple):
    """`covering` the longest first, `inside` in prefix order; `more` there are of both."""

    covering: tuple[RelatedRoute, ...]
    inside: tuple[RelatedRoute, ...]
    more: int


class _Found(NamedTuple):
    nlri: bytes
    path: Path
    is_stale: bool


def related(engine: Engine, family: Family, nlri: bytes) -> Incremental[Related]:
    covering = list(_own(engine, family, wider(nlri)))
    around, has_inside = frozenset(wider(nlri)), nlri[0] < MAX_BITS[family]
    inside: list[_Found] = []
    left_out = 0
    prefixes = list(engine.ribs[family].table) if has_inside else []
    for start in range(0, len(prefixes), _KEYS_A_TURN):
        part = prefixes[start : start + _KEYS_A_TURN]
        inside += _own(engine, family, (each for each in part if _is_inside(each, nlri)))
        left_out += _cut(inside)
        yield
    for peer in list(engine.peers.values()):
        rib = peer.adj_rib_in.get(family)
        if rib is None:
            continue
        if rib.has_path_ids or has_inside:
            keys = list(rib.routes)
            for start in range(0, len(keys), _KEYS_A_TURN):
                for key in keys[start : start + _KEYS_A_TURN]:
                    other = rib.nlri(key)
                    where = covering if other in around else inside if _is_inside(other, nlri) else None
                    if where is not None and key in rib.routes:
                        where.append(_Found(other, rib.routes[key], key in rib.stale))
                left_out += _cut(inside)
                yield
        else:
            covering += [_Found(key, rib.routes[key], key in rib.stale) for key in around if key in rib.routes]
    covering.sort(key=lambda found: -found.nlri[0])
    more = max(len(covering) - MOST, 0) + left_out + _cut(inside)
    return Related(
        tuple(_status(engine, family, found) for found in covering[:MOST]),
        tuple(_status(engine, family, found) for found in inside),
        more,
    )


def _cut(inside: list[_Found]) -> int:
    """Keep the first MOST in prefix order; how many went."""
    inside.sort(key=lambda found: (found.nlri[1:], found.nlri[0]))
    went = max(len(inside) - MOST, 0)
    del inside[MOST:]
    return went


def _own(engine: Engine, family: Family, prefixes: Iterator[bytes]) -> Iterator[_Found]:
    """This node's own routes to these."""
    rib = engine.ribs[family]
    for nlri in list(prefixes):
        if nlri in rib.table:
            yield from (_Found(nlri, path, False) for path in rib.candidates(nlri) if path.sender is None)


def _is_inside(inner: bytes, outer: bytes) -> bool:
    """Whether the prefix is more specific than the other one."""
    bits = outer[0]
    if inner[0] <= bits:
        return False
    whole = 1 + (bits >> 3)
    if inner[1:whole] != outer[1:whole]:
        return False
    rest = bits & 7
    return not rest or inner[whole] >> (8 - rest) == outer[whole] >> (8 - rest)


def _status(engine: Engine, family: Family, found: _Found) -> RelatedRoute:
    path = found.path
    attributes = path.attributes or path.imported or path.received
    verdict = engine.ribs[family].verdicts(found.nlri).get(path, path.verdict)
    peer = engine.peers.get(path.sender.name) if path.sender else None
    return RelatedRoute(
        prefix=unpack_nlri(found.nlri, family),
        peer=path.sender.name if path.sender else "",
        verdict=verdict.value,
        source=path.source,
        rule=path.rule,
        next_hop=unpack_address(attributes.next_hop) if attributes.next_hop else "",
        stale=found.is_stale,
        peer_node=peer.session.peer_node if peer else "",
    )
