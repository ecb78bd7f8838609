"""What became of a request to do something, and how a drain or a journal stands."""

from __future__ import annotations

import msgspec

from reflector.drain import DrainState, Stage
from reflector.messages.message import Message


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


class JournalStatus(Message, frozen=True):
    """`ended` says why an earlier journal of this speaker is not written any more, "" if there was none."""

    path: str
    is_recording: bool
    octets: int = 0
    limit: int = 0
    ended: str = ""


class DrainStatus(msgspec.Struct, frozen=True):
    """A node that is led out of use: how far, for how many seconds, and why."""

    stage: Stage
    seconds: float
    reason: str = ""


def drain_status(state: DrainState, now: float) -> DrainStatus | None:
    """None: in use."""
    return DrainStatus(state.stage, now - state.since, state.reason) if state.is_draining else None
