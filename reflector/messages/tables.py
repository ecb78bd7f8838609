"""What people ask a speaker for: its peers, its tables, why a route is or is not there, its counters.

Everything in here is text or a number.
"""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message
from reflector.messages.outcomes import DrainStatus
from reflector.plan import Family, RouteSource, SessionKind, SessionType


class PeerStatus(msgspec.Struct, frozen=True):
    """One session. `since` is seconds since `state` was entered; bytes and messages count from speaker start. `stale`
    routes outlived their session (RFC 4724), `long_lived_stale` ones of them the restart time as well (RFC 9494).
    `cut_offs` counts how often the peer read so slowly that it was told only the newest state of what it had missed.
    `warning` is about its maximum of prefixes, `prefix_warnings` how often there came to be one, and `prefixes_dropped`
    how many routes were left out for it.

    refused                  routes in its Adj-RIB-In that import did not accept, by the code of a RouteVerdict
    messages_in, _out        by name ("UPDATE"), from speaker start; the session layer's OPENs are not among them
    treated_as_withdrawn     UPDATEs with a malformed attribute; attributes_discarded: attributes (RFC 7606)
    last_error_code          "code/subcode" of the NOTIFICATION that ended the last session, "" if there was none
    hold_left                seconds until the session is given up unless the peer says something, 0 without hold time
    stale_left               seconds until the last of its stale routes goes
    """

    name: str
    peer_address: str
    peer_as: int
    local_address: str
    kind: SessionKind
    session_type: SessionType
    rr_client: bool
    state: str
    since: float
    peer_node: str = ""
    peer_router_id: str = ""
    hold_time: int = 0
    families: tuple[Family, ...] = ()
    flaps: int = 0
    last_error: str = ""
    received: int = 0
    accepted: int = 0
    stale: int = 0
    long_lived_stale: int = 0
    best: int = 0
    advertised: int = 0
    updates_in: int = 0
    updates_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    queued: int = 0
    cut_offs: int = 0
    warning: str = ""
    prefix_warnings: int = 0
    prefixes_dropped: int = 0
    refused: dict[str, int] = {}
    messages_in: dict[str, int] = {}
    messages_out: dict[str, int] = {}
    treated_as_withdrawn: int = 0
    attributes_discarded: int = 0
    last_error_code: str = ""
    hold_left: float = 0.0
    stale_left: float = 0.0


class Peers(Message, frozen=True):
    """`drain` is None when the node is in use. `next_after` is the `after` of the next page, "" at the end."""

    peers: tuple[PeerStatus, ...]
    drain: DrainStatus | None = None
    next_after: str = ""


class RouteStatus(msgspec.Struct, frozen=True):
    """A route as people read it; attributes that are absent are empty or None. `verdict` is the code of a RouteVerdict:
    that of a received route says whether it is best, where it lost or why import refused it."""

    prefix: str
    next_hop: str
    source: RouteSource
    peer: str
    local_pref: int | None = None
    as_path: str = ""
    origin: str = ""
    med: int | None = None
    communities: tuple[str, ...] = ()
    originator_id: str = ""
    cluster_list: tuple[str, ...] = ()
    candidates: int = 1
    because: str = ""
    interface: str = ""
    selected: bool = True
    verdict: str = ""
    path_id: int = 0
    stale: bool = False


class Routes(Message, frozen=True):
    """`next_after` is the `after` of the next page, "" at the end. Pages are looked up one by one: a route that comes
    while they are read may be on none of them."""

    routes: tuple[RouteStatus, ...]
    next_after: str = ""


class CandidateStatus(msgspec.Struct, frozen=True):
    """A route that was received or originated. `verdict` is the code of a RouteVerdict: best, the step it lost at, or
    why import refused it; `because` names the policy rule. `cost` is the kernel metric of the way to its next hop."""

    peer: str
    verdict: str
    source: RouteSource
    because: str = ""
    next_hop: str = ""
    local_pref: int | None = None
    origin: str = ""
    med: int | None = None
    as_path: str = ""
    originator_id: str = ""
    cluster_list: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    path_id: int = 0
    stale: bool = False
    peer_node: str = ""
    cost: int = 0


class ExportStatus(msgspec.Struct, frozen=True):
    """What an Established peer is told of the best route, and as what; or why it is told nothing. An add-path peer has
    one of each candidate (RFC 7911): `source` is the peer it came from, "" for this node, `path_id` the identifier that
    we gave it."""

    peer: str
    verdict: str
    because: str = ""
    next_hop: str = ""
    local_pref: int | None = None
    as_path: str = ""
    communities: tuple[str, ...] = ()
    peer_node: str = ""
    med: int | None = None
    source: str = ""
    path_id: int = 0


class Explanation(Message, frozen=True):
    """One prefix in this speaker. Without a candidate, `covered_by` is the longest prefix of the Loc-RIB around it."""

    prefix: str
    candidates: tuple[CandidateStatus, ...] = ()
    exports: tuple[ExportStatus, ...] = ()
    covered_by: str = ""


class Counters(Message, frozen=True):
    """Totals since the speaker started, by name; `uptime` in seconds. `lost` counts the candidates that the decision
    process does not use now, by the code of a RouteVerdict; None unless it was asked for."""

    totals: dict[str, int]
    uptime: float
    lost: dict[str, int] | None = None
