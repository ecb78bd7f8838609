"""Replies to requests that change something, and the state of a drain or a journal."""

from __future__ import annotations

import msgspec

from reflector.drain import DrainState, Stage
from reflector.messages.message import Message


class Refused(Message, frozen=True):
    """The request was not carried out, and nothing has changed.

    reason   one sentence for people
    """

    reason: str


class Applied(Message, frozen=True):
    """The plan runs. Sessions by name.

    added           sessions that the plan before did not have
    removed         sessions that this plan does not have
    reset           Established sessions that the change has ended
    needs_restart   only a new speaker can run this plan: it listens on other addresses or ports
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    needs_restart: bool = False


class Originated(Message, frozen=True):
    """The set of originations is replaced.

    prefixes   how many this node originates now: by its plan and under any name
    """

    prefixes: int


class Draining(Message, frozen=True):
    """How far the node is drained.

    stage            that it has reached
    unacknowledged   Established sessions whose peer has not acknowledged yet all that is to be sent to it; null: no
                     speaker answered the agent, and the next one starts in this stage
    """

    stage: Stage
    unacknowledged: tuple[str, ...] | None = ()


class JournalStatus(Message, frozen=True):
    """The journal of this speaker.

    path           where it is
    is_recording   it is being written
    octets         its size
    limit          the size at which it ends
    ended          why the last journal ended; "": none has
    """

    path: str
    is_recording: bool
    octets: int = 0
    limit: int = 0
    ended: str = ""


class DrainStatus(msgspec.Struct, frozen=True):
    """A node that is drained.

    stage     that it has reached
    seconds   since the drain began
    reason    as it was given
    """

    stage: Stage
    seconds: float
    reason: str = ""


def drain_status(state: DrainState, now: float) -> DrainStatus | None:
    """None: in use."""
    return DrainStatus(state.stage, now - state.since, state.reason) if state.is_draining else None
