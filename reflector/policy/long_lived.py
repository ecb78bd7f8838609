"""Long-lived graceful restart (RFC 9494): routes that outlive even the restart time, as the least preferred ones.

Rule: a route is long-lived stale if it has the community LLGR_STALE, whoever attached it. We attach it when the restart
time of a lost peer is over (4.2), as if the peer had sent the route so: import policies are asked again and may look
for it. The decision process prefers any other route (4.3, decision.py), and the community is never removed:

    told to                 a route with LLGR_STALE
    a peer with LLGR        as it is
    an iBGP peer without    with NO_EXPORT and LOCAL_PREF 0, so that it is the least preferred there, too (4.6)
    an eBGP peer without    not at all (4.3)

A route with NO_LLGR, sent so or marked by a policy, goes when the restart time is over (4.2).
How long routes stay is in graceful_restart.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflector.wire.attributes import LLGR_STALE, NO_EXPORT, NO_LLGR, PathAttributes

if TYPE_CHECKING:
    from reflector.inbound.import_pipeline import ImportPipeline
    from reflector.peer import Peer
    from reflector.policy.export import ExportKey
    from reflector.rib.adj_rib_in import AdjRibIn
    from reflector.rib.path import Path

BECAUSE = "long-lived stale: LLGR_STALE (RFC 9494)"


def begin(pipeline: ImportPipeline, peer: Peer, rib: AdjRibIn) -> None:
    """The restart time is over: what is stale is marked, once for each path, or goes."""
    by_path: dict[Path, list[bytes]] = {}
    for key in rib.stale_keys():
        by_path.setdefault(rib.routes[key], []).append(key)
    stays: list[bytes] = []
    for path, keys in by_path.items():
        if _is_refused(path):
            pipeline.withdraw(rib, keys)
        else:
            pipeline.announce(peer, rib, _with(path.received, LLGR_STALE), keys)
            stays += keys
    # What is announced is no longer stale; the peer has not sent this.
    rib.stale = set(stays)


def _is_refused(path: Path) -> bool:
    after_import = path.attributes or path.imported
    return NO_LLGR in path.received.communities or (after_import is not None and NO_LLGR in after_import.communities)


def stale_routes(rib: AdjRibIn) -> int:
    """How many routes of a lost peer are long-lived stale by now."""
    return sum(rib.routes[key].received.is_long_lived_stale for key in rib.stale)


def imported(received: PathAttributes, attributes: PathAttributes) -> PathAttributes:
    """No import policy takes LLGR_STALE away."""
    return _with(attributes, LLGR_STALE) if received.is_long_lived_stale else attributes


def because(rule: str, attributes: PathAttributes) -> str:
    """Why a route is where it is: the policy rule, and that it is long-lived stale."""
    return "; ".join(filter(None, (rule, BECAUSE))) if attributes.is_long_lived_stale else rule


def told(key: ExportKey, path: Path, attributes: PathAttributes) -> PathAttributes:
    """What such peers are told of the path, of which export policies have made these attributes."""
    if path.attributes is None or not path.attributes.is_long_lived_stale:
        return attributes
    attributes = _with(attributes, LLGR_STALE)
    return attributes if key.long_lived else _with(attributes, NO_EXPORT).replace(local_pref=0)


def _with(attributes: PathAttributes, community: int) -> PathAttributes:
    if community in attributes.communities:
        return attributes
    return attributes.replace(communities=(*attributes.communities, community))
