"""How much /metrics has of sessions: series for each, their sums by type of peer, or neither."""

from __future__ import annotations

from enum import StrEnum


class PeerMetrics(StrEnum):
    EACH = "each"
    BY_TYPE = "by-type"
    NONE = "none"
