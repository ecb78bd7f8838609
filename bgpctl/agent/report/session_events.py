"""Sessions that are down, came back or do not stay up, as sentences. Pure.

Rule: a session that is down for less than SETTLED seconds is no news, for one that is reset is up by then; nor is one
that never was Established with this speaker, for the status has it. Of many the first are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reflector.messages import AgentStatus, DownSession

SETTLED = 3.0
MOST_NAMED = 3


class SessionEvents:
    """`_down`: the sessions that were down at the last look, as far as they were news."""

    def __init__(self) -> None:
        self._down: frozenset[str] = frozenset()

    def came_back(self, status: AgentStatus, planned: frozenset[str]) -> Iterator[str]:
        """Since the last look. `planned`: the sessions of the plan, by name; what it has no more is not up."""
        if not status.sessions_known:
            return iter(())
        # A status has the first of many; of the others it is not known whether they are up.
        is_whole = status.sessions_expected - status.sessions_established == len(status.sessions_down)
        up = planned - {each.name for each in status.sessions_down} if is_whole else frozenset[str]()
        regained = sorted(self._down & up)
        self._down = (self._down - up | {each.name for each in status.sessions_down if _is_news(each)}) & planned
        return _first(f"the session {name} is Established once more" for name in regained)


def down(status: AgentStatus) -> Iterator[str]:
    """Sessions that were Established and are not, the longest first."""
    return _first(
        f"the session {_named(each.name, each.peer_node)} is down: {each.ended}"
        for each in status.sessions_down
        if _is_news(each)
    )


def flapping(status: AgentStatus) -> Iterator[str]:
    """Sessions that do not stay up."""
    return _first(
        f"the session {_named(each.name, each.peer_node)} went down three times in ten minutes; the last time: "
        f"{each.ended}"
        for each in status.sessions_flapping
    )


def _is_news(session: DownSession) -> bool:
    return bool(session.ended) and session.down >= SETTLED


def _named(name: str, node: str) -> str:
    return f"{name} ({node})" if node else name


def _first(sentences: Iterable[str]) -> Iterator[str]:
    found = list(sentences)
    yield from found[:MOST_NAMED]
    if len(found) > MOST_NAMED:
        yield f"so it is with {len(found) - MOST_NAMED} more sessions; bgpctl status has all of them"
