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

    name                       of the session
    peer_address, peer_as      of the peer
    local_address              our end of the session
    kind                       what asked for the session
    session_type               iBGP or eBGP
    rr_client                  the peer is a client of this reflector
    state                      of the BGP finite state machine
    since                      seconds since it entered this state
    peer_node                  the node at the other end; "": not a node of the cluster
    peer_router_id             its BGP identifier, once it was Established
    hold_time                  as negotiated, in seconds; 0: none
    families                   as negotiated; 4: IPv4 unicast, 6: IPv6 unicast
    flaps                      how often the session went down
    last_error                 why the last attempt to set it up failed, or, once Established, why it last went down
    last_error_age             seconds since then
    ended, ended_age           why the last session ended, and seconds since then; "": none has ended
    received                   routes in the peer's Adj-RIB-In
    accepted                   routes in the peer's Adj-RIB-In that import accepted
    stale                      routes in the peer's Adj-RIB-In that outlived the session (RFC 4724)
    long_lived_stale           stale routes that outlived the restart time, too (RFC 9494)
    best                       routes of the peer that are the best of their prefix
    advertised                 routes in the peer's Adj-RIB-Out
    updates_in, updates_out    UPDATEs received and sent
    bytes_in, bytes_out        octets received and sent while Established
    queued                     octets that wait to be written
    cut_offs                   how often the peer read too slowly and was sent only the newest state of what it missed
    warning                    one sentence while the peer is near or beyond its maximum of prefixes
    prefix_warnings            how often there came to be such a warning
    prefixes_dropped           routes that were left out because the peer is at its maximum
    not_accepted               routes in the peer's Adj-RIB-In that import did not accept, by the code of a RouteVerdict
    messages_in, messages_out  messages received and sent while Established, by name ("UPDATE")
    treated_as_withdrawn       UPDATEs with a malformed attribute, treated as withdraw (RFC 7606)
    attributes_discarded       malformed attributes that were discarded (RFC 7606)
    last_error_code            "code/subcode" of the NOTIFICATION that ended the session last; "": none did
    hold_left                  seconds until the hold timer expires unless the peer sends something; 0: no hold time
    stale_left                 seconds until the last stale route is withdrawn
    last_heard                 seconds since the peer last sent a message of an Established session; null: never
    attempts_failed            how many attempts to set it up have failed, by the code of an Obstacle (sessions.md)
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
    last_error_age: float = 0.0
    ended: str = ""
    ended_age: float = 0.0
    last_heard: float | None = None
    attempts_failed: dict[str, int] = {}


class UnknownPeerStatus(msgspec.Struct, frozen=True):
    """Who has connected without being in the plan, and was reset.

    address         from which it connected
    local_address   to which it connected last
    connections     how often
    age             seconds since the last time
    """

    address: str
    local_address: str
    connections: int
    age: float


class Peers(Message, frozen=True):
    """One page of sessions.

    peers        in the plan's order
    drain        null: the node is in use
    next_after   the `after` of the next page; "": this is the last one
    unknown      unknown peers, the newest first, 64 at most
    """

    peers: tuple[PeerStatus, ...]
    drain: DrainStatus | None = None
    next_after: str = ""
    unknown: tuple[UnknownPeerStatus, ...] = ()


class RouteStatus(msgspec.Struct, frozen=True):
    """A route. Attributes that are absent are empty or null.

    prefix                        the destination
    next_hop                      "": this node itself
    source                        bgp, or what kind of origination of this node
    peer                          the session that it came from; "": this node
    local_pref, as_path, origin   attributes
    med, communities              attributes
    originator_id, cluster_list   attributes
    candidates                    how many routes to its prefix there are
    rule                          the policy rule that decided, or what the origination is derived from
    interface                     of a route of this node itself
    selected                      it is in use; false for the other candidates of `all_paths`
    verdict                       the code of a RouteVerdict: why it is best, lost, was not accepted or not advertised
    path_id                       its identifier where there is add-path (RFC 7911)
    stale                         its session is down
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

    routes       in prefix order
    next_after   the `after` of the next page; "": this is the last one
    """

    routes: tuple[RouteStatus, ...]
    next_after: str = ""


class SourceCount(msgspec.Struct, frozen=True):
    """How many prefixes have candidates from exactly these sessions, and none of this node.

    family     4: IPv4 unicast, 6: IPv6 unicast
    sessions   by name
    prefixes   how many
    """

    family: Family
    sessions: tuple[str, ...]
    prefixes: int


class Sources(Message, frozen=True):
    """Every learned prefix counts once, whatever is selected for it.

    counts   one for each set of sessions that there is
    """

    counts: tuple[SourceCount, ...]


class CandidateStatus(msgspec.Struct, frozen=True):
    """A route that was received or originated.

    peer                          the session that it came from; "": this node
    verdict                       the code of a RouteVerdict: best, the step at which it lost, why it was not accepted
    source                        bgp, or what kind of origination of this node
    rule                          the policy rule that decided, or what the origination is derived from
    next_hop, local_pref          attributes
    origin, med, as_path          attributes
    originator_id, cluster_list   attributes
    communities                   attribute: standard, extended and large ones
    path_id                       its identifier where the peer has add-path (RFC 7911)
    stale                         its session is down
    peer_node                     the node that the peer is; "": not a node of the cluster
    cost                          the kernel's metric of the way to its next hop
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

    peer                          the session
    verdict                       the code of a RouteVerdict
    rule                          the policy rule that decided
    next_hop, local_pref          attributes as advertised
    as_path, communities, med     attributes as advertised
    peer_node                     the node that the peer is; "": not a node of the cluster
    source                        the session that the candidate came from; "": this node
    path_id                       the identifier that it is advertised with
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


class RelatedRoute(msgspec.Struct, frozen=True):
    """A route to a prefix around the one that was asked for, or inside it.

    prefix      the destination
    peer        the session that it came from; "": this node
    verdict     the code of a RouteVerdict: why it is used, lost, or was not accepted
    source      bgp, or what kind of origination of this node
    rule        the policy rule that decided, or what the origination is derived from
    next_hop    "": this node itself
    stale       its session is down
    peer_node   the node that the peer is; "": not a node of the cluster
    """

    prefix: str
    peer: str
    verdict: str
    source: RouteSource
    rule: str = ""
    next_hop: str = ""
    stale: bool = False
    peer_node: str = ""


class Explanation(Message, frozen=True):
    """One prefix in this speaker.

    prefix       as it was asked for, in its usual form
    candidates   every route to it, those of this node first
    exports      for each Established peer, what it is advertised
    covered_by   where there is no candidate: the longest prefix of the Loc-RIB around it
    covering     routes to prefixes around it, refused ones too, the longest prefix first, 50 at most
    inside       routes to more specific prefixes, refused ones too, in prefix order, 50 at most
    more         how many more there are of the two
    """

    prefix: str
    candidates: tuple[CandidateStatus, ...] = ()
    exports: tuple[ExportStatus, ...] = ()
    covered_by: str = ""
    covering: tuple[RelatedRoute, ...] = ()
    inside: tuple[RelatedRoute, ...] = ()
    more: int = 0


class Counters(Message, frozen=True):
    """Totals since the speaker started.

    totals   by name
    uptime   of the speaker, in seconds
    lost     candidates that the decision process does not use now, by the code of a RouteVerdict; null: not asked for
    """

    totals: dict[str, int]
    uptime: float
    lost: dict[str, int] | None = None
