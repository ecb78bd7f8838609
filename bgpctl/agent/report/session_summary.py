"""The agent's status with how the speaker's sessions stand, asked of the speaker when the status is asked for.

Rule: a speaker that does not answer in time is part of the status, and no answer waits longer for it.
"""

from __future__ import annotations

from msgspec import structs

from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from reflector.messages import AgentStatus, Sessions, ShowSessions

# Seconds. Who asks the agent waits a few seconds more than that.
PATIENCE = 2.0


class SessionSummary:
    """Asks through a link of its own, so that a question does not wait behind an Apply."""

    def __init__(self, link: SpeakerLink) -> None:
        self._link = link

    async def added_to(self, status: AgentStatus) -> AgentStatus:
        """The status as it is where the speaker does not answer."""
        if not status.speaker_pid:
            return status
        try:
            sessions = await self._link.ask(ShowSessions(), PATIENCE)
        except SpeakerAwayError:
            return status
        if not isinstance(sessions, Sessions):
            return status
        return structs.replace(
            status,
            sessions_known=True,
            sessions_expected=sessions.expected,
            sessions_established=sessions.established,
            sessions_overdue=sessions.overdue,
            sessions_down=sessions.down,
            sessions_flapping=sessions.flapping,
        )
