"""Maximum prefixes: what a peer that sends more routes than it may costs (SessionPlan.maximum_prefixes).

Rule: counted is what the session has brought into the Adj-RIB-In of a family, accepted or not, each path with add-path;
what is stale from a former session is not. A route that takes the place of another one is never over the limit. A new
one beyond it:

    warn    is used like any other
    drop    is left out. It is not kept, so that what a peer can cost is bounded; its key is, up to the limit, so that
            it can be explained. As soon as there is room the peer is asked for all its routes (RFC 2918)
    cease   ends the session (RFC 4271 6.7, RFC 4486 4) for restart_delay, or until the plan changes it

From warning_percent of the limit on it is shown with the peer, and counted each time that it comes to that or exceeds
the limit. The plan's limit of now counts, from the next route on. A session without one has DEFAULT_LIMIT, which is
looked at only when its peer comes near it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from reflector.inbound.import_pipeline import ImportPipeline
from reflector.peer import Peer
from reflector.plan import Family, LimitAction, MaximumPrefixes
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.session.prefix_count import PrefixCount
from reflector.wire.attributes import PathAttributes
from reflector.wire.message import Cease, ErrorCode, notification
from reflector.wire.update import AFI, UNICAST, Withdrawn

# A peer is asked for all its routes at most this often: it may have many, and room comes and goes.
REFRESH_INTERVAL = 60.0


# More than the whole Internet has: a session that exceeds it is a mistake or an attack.
DEFAULT_LIMIT = MaximumPrefixes(1_500_000, LimitAction.CEASE, warning_percent=70, restart_delay=300)


class Excess(NamedTuple):
    """The session has to end: the NOTIFICATION, why, and for how many seconds it stays down."""

    notification: bytes
    reason: str
    hold_down: float


class PrefixLimits:
    """Stands before the pipeline for peers with a limit."""

    def __init__(self, pipeline: ImportPipeline) -> None:
        self._pipeline = pipeline

    def announce(self, peer: Peer, rib: AdjRibIn, attributes: PathAttributes, keys: list[bytes]) -> None:
        limit = peer.session.maximum_prefixes
        if limit is not None and limit.action is LimitAction.DROP:
            keys = self._admitted(peer, rib, limit.limit, keys)
        if keys:
            self._pipeline.announce(peer, rib, attributes, keys)

    def _admitted(self, peer: Peer, rib: AdjRibIn, limit: int, keys: list[bytes]) -> list[bytes]:
        count = peer.prefix_counts[rib.family]
        room = limit - _routes(rib)
        if len(keys) <= room and not count.leaves_out:
            return keys
        keys = list(dict.fromkeys(keys))
        fresh = [key for key in keys if key not in rib.routes or key in rib.stale]
        dropped = dict.fromkeys(fresh[max(room, 0) :])
        count.left_out.difference_update(keys)
        self._drop(peer, rib, count, dropped, limit)
        return [key for key in keys if key not in dropped]

    def _drop(self, peer: Peer, rib: AdjRibIn, count: PrefixCount, dropped: dict[bytes, None], limit: int) -> None:
        if not dropped:
            return
        # The announcement replaces what is stale of them (RFC 4271 3.1).
        self._pipeline.withdraw(rib, [key for key in dropped if key in rib.stale])
        peer.counters.prefixes_dropped += len(dropped)
        count.left_out.update(islice(dropped, max(limit - len(count.left_out), 0)))
        count.more = count.more or not dropped.keys() <= count.left_out

    def withdrawn(self, peer: Peer, withdrawn: list[Withdrawn]) -> None:
        """An UPDATE of the peer has withdrawn these, and what it announces comes now. What was left out of them is
        no longer missing."""
        for family, rib in peer.adj_rib_in.items():
            peer.prefix_counts[family].routes = _routes(rib)
        for family, keys in withdrawn:
            if family in peer.prefix_counts and peer.prefix_counts[family].left_out:
                peer.prefix_counts[family].left_out.difference_update(keys)

    def counted(self, peer: Peer, limit: MaximumPrefixes) -> Excess | None:
        """Look at the peer's counts after its UPDATE; an Excess if its session has to end for them."""
        for family, rib in peer.adj_rib_in.items():
            count = peer.prefix_counts[family]
            before, count.routes = count.routes, _routes(rib)
            level = _level(limit, count)
            peer.counters.prefix_warnings += level > count.level
            count.level = level
            if limit.action is LimitAction.CEASE and max(before, limit.limit) < count.routes:
                return _excess(family, limit)
        return None

    def counted_by_default(self, peer: Peer) -> Excess | None:
        """The same for a session without a limit of its own."""
        near = DEFAULT_LIMIT.limit * DEFAULT_LIMIT.warning_percent // 100
        for family, rib in peer.adj_rib_in.items():
            if len(rib.routes) >= near or peer.prefix_counts[family].level:
                return self.counted(peer, DEFAULT_LIMIT)
        return None

    def refreshes_due(self, peer: Peer, now: float) -> Iterator[Family]:
        """Families of which the peer has to be asked for all routes now: what was left out of them has room."""
        if peer.negotiated is None or not peer.negotiated.route_refresh:
            return
        limit = peer.session.maximum_prefixes
        drops_at = limit.limit if limit is not None and limit.action is LimitAction.DROP else math.inf
        for family, count in peer.prefix_counts.items():
            if count.leaves_out and now >= count.refresh_at and _routes(peer.adj_rib_in[family]) < drops_at:
                count.clear()
                count.refresh_at = now + REFRESH_INTERVAL
                yield family


def _routes(rib: AdjRibIn) -> int:
    return len(rib.routes) - len(rib.stale)


def _level(limit: MaximumPrefixes, count: PrefixCount) -> int:
    if count.routes > limit.limit or count.leaves_out:
        return 2
    return int(count.routes > 0 and count.routes * 100 >= limit.limit * limit.warning_percent)


def _excess(family: Family, limit: MaximumPrefixes) -> Excess:
    """RFC 4486 4: the data are the family and the limit."""
    data = struct.pack("!HBI", AFI[family], UNICAST, limit.limit)
    return Excess(
        notification(ErrorCode.CEASE, Cease.MAXIMUM_PREFIXES, data),
        f"more than {limit.limit} IPv{family} prefixes",
        limit.restart_delay or math.inf,
    )


def warning(peer: Peer) -> str:
    """What an operator should know of the peer's counts, "" if all is well."""
    limit = peer.session.maximum_prefixes or DEFAULT_LIMIT
    return "; ".join(
        f"{count.routes} of at most {limit.limit} IPv{family} prefixes{', others are left out' * count.leaves_out}"
        for family, count in peer.prefix_counts.items()
        if count.level and (peer.session.maximum_prefixes or _level(limit, count))
    )
