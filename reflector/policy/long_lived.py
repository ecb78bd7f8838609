"""Long-lived stale routes (RFC 9494): the least preferred ones, by the community LLGR_STALE.

Rule: a route is long-lived stale if it has the community, whoever attached it. The decision process prefers any other
route (4.3, decision), and no policy removes the community:

    advertised to           a route with LLGR_STALE
    a peer with LLGR        as it is
    an iBGP peer without    with NO_EXPORT and LOCAL_PREF 0, so that it is the least preferred there, too (4.6)
    an eBGP peer without    not at all (4.3)

When the community is attached here is in inbound/long_lived.
"""

from __future__ import annotations

from reflector.rib.path import Path
from reflector.wire.attributes import LLGR_STALE, NO_EXPORT, PathAttributes

RULE = "long-lived stale: LLGR_STALE (RFC 9494)"


def marked_stale(attributes: PathAttributes) -> PathAttributes:
    return _with(attributes, LLGR_STALE)


def imported(received: PathAttributes, attributes: PathAttributes) -> PathAttributes:
    """No import policy takes LLGR_STALE away."""
    return marked_stale(attributes) if received.is_long_lived_stale else attributes


def rule_of(rule: str, attributes: PathAttributes) -> str:
    """What decided of a route: the policy rule, and that it is long-lived stale."""
    return "; ".join(filter(None, (rule, RULE))) if attributes.is_long_lived_stale else rule


def advertised(path: Path, attributes: PathAttributes, *, peer_supports_it: bool) -> PathAttributes:
    """What such peers are advertised of the path, of which export policies have made these attributes."""
    if path.attributes is None or not path.attributes.is_long_lived_stale:
        return attributes
    attributes = marked_stale(attributes)
    return attributes if peer_supports_it else _with(attributes, NO_EXPORT).replace(local_pref=0)


def _with(attributes: PathAttributes, community: int) -> PathAttributes:
    if community in attributes.communities:
        return attributes
    return attributes.replace(communities=(*attributes.communities, community))
