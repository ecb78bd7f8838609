"""Whether an agent is ready, and if not what it waits for: the answer of /readyz."""

from __future__ import annotations

from collections.abc import Callable

from bgpctl.agent.speaker.state import SpeakerState
from reflector.messages import AgentStatus


def _is_in_crash_loop(status: AgentStatus) -> bool:
    return status.speaker_crash_loop and status.speaker_state != SpeakerState.RUNNING


# What /readyz waits for, in order: the first that holds is its answer.
_WAITING_FOR: tuple[tuple[str, Callable[[AgentStatus], bool]], ...] = (
    ("there is no plan yet", lambda status: status.plan_generation == 0),
    ("the speaker is in a crash loop: bgpctl status has its last line", _is_in_crash_loop),
    ("the speaker does not answer", lambda status: status.speaker_state != SpeakerState.RUNNING),
    ("the kernel is not in sync", lambda status: status.fib_enabled and not status.fib_in_sync),
)


def waiting_for(status: AgentStatus) -> str:
    """One sentence, "" for an agent that is ready."""
    return next((sentence for sentence, waits in _WAITING_FOR if waits(status)), "")
