"""Drain: how far a node has been taken out of use, and what its peers are advertised meanwhile.

    stage       routes that draw traffic here (graceful_shutdown)     when the speaker stops
    in use      as they are                                           it restarts, where peers wait (RFC 4724)
    marked      with GRACEFUL_SHUTDOWN (RFC 8326)                     the same; a new speaker goes on marking
    withdrawn   withdrawn                                             for good: Administrative Shutdown with the reason,
                                                                      as a hard reset if need be (RFC 9003, RFC 8538)

Rule: a drain only goes forward until it ends: a request for an earlier stage changes nothing. It is a state of the node
and not of a process: the agent keeps it in RUN_DIRECTORY/drain.json, which a speaker reads before its first session.
The Loc-RIB is the same in every stage, and so are the kernel's routes: traffic that still arrives is still forwarded.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

NO_REASON = "this node is taken out of service"


class Stage(StrEnum):
    IN_USE = "in use"
    MARKED = "marked"
    WITHDRAWN = "withdrawn"


_ORDER = tuple(Stage)


class DrainState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`since` is when the drain began, in seconds of the clock of whoever holds it: in the file, since the epoch."""

    stage: Stage = Stage.IN_USE
    since: float = 0.0
    reason: str = ""

    @property
    def is_draining(self) -> bool:
        return self.stage is not Stage.IN_USE

    @property
    def final_reason(self) -> str:
        """What the shutdown communication to peers contains when the speaker stops for good, "" when it does not."""
        return (self.reason or NO_REASON) if self.stage is Stage.WITHDRAWN else ""

    def led_to(self, stage: Stage, reason: str, now: float) -> DrainState:
        """The state once it is asked to be in this stage."""
        if stage is Stage.IN_USE:
            return IN_USE
        furthest = max(stage, self.stage, key=_ORDER.index)
        return DrainState(furthest, self.since if self.is_draining else now, reason or self.reason)


IN_USE = DrainState()
