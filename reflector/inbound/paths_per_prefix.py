"""Paths per prefix: how many candidates of one prefix a peer with add-path may have (RFC 7911).

Rule: each turn weighs all candidates of a prefix that changed, so their number is what one octet of an UPDATE can cost.
A path beyond the limit stays in the Adj-RIB-In, not accepted, with a verdict of its own; it becomes a candidate as soon
as one of the same prefix and peer goes, the newest first. One that takes the place of another with the
same path identifier is never over the limit. Prefixes with few candidates are not looked at.

    from            paths of one prefix
    an eBGP peer    64: more next hops than any router balances over
    an iBGP peer    256: a reflector sends the path of every node that has a service address
"""

from __future__ import annotations

from reflector.rib.adj_rib_in import AdjRibIn
from reflector.rib.loc_rib import LocRib
from reflector.rib.path import Path
from reflector.session.relation import Relation

EXTERNAL_PATHS = 64
INTERNAL_PATHS = 256


def limit_for(path: Path) -> int:
    return EXTERNAL_PATHS if path.relation is Relation.EBGP else INTERNAL_PATHS


def rule_of(path: Path) -> str:
    return f"more than {limit_for(path)} paths of one prefix"


def has_room(loc_rib: LocRib, nlri: bytes, path: Path) -> bool:
    """Whether one more candidate of this prefix may come from the path's sender."""
    sender = path.sender.name if path.sender is not None else ""
    return loc_rib.candidates_from(nlri, sender) < limit_for(path)


def beyond(rib: AdjRibIn, loc_rib: LocRib, path: Path, keys: list[bytes]) -> list[bytes]:
    """Those of these keys, all of other prefixes, that would be one candidate too many."""
    if loc_rib.crowded.isdisjoint(rib.nlris(keys)):
        return []
    return [key for key in keys if not _is_candidate(rib, key) and not has_room(loc_rib, rib.nlri(key), path)]


def _is_candidate(rib: AdjRibIn, key: bytes) -> bool:
    former = rib.routes.get(key)
    return former is not None and former.attributes is not None
