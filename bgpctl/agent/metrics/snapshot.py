"""The state of this node at one moment: the agent's own status and the speaker's answers, as one value.

Made on request, never polled: an agent that is not scraped does no work for it. Requests within LIFETIME, or while an
answer is under way, get the same one. A speaker that does not answer in time is part of the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from reflector.messages import AgentStatus, Counters, Peers, PeerStatus, ShowCounters, ShowPeers

LIFETIME = 1.0
SPEAKER_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`taken_at` is seconds since the epoch; without an answering speaker `counters` is None and `peers` empty."""

    taken_at: float
    agent: AgentStatus
    peers: tuple[PeerStatus, ...] = ()
    counters: Counters | None = None


class SnapshotSource:
    """Takes snapshots through a link of its own, so that a question does not wait behind an Apply."""

    def __init__(self, link: SpeakerLink, agent_status: Callable[[], AgentStatus]) -> None:
        self._link = link
        self._agent_status = agent_status
        self._turn = asyncio.Lock()
        self._last: Snapshot | None = None
        self._expires = 0.0

    async def take(self) -> Snapshot:
        """A snapshot that is at most LIFETIME seconds old."""
        async with self._turn:
            if self._last is None or time.monotonic() >= self._expires:
                peers, counters = await self._ask_speaker()
                self._last = Snapshot(time.time(), self._agent_status(), peers, counters)
                self._expires = time.monotonic() + LIFETIME
            return self._last

    async def _ask_speaker(self) -> tuple[tuple[PeerStatus, ...], Counters | None]:
        try:
            peers = await self._link.ask(ShowPeers(), SPEAKER_PATIENCE)
            counters = await self._link.ask(ShowCounters(decision=True), SPEAKER_PATIENCE)
        except SpeakerAwayError:
            return (), None
        if isinstance(peers, Peers) and isinstance(counters, Counters):
            return peers.peers, counters
        return (), None
