"""The control protocol: what passes over the speaker's and the agent's Unix sockets.

A frame is one octet with the version of this protocol, four octets of length (big-endian) and one msgpack message. A
client sends a Request and gets one Reply, in order; after Subscribe the server also sends LocRibUpdate frames, in
sequence. A frame of another version and a message of an unknown type are answered with Refused, and the connection is
closed. Rule: any change of a message that the other side would notice needs a new version, once a release. Fields are
strict, so that no request is understood by half. docs/control-socket.md has the guarantees, docs/control-protocol.md
every field.

    requests                              what may be asked
    outcomes, tables, sessions, retained  what a speaker answers
    loc_rib                               what it streams
    agent_status                          what an agent answers
    frames                                all of it as octets
    reference                             docs/control-protocol.md, written from the docstrings
"""

from reflector.messages.agent_status import (
    AgentStatus,
    Confirmed,
    HeldStatus,
    Histogram,
    InvalidStatus,
    KernelAnswer,
    KernelRouteStatus,
    NodeStatusReport,
    ProblemStatus,
)
from reflector.messages.frames import (
    MAX_FRAME,
    PROTOCOL_VERSION,
    FrameError,
    FrameReader,
    Reply,
    decode_reply,
    decode_request,
    frame,
)
from reflector.messages.loc_rib import LocRibRoutes, LocRibUpdate, Subscribed
from reflector.messages.message import Message
from reflector.messages.outcomes import Applied, Draining, DrainStatus, JournalStatus, Originated, Refused, drain_status
from reflector.messages.requests import (
    JOURNAL_LIMIT,
    Apply,
    Confirm,
    Drain,
    Explain,
    Originate,
    Request,
    ShowAgent,
    ShowCounters,
    ShowJournal,
    ShowKernel,
    ShowNodeStatus,
    ShowPeers,
    ShowRetained,
    ShowRoutes,
    ShowSessions,
    ShowSources,
    StartJournal,
    StopJournal,
    Subscribe,
    Table,
    WithdrawRetained,
)
from reflector.messages.retained import Retained, RetainedSession, RetainedWithdrawn
from reflector.messages.sessions import DownSession, FlappingSession, Sessions
from reflector.messages.tables import (
    CandidateStatus,
    Counters,
    Explanation,
    ExportStatus,
    Peers,
    PeerStatus,
    RelatedRoute,
    Routes,
    RouteStatus,
    SourceCount,
    Sources,
    UnknownPeerStatus,
)

__all__ = [
    "JOURNAL_LIMIT",
    "MAX_FRAME",
    "PROTOCOL_VERSION",
    "AgentStatus",
    "Applied",
    "Apply",
    "CandidateStatus",
    "Confirm",
    "Confirmed",
    "Counters",
    "DownSession",
    "Drain",
    "DrainStatus",
    "Draining",
    "Explain",
    "Explanation",
    "ExportStatus",
    "FlappingSession",
    "FrameError",
    "FrameReader",
    "HeldStatus",
    "Histogram",
    "InvalidStatus",
    "JournalStatus",
    "KernelAnswer",
    "KernelRouteStatus",
    "LocRibRoutes",
    "LocRibUpdate",
    "Message",
    "NodeStatusReport",
    "Originate",
    "Originated",
    "PeerStatus",
    "Peers",
    "ProblemStatus",
    "Refused",
    "RelatedRoute",
    "Reply",
    "Request",
    "Retained",
    "RetainedSession",
    "RetainedWithdrawn",
    "RouteStatus",
    "Routes",
    "Sessions",
    "ShowAgent",
    "ShowCounters",
    "ShowJournal",
    "ShowKernel",
    "ShowNodeStatus",
    "ShowPeers",
    "ShowRetained",
    "ShowRoutes",
    "ShowSessions",
    "ShowSources",
    "SourceCount",
    "Sources",
    "StartJournal",
    "StopJournal",
    "Subscribe",
    "Subscribed",
    "Table",
    "UnknownPeerStatus",
    "WithdrawRetained",
    "decode_reply",
    "decode_request",
    "drain_status",
    "frame",
]
