"""Routes of this node itself, as its originations ask for them.

Rule: a local route's kernel metric travels as LOCAL_PREF = PRIORITY_BASE - metric, so that the receiving node can
install it with the metric it has here. Its next hop stays empty: each peer is given our own address on its session.
"""

from __future__ import annotations

from collections.abc import Iterable

from reflector.addresses import family_of, pack_address
from reflector.plan import PRIORITY_BASE, Family, Origination
from reflector.rib.decision import decide
from reflector.rib.path import Path
from reflector.wire.attributes import Origin, PathAttributes, intern_attributes
from reflector.wire.communities import add_community
from reflector.wire.nlri import pack_nlri


def originated_paths(
    originations: Iterable[Origination], present: dict[Family, dict[bytes, Path]]
) -> dict[Family, dict[bytes, Path]]:
    """Originations by family and NLRI. An unchanged one keeps its path of `present`. Of several for one prefix the
    decision process would use the best only, so only that becomes a path. Raises ValueError for text that is no prefix,
    address or community."""
    result: dict[Family, dict[bytes, Path]] = {4: {}, 6: {}}
    for origination in originations:
        family = family_of(origination.prefix)
        nlri = pack_nlri(origination.prefix)
        attributes = _attributes(origination)
        rival = result[family].get(nlri)
        known = present[family].get(nlri)
        if known is None or known.attributes is not attributes or not _same(known, origination):
            known = Path(None, family, attributes, attributes, rule=origination.defined_by)
            known.source = origination.source
            known.interface = origination.interface
        result[family][nlri] = known if rival is None else decide((rival, known)).best
    return result


def _same(path: Path, origination: Origination) -> bool:
    return (path.source, path.interface, path.rule) == (
        origination.source,
        origination.interface,
        origination.defined_by,
    )


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
