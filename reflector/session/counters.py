"""What is counted of a peer's sessions, from the start of the speaker on."""

from __future__ import annotations

from dataclasses import dataclass, field

from reflector.wire.message import MessageType


@dataclass(slots=True)
class PeerCounters:
    """They survive the session. `received` counts messages by MessageType."""

    updates_in: int = 0
    updates_out: int = 0
    received: list[int] = field(default_factory=lambda: [0] * (max(MessageType) + 1))
    keepalives_out: int = 0
    notifications_out: int = 0
    route_refreshes_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    treated_as_withdrawn: int = 0
    attributes_discarded: int = 0
    established: int = 0
    flaps: int = 0
    cut_offs: int = 0
    prefix_warnings: int = 0
    prefixes_dropped: int = 0
