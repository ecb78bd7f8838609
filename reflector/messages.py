"""The control protocol: what passes over the speaker's and the agent's Unix sockets.

A frame is one octet with the version of this protocol, four octets of length (big-endian) and one msgpack message. A
client sends a Request and gets one Reply, in order; after Subscribe the server also sends LocRibUpdate frames, in
sequence. A frame of another version and a message of an unknown type are answered with Refused, and the connection is
closed. Any change of a message that the other side would notice needs a new version: fields are strict, so that a
question is never answered by somebody who understands half of it. docs/control-socket.md has the guarantees.

Routes in a LocRibUpdate are wire bytes, because the FIB hands them to the kernel as such: an NLRI is its length
octet and prefix octets (RFC 4271 4.3), a next hop 4 or 16 octets. Everything that people read is text.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from reflector.drain import DrainState, Stage
from reflector.plan import Family, NodePlan, Origination, RouteSource, SessionKind, SessionType

PROTOCOL_VERSION = 1
MAX_FRAME = 256 * 1024 * 1024
_HEAD = struct.Struct("!BI")

# What a journal may grow to: with about 100 octets an event this is the history of a few million.
JOURNAL_LIMIT = 256 * 1024 * 1024


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """The base of everything that travels on a control socket."""


# ------------------------------------------------------------------------------------------- requests


class Apply(Message, frozen=True):
    """Make this plan the running one. exabgp.conf has been written beside it. Reply: Applied or Refused."""

    plan: NodePlan


class Originate(Message, frozen=True):
    """From now on exactly these originations under this name, beside those of the plan and of other names; they stay
    when another plan is applied and when this connection ends, until replaced. Reply: Originated or Refused."""

    name: str
    originations: tuple[Origination, ...]


class Drain(Message, frozen=True):
    """Lead this node out of use as far as this stage, or into use again (drain.py); it stays so whatever plans come. Of
    an agent it outlives speaker and agent, of a speaker only plans. `reason` is told to peers (RFC 9003); "": the one
    of before. Reply: Draining."""

    stage: Stage
    reason: str = ""


class ShowRetained(Message, frozen=True):
    """What of the cluster's other nodes is retained, and for whom it waits. Reply: Retained."""


class Forget(Message, frozen=True):
    """Withdraw retained routes that lead nowhere any more: stale ones of sessions to nodes of the cluster, through one
    of these next hops (packed), to a prefix inside one of these networks (family, NLRI). Reply: Forgotten."""

    next_hops: tuple[bytes, ...]
    inside: tuple[tuple[Family, bytes], ...]


class ShowPeers(Message, frozen=True):
    """Sessions in the plan's order: those of `names` ((): all), from the one after the session named `after` on, at
    most `limit` (0: all). Reply: Peers, or Refused for an `after` that is not in the plan."""

    names: tuple[str, ...] = ()
    after: str = ""
    limit: int = 0


class Table(StrEnum):
    """The Loc-RIB's best routes, one peer's Adj-RIB-In (RECEIVED), or one peer's Adj-RIB-Out (TOLD)."""

    LOC_RIB = "loc-rib"
    RECEIVED = "received"
    TOLD = "told"


class ShowRoutes(Message, frozen=True):
    """Routes of a table in prefix order: those of `limit` prefixes, of an Adj-RIB-In so many routes, never of more than
    1000. Reply: Routes or Refused.

    peer        a session's name; of the Loc-RIB only the routes that this peer sent
    all_paths   of the Loc-RIB each best route is followed by the other candidates of its prefix
    inside      only prefixes inside this one
    after       the `next_after` of the page before, or a prefix: what comes behind it
    """

    family: Family = 4
    inside: str = ""
    after: str = ""
    limit: int = 1000
    all_paths: bool = False
    table: Table = Table.LOC_RIB
    peer: str = ""


class Explain(Message, frozen=True):
    """Why the route to exactly this prefix is or is not there. Reply: Explanation."""

    prefix: str


class ShowCounters(Message, frozen=True):
    """`decision` asks for Counters.lost as well, which costs a look at every contested prefix. Reply: Counters."""

    decision: bool = False


class Subscribe(Message, frozen=True):
    """Stream the Loc-RIB: LocRibUpdates with the whole table, then every change. The first one that is `in_sync` says
    that all before it is the complete Loc-RIB; a speaker that has just started says so when it has heard its peers.

    Who has been in sync and lost the connection names the `epoch` of its Subscribed and the `sequence` of its last
    update in `after`: if the speaker still has what came since, only that is sent. Reply: Subscribed."""

    epoch: str = ""
    after: int = 0


class StartJournal(Message, frozen=True):
    """Write every event from now on to RUN_DIRECTORY/journal, up to `limit` octets; one that is under way ends and
    becomes journal.old. Reply: JournalStatus or Refused."""

    limit: int = JOURNAL_LIMIT


class StopJournal(Message, frozen=True):
    """Reply: JournalStatus."""


class ShowJournal(Message, frozen=True):
    """Reply: JournalStatus."""


class ShowAgent(Message, frozen=True):
    """Asked of an agent. Reply: AgentStatus."""


class ShowNodeStatus(Message, frozen=True):
    """Asked of an agent: what a CalicoNodeStatus with these classes reports now. Reply: NodeStatusReport."""

    classes: tuple[str, ...]


Request = (
    Apply
    | Originate
    | Drain
    | ShowRetained
    | Forget
    | ShowPeers
    | ShowRoutes
    | Explain
    | ShowCounters
    | Subscribe
    | StartJournal
    | StopJournal
    | ShowJournal
    | ShowAgent
    | ShowNodeStatus
)

# -------------------------------------------------------------------------------------------- replies


class Refused(Message, frozen=True):
    """The request was not carried out; nothing changed. `reason` says what to do."""

    reason: str


class Applied(Message, frozen=True):
    """The plan is running. `reset` names the sessions that had to be closed for it. `needs_restart`: the plan listens
    elsewhere, which only a new speaker does."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    needs_restart: bool = False


class Originated(Message, frozen=True):
    """`prefixes` counts what this node originates now, under any name and by its plan."""

    prefixes: int


class Draining(Message, frozen=True):
    """`behind` names the Established sessions whose peer has not acknowledged yet all that it is to be told; None: no
    speaker could be told, and the next one is before its first session."""

    stage: Stage
    behind: tuple[str, ...] | None = ()


class RetainedSession(msgspec.Struct, frozen=True):
    """A session to another node of the cluster that has not been heard, or not again since it was lost.

    is_up             it is Established
    tells_of_others   the peer may reflect to us what other nodes have
    routes            stale ones that are the best of their prefix
    left              seconds until the last stale one goes
    next_hops         of them, packed; others of this peer may be among them
    """

    name: str
    peer_node: str
    is_up: bool = False
    tells_of_others: bool = True
    routes: int = 0
    left: float = 0.0
    next_hops: tuple[bytes, ...] = ()


class Retained(Message, frozen=True):
    """`awaited` sessions, and those `heard` ones that tell of other nodes than the peer. It was so before the update
    with this `sequence` in the stream of this `epoch`; `uptime` is the speaker's, in seconds."""

    awaited: tuple[RetainedSession, ...]
    heard: tuple[str, ...]
    epoch: str
    sequence: int
    uptime: float


class Forgotten(Message, frozen=True):
    routes: int


class Subscribed(Message, frozen=True):
    """`epoch` names this life of the speaker. `resumed`: the changes since Subscribe.after follow and nothing else;
    otherwise the whole Loc-RIB does."""

    epoch: str
    resumed: bool = False


class JournalStatus(Message, frozen=True):
    """`ended` says why an earlier journal of this speaker is not written any more, "" if there was none."""

    path: str
    is_recording: bool
    octets: int = 0
    limit: int = 0
    ended: str = ""


class PeerStatus(msgspec.Struct, frozen=True):
    """One session. `since` is seconds since `state` was entered; bytes and messages count from speaker start. `stale`
    routes outlived their session (RFC 4724), `long_lived_stale` ones of them the restart time as well (RFC 9494).
    `cut_offs` counts how often the peer read so slowly that it was told only the newest state of what it had missed.
    `warning` is about its maximum of prefixes, `prefix_warnings` how often there came to be one, and `prefixes_dropped`
    how many routes were left out for it.

    refused                  routes in its Adj-RIB-In that import did not accept, by RouteVerdict
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


class DrainStatus(msgspec.Struct, frozen=True):
    """A node that is led out of use: how far, for how many seconds, and why."""

    stage: Stage
    seconds: float
    reason: str = ""


def drain_status(state: DrainState, now: float) -> DrainStatus | None:
    """None: in use."""
    return DrainStatus(state.stage, now - state.since, state.reason) if state.is_draining else None


class Peers(Message, frozen=True):
    """`drain` is None when the node is in use. `next_after` is the `after` of the next page, "" at the end."""

    peers: tuple[PeerStatus, ...]
    drain: DrainStatus | None = None
    next_after: str = ""


class RouteStatus(msgspec.Struct, frozen=True):
    """A route as people read it; attributes that are absent are empty or None. `verdict` is the text of a RouteVerdict:
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
    """A route that was received or originated. `verdict` is the text of a RouteVerdict: best, the step it lost at, or
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
    process does not use now, by RouteVerdict; None unless it was asked for."""

    totals: dict[str, int]
    uptime: float
    lost: dict[str, int] | None = None


class LocRibRoutes(msgspec.Struct, frozen=True, array_like=True):
    """Routes that share all that the FIB needs of them.

    next_hops     packed addresses, one per path (several: ECMP)
    local_pref    of the best route; LOCAL_PREF 100 where none was received
    interface     of a local route
    """

    family: Family
    source: RouteSource
    session_type: SessionType
    next_hops: tuple[bytes, ...]
    local_pref: int
    interface: str
    nlri: tuple[bytes, ...]


class LocRibUpdate(Message, frozen=True):
    """Changes of the Loc-RIB: `routes` replace what was there, `withdrawn` is gone (by family). `read_at` is when the
    first octets that led to them were read, on the machine's clock that never goes back; 0 where none did."""

    sequence: int
    routes: tuple[LocRibRoutes, ...] = ()
    withdrawn_v4: tuple[bytes, ...] = ()
    withdrawn_v6: tuple[bytes, ...] = ()
    in_sync: bool = True
    read_at: float = 0.0


class ProblemStatus(msgspec.Struct, frozen=True):
    severity: str
    file: str
    line: int
    path: str
    message: str


class Histogram(msgspec.Struct, frozen=True):
    """How often something took how many seconds: `counts` by upper bound, the last one beyond all bounds."""

    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = (0,)
    total: float = 0.0


class AgentStatus(Message, frozen=True):
    """The agent on one node: its plan, its speaker and its FIB. `fib_troubles` are sentences, the first of many;
    so are `fib_notes`, about routes that the kernel has and does not use;
    `detected_addresses` say what stands in for an address that the Node does not say.

    speaker_failures         how often in a row it ended soon after its start; speaker_crash_loop: too often
    speaker_pause            seconds from its last end to the next start, 0 when none is waited for
    speaker_said             its last line before it ended unasked, "" once a new one has lasted
    compiled_at, applied_at, fib_synced_at   when that last succeeded, in seconds since the epoch; 0 = never
    retention                who is away and how many routes outlive that, for `retained_left` seconds; "": all is fresh
    local_endpoints          interfaces of local workloads that the kernel has a host route to
    """

    node: str
    version: str
    pid: int
    uptime: float
    plan_generation: int
    plan_is_current: bool
    last_compile_seconds: float
    problems: tuple[ProblemStatus, ...] = ()
    compiled_at: float = 0.0
    applied_at: float = 0.0
    held: tuple[str, ...] = ()
    speaker_pid: int = 0
    speaker_state: str = ""
    speaker_restarts: int = 0
    speaker_failures: int = 0
    speaker_crash_loop: bool = False
    speaker_pause: float = 0.0
    speaker_said: str = ""
    fib_enabled: bool = True
    fib_desired: int = 0
    fib_installed: int = 0
    fib_failed: int = 0
    fib_foreign: int = 0
    fib_repairs: int = 0
    fib_in_sync: bool = False
    fib_synced_at: float = 0.0
    local_endpoints: int = 0
    metrics_address: str = ""
    fib_unresolved: int = 0
    fib_troubles: tuple[str, ...] = ()
    detected_addresses: tuple[str, ...] = ()
    fib_shadowed: int = 0
    fib_notes: tuple[str, ...] = ()
    fib_batches: Histogram = Histogram()
    propagation: Histogram = Histogram()
    drain: DrainStatus | None = None
    retained_routes: int = 0
    retained_left: float = 0.0
    reflectors_down: bool = False
    retention: str = ""


class NodeStatusReport(Message, frozen=True):
    """`status` is the status of a CalicoNodeStatus as JSON."""

    status: bytes


Reply = (
    Refused
    | Applied
    | Originated
    | Draining
    | Retained
    | Forgotten
    | Subscribed
    | Peers
    | Routes
    | Explanation
    | Counters
    | JournalStatus
    | LocRibUpdate
    | AgentStatus
    | NodeStatusReport
)

_encoder = msgspec.msgpack.Encoder()
_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class FrameError(ValueError):
    """The bytes are not a frame of this protocol; the connection cannot go on."""


def frame(message: msgspec.Struct, version: int = PROTOCOL_VERSION) -> bytes:
    """One message as it travels."""
    body = _encoder.encode(message)
    return _HEAD.pack(version, len(body)) + body


def decode_request(body: bytes) -> Request:
    """Raises FrameError for anything that is not a Request."""
    try:
        return _request_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise FrameError(f"not a request of this version: {error}") from error


def decode_reply(body: bytes) -> Reply:
    """Raises FrameError for anything that is not a Reply."""
    try:
        return _reply_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise FrameError(f"not a reply of this version: {error}") from error


class FrameReader:
    """Cuts a byte stream into frame bodies. Feed what was read; iterate over what is complete."""

    def __init__(self, limit: int = MAX_FRAME, version: int = PROTOCOL_VERSION) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._version = version

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields complete bodies. Raises FrameError for a frame of another version, and when a length exceeds the
        limit."""
        buffer = self._buffer
        buffer += data
        while buffer:
            if buffer[0] != self._version:
                raise FrameError(f"this is version {self._version} of the protocol and that is version {buffer[0]}")
            if len(buffer) < _HEAD.size:
                return
            _, length = _HEAD.unpack_from(buffer)
            if length > self._limit:
                raise FrameError(f"a frame of {length} octets exceeds the limit of {self._limit}")
            end = _HEAD.size + length
            if len(buffer) < end:
                return
            body = bytes(buffer[_HEAD.size : end])
            del buffer[:end]
            yield body
