"""Replies to requests that change something, and the state of a drain or a journal."""

from __future__ import annotations

import msgspec

from reflector.drain import DrainState, Stage
from reflector.messages.message import Message


class Refused(Message, frozen=True):
    """The request was not carried out, and nothing has changed. `reason` is one sentence for people."""

    reason: str


class Applied(Message, frozen=True):
    """The plan runs. Sessions by name.

    reset           Established sessions that the change has ended
    needs_restart   the plan listens on other addresses or ports, which only a new speaker can do
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    needs_restart: bool = False


class Originated(Message, frozen=True):
    """`prefixes` counts all that this node originates now: by its plan and under any name."""

    prefixes: int


class Draining(Message, frozen=True):
    """How far the node is drained.

    unacknowledged   Established sessions whose peer has not acknowledged yet all that is to be sent to it. null: no
                     speaker answered the agent; the next one starts in this stage
    """

    stage: Stage
    unacknowledged: tuple[str, ...] | None = ()


class JournalStatus(Message, frozen=True):
    """The journal of this speaker.

    octets, limit   its size, and at which size it ends
    ended           why the last journal ended; "": none has
    """

    path: str
    is_recording: bool
    octets: int = 0
    limit: int = 0
    ended: str = ""


class DrainStatus(msgspec.Struct, frozen=True):
    """A node that is drained: how far, since how many seconds, and why."""

    stage: Stage
    seconds: float
    reason: str = ""


def drain_status(state: DrainState, now: float) -> DrainStatus | None:
    """None: in use."""
    return DrainStatus(state.stage, now - state.since, state.reason) if state.is_draining else None
