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
from reflector.session.relation import Relation
from reflector.session.sender import Sender

EXTERNAL_PATHS = 64
INTERNAL_PATHS = 256


def limit_for(sender: Sender | None) -> int:
    return EXTERNAL_PATHS if sender is not None and sender.relation is Relation.EBGP else INTERNAL_PATHS


def rule_of(sender: Sender | None) -> str:
    return f"more than {limit_for(sender)} paths of one prefix"


def has_room(loc_rib: LocRib, nlri: bytes, sender: Sender | None) -> bool:
    """Whether one more candidate of this prefix may come from this peer."""
    return loc_rib.candidates_from(nlri, sender.name if sender is not None else "") < limit_for(sender)


def beyond(rib: AdjRibIn, loc_rib: LocRib, sender: Sender | None, keys: list[bytes]) -> list[bytes]:
    """Those of these keys that would be candidates of this peer too many, if they came in this order."""
    room: dict[bytes, int] = {}
    found: list[bytes] = []
    limit, name = limit_for(sender), sender.name if sender is not None else ""
    for key in dict.fromkeys(keys):
        if not _is_candidate(rib, key):
            nlri = rib.nlri(key)
            left = room[nlri] if nlri in room else limit - loc_rib.candidates_from(nlri, name)
            room[nlri] = left - 1
            if left <= 0:
                found.append(key)
    return found


def _is_candidate(rib: AdjRibIn, key: bytes) -> bool:
    former = rib.routes.get(key)
    return former is not None and former.attributes is not None
