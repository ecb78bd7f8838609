"""Sessions that went down and came up since the last look, as sentences. Pure.

Rule: a session that is down for less than SETTLED seconds is no news, for a peer that is reset has its session back by
then; nor is one that never was Established, for the status has it. Of many at once the first are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bgpctl.agent.report.node_plan_status import why_down
from reflector.messages import AgentStatus

SETTLED = 3.0
MOST_NAMED = 3


class SessionEvents:
    """`up` and `down` of the last look: sessions that were Established, and those that were reported as down."""

    def __init__(self) -> None:
        self._up: frozenset[str] = frozenset()
        self._down: frozenset[str] = frozenset()

    def look(self, status: AgentStatus, planned: frozenset[str]) -> tuple[list[str], list[str]]:
        """What went down, and what is up once more. `planned`: the sessions of the plan, by name."""
        if not status.sessions_known:
            return [], []
        not_up = {each.name: each for each in status.sessions_down}
        lost = [each for name, each in not_up.items() if name in self._up and each.down >= SETTLED]
        # A status has the first of many; of the others it is not known whether they are up.
        is_whole = status.sessions_expected - status.sessions_established == len(not_up)
        up = planned - not_up.keys() if is_whole else self._up - not_up.keys()
        regained = sorted(self._down & up)
        pending = self._up & not_up.keys() - {each.name for each in lost}
        self._up = (up | pending) & planned
        self._down = (self._down - up | {each.name for each in lost}) & planned
        return (
            list(_first(f"the session {why_down(each)}" for each in lost)),
            list(_first(f"the session {name} is Established once more" for name in regained)),
        )


def flapping(status: AgentStatus) -> Iterator[str]:
    """Sessions that do not stay up."""
    return _first(
        f"the session {each.name} went down three times in ten minutes, last: {each.ended or 'no reason is known'}"
        for each in status.sessions_flapping
    )


def _first(sentences: Iterable[str]) -> Iterator[str]:
    found = list(sentences)
    yield from found[:MOST_NAMED]
    if len(found) > MOST_NAMED:
        yield f"so it is with {len(found) - MOST_NAMED} more sessions; bgpctl status has all of them"
