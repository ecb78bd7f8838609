"""Long-lived graceful restart, seen from the peer that waits: stale routes once the restart time is over (RFC 9494).

Rule: LLGR_STALE is attached as if the peer had sent the routes so: import policies are applied anew and may look for it
(4.2). A route with NO_LLGR, sent so or marked by a policy, is withdrawn instead. How long routes stay is in
graceful_restart, what the community means to others in policy/long_lived.
"""

from __future__ import annotations

from reflector.inbound.import_pipeline import ImportPipeline
from reflector.peer import Peer
from reflector.policy.long_lived import marked_stale
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.rib.path import Path
from reflector.wire.attributes import NO_LLGR


def begin(pipeline: ImportPipeline, peer: Peer, rib: AdjRibIn) -> None:
    """The restart time is over: what is stale is marked, once for each path, or withdrawn."""
    by_path: dict[Path, list[bytes]] = {}
    for key in rib.stale_keys():
        by_path.setdefault(rib.routes[key], []).append(key)
    stays: list[bytes] = []
    for path, keys in by_path.items():
        if _is_refused(path):
            pipeline.withdraw(rib, keys)
        else:
            pipeline.announce(peer, rib, marked_stale(path.received), keys)
            stays += keys
    # What is announced is no longer stale; the peer has not sent this.
    rib.stale = set(stays)


def _is_refused(path: Path) -> bool:
    after_import = path.attributes or path.imported
    return NO_LLGR in path.received.communities or (after_import is not None and NO_LLGR in after_import.communities)


def long_lived_stale(rib: AdjRibIn) -> int:
    """How many routes of a peer that is down are long-lived stale by now."""
    return sum(rib.routes[key].received.is_long_lived_stale for key in rib.stale)
