"""Whether a running speaker still answers: to the kernel, a speaker that stands still looks like one that works.

    asked                 every PERIOD, on a connection of its own, with PATIENCE for the answer
    SILENT_AFTER misses   it is silent: /readyz and the metrics show it, nothing is done
    GIVEN_UP_AFTER        it is ended, and another one is started; peers keep our routes meanwhile (RFC 4724)

Misses in a row are counted, not seconds: an agent that was stopped together with its speaker (a suspended machine)
finds one miss, not an hour of them. A minute is longer than any turn of a speaker on a busy machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from reflector.messages import ShowCounters


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds, and numbers of misses in a row."""

    period: float = 5.0
    patience: float = 5.0
    silent_after: int = 2
    given_up_after: int = 6


EVERY_FIVE_SECONDS = Rhythm()


async def watch_answers(link: SpeakerLink, rhythm: Rhythm, report: Callable[[int], None]) -> None:
    """Asks until the speaker is given up. After each question `report` is called with the number of answers that were
    missed in a row. `link` is for these questions only."""
    missed = 0
    try:
        while missed < rhythm.given_up_after:
            await asyncio.sleep(rhythm.period)
            try:
                await link.ask(ShowCounters(), rhythm.patience)
            except SpeakerAwayError:
                missed += 1
            else:
                missed = 0
            report(missed)
    finally:
        link.close()
