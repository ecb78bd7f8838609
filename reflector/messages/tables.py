"""What a speaker answers about its sessions, its tables, the reasons for a route, and its counters.

Rule: everything in here is text or a number.
"""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message
from reflector.messages.outcomes import DrainStatus
from reflector.plan import Family, RouteSource, SessionKind, SessionType


class PeerStatus(msgspec.Struct, frozen=True):
    """One session. Octets and messages are counted from the start of the speaker.

    kind                   what asked for it
    rr_client              the peer is a client of this reflector
    state                  of the BGP finite state machine
    since                  seconds since it entered this state
    hold_time              as negotiated; 0: none
    flaps                  how often it went down
    last_error             why it last went down or was refused
    last_error_code        "code/subcode" of the NOTIFICATION that ended it last; "": none did
    received               routes in its Adj-RIB-In
    accepted               of these, those that import accepted
    not_accepted           of these, the others, by the code of a RouteVerdict
    stale                  of these, those that outlived the session (RFC 4724)
    long_lived_stale       of the stale ones, those that outlived the restart time, too (RFC 9494)
    stale_left             seconds until the last stale route is withdrawn
    best                   of its routes, those that are best
    advertised             routes in its Adj-RIB-Out
    updates_in             UPDATEs received; likewise updates_out, bytes_in, bytes_out
    messages_in            messages received, by name ("UPDATE"), without OPENs; likewise messages_out
    queued                 octets that are not written yet
    cut_offs               how often it read so slowly that it was sent only the newest state of what it had missed
    warning                about its maximum of prefixes
    prefix_warnings        how often there came to be such a warning
    prefixes_dropped       routes that were left out for its maximum
    treated_as_withdrawn   UPDATEs with a malformed attribute, treated as withdraw (RFC 7606)
    attributes_discarded   malformed attributes that were discarded (RFC 7606)
    hold_left              seconds until the hold timer expires unless the peer sends something; 0: no hold time
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
    not_accepted: dict[str, int] = {}
    messages_in: dict[str, int] = {}
    messages_out: dict[str, int] = {}
    treated_as_withdrawn: int = 0
    attributes_discarded: int = 0
    last_error_code: str = ""
    hold_left: float = 0.0
    stale_left: float = 0.0


class Peers(Message, frozen=True):
    """One page of sessions.

    drain        null: the node is in use
    next_after   the `after` of the next page; "": this is the last one
    """

    peers: tuple[PeerStatus, ...]
    drain: DrainStatus | None = None
    next_after: str = ""


class RouteStatus(msgspec.Struct, frozen=True):
    """A route. Attributes that are absent are empty or null.

    source       bgp, or what kind of origination of this node
    peer         the session that it came from; "": this node
    candidates   how many routes to its prefix there are
    rule         the policy rule that decided, or what the origination is derived from
    interface    of a route of this node itself
    selected     it is in use; false for the other candidates of `all_paths`
    verdict      the code of a RouteVerdict: why it is best, lost, was not accepted or not advertised
    path_id      its identifier where there is add-path (RFC 7911)
    stale        its session is down
    """

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
    rule: str = ""
    interface: str = ""
    selected: bool = True
    verdict: str = ""
    path_id: int = 0
    stale: bool = False


class Routes(Message, frozen=True):
    """One page of routes as they are when it is made: a route that comes while the others are read may be on none.

    next_after   the `after` of the next page; "": this is the last one
    """

    routes: tuple[RouteStatus, ...]
    next_after: str = ""


class CandidateStatus(msgspec.Struct, frozen=True):
    """A route that was received or originated.

    peer      the session that it came from; "": this node
    verdict   the code of a RouteVerdict: best, the step of the decision at which it lost, why import did not accept it
    rule      the policy rule that decided, or what the origination is derived from
    cost      the kernel's metric of the way to its next hop
    """

    peer: str
    verdict: str
    source: RouteSource
    rule: str = ""
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
    """What an Established peer is advertised, with these attributes, or why it is advertised nothing. For an add-path
    peer there is one of each candidate (RFC 7911).

    verdict   the code of a RouteVerdict
    rule      the policy rule that decided
    source    the session that the candidate came from; "": this node
    path_id   the identifier that it is advertised with
    """

    peer: str
    verdict: str
    rule: str = ""
    next_hop: str = ""
    local_pref: int | None = None
    as_path: str = ""
    communities: tuple[str, ...] = ()
    peer_node: str = ""
    med: int | None = None
    source: str = ""
    path_id: int = 0


class Explanation(Message, frozen=True):
    """One prefix in this speaker.

    candidates   every route to it, those of this node first
    exports      one or more for each Established peer
    covered_by   where there is no candidate: the longest prefix of the Loc-RIB around it
    """

    prefix: str
    candidates: tuple[CandidateStatus, ...] = ()
    exports: tuple[ExportStatus, ...] = ()
    covered_by: str = ""


class Counters(Message, frozen=True):
    """Totals since the speaker started.

    totals   by name
    uptime   of the speaker, in seconds
    lost     candidates that the decision process does not use now, by the code of a RouteVerdict; null: not asked for
    """

    totals: dict[str, int]
    uptime: float
    lost: dict[str, int] | None = None
