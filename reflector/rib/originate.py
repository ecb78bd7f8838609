"""Routes of this node itself, as its originations ask for them.

Rule: a local route's kernel metric travels as LOCAL_PREF = PRIORITY_BASE - metric, so that the receiving node can
install it with the metric it has here. Its next hop stays empty: each peer is given our own address on its session.
An origination that is the same as before keeps its path, and costs no more than to find it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reflector.addresses import FAMILIES, family_of, pack_address
from reflector.plan import PRIORITY_BASE, Family, Origination
from reflector.rib.decision import decide
from reflector.rib.path import Path
from reflector.wire.attributes import Origin, PathAttributes, intern_attributes
from reflector.wire.communities import add_community
from reflector.wire.nlri import pack_nlri


class OriginatedRoute(NamedTuple):
    """What an origination puts into the Loc-RIB."""

    family: Family
    nlri: bytes
    path: Path


NONE_KNOWN: Mapping[Origination, OriginatedRoute] = {}


def originated_routes(
    originations: Iterable[Origination], known: Mapping[Origination, OriginatedRoute] = NONE_KNOWN
) -> dict[Origination, OriginatedRoute]:
    """Each origination with its route. Raises ValueError for text that is no prefix, address or community."""
    return {each: known.get(each) or _originated(each) for each in originations}


def by_prefix(routes: Iterable[OriginatedRoute]) -> dict[Family, dict[bytes, Path]]:
    """By family and NLRI. Of several for one prefix the decision process would use the best only, so that one stays."""
    result: dict[Family, dict[bytes, Path]] = {family: {} for family in FAMILIES}
    for family, nlri, path in routes:
        rival = result[family].get(nlri)
        result[family][nlri] = path if rival is None else decide((rival, path)).best
    return result


def _originated(origination: Origination) -> OriginatedRoute:
    family = family_of(origination.prefix)
    attributes = _attributes(origination)
    path = Path(None, family, attributes, attributes, rule=origination.defined_by)
    path.source = origination.source
    path.interface = origination.interface
    return OriginatedRoute(family, pack_nlri(origination.prefix), path)


def _attributes(origination: Origination) -> PathAttributes:
    if not 0 <= origination.priority <= PRIORITY_BASE:
        raise ValueError(f"{origination.prefix}: a priority of {origination.priority} is no kernel metric")
    if origination.next_hop and family_of(origination.next_hop) != family_of(origination.prefix):
        raise ValueError(f"{origination.prefix}: the next hop {origination.next_hop} is of the other family")
    attributes = intern_attributes(
        origin=Origin.IGP,
        next_hop=pack_address(origination.next_hop) if origination.next_hop else b"",
        local_pref=PRIORITY_BASE - origination.priority,
    )
    for community in origination.communities:
        attributes = add_community(attributes, community)
    return attributes
