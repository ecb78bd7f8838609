"""Has the speaker withdraw retained routes to nodes that have left the cluster.

Rule: a set of next hops is sent once. Should routes with them still be there after REPEAT seconds, it is sent anew: a
route may have come between the speaker's answer and the request.
"""

from __future__ import annotations

from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from bgpctl.daemon.logs import get_logger
from reflector.messages import RetainedWithdrawn, WithdrawRetained
from reflector.plan import Family

REPEAT = 30.0

Gone = frozenset[tuple[str, bytes]]

log = get_logger("retention")


class Departures:
    """What has been asked of one speaker."""

    def __init__(self, link: SpeakerLink) -> None:
        self._link = link
        self._sent: Gone = frozenset()
        self._sent_at = 0.0

    async def withdraw(self, gone: Gone, networks: tuple[tuple[Family, bytes], ...], now: float) -> None:
        """`gone` are sessions with the next hops of theirs that are no node's any more; only routes inside `networks`
        are withdrawn. `now` is of a clock that never jumps."""
        if not gone or (gone == self._sent and now < self._sent_at + REPEAT):
            return
        self._sent, self._sent_at = gone, now
        next_hops = tuple(sorted({next_hop for _, next_hop in gone}))
        try:
            answer = await self._link.ask(WithdrawRetained(next_hops, networks))
        except SpeakerAwayError as error:
            self._sent = frozenset()
            log.warning("retained routes of nodes that left are not withdrawn yet", reason=str(error))
            return
        if isinstance(answer, RetainedWithdrawn) and answer.routes:
            log.info("retained routes of nodes that left the cluster are withdrawn", routes=answer.routes)
