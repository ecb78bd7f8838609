"""The difference of a cluster in one sentence: "12 nodes change: 11 without a session reset, 1 resets 2 sessions".

A node counts once, for the most severe that happens to it; the table below is in that order. A session counts once, of
whichever of its ends is reset or closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from bgpctl.plan_diff.alike import SessionKey, session_key
from bgpctl.plan_diff.difference import ChangeKind, DifferenceValue, PlanDifference, SessionChange
from bgpctl.plan_diff.effects import RESETTING


def _none(_: SessionChange) -> bool:
    return False


def _is_reset(session: SessionChange) -> bool:
    return session.effect in RESETTING


def _is_removed(session: SessionChange) -> bool:
    return session.change is ChangeKind.REMOVED


class Fate(NamedTuple):
    """What can happen to a node: which nodes that concerns, the words for one and for several, and the sessions that it
    costs with the words before their number."""

    name: str
    holds: Callable[[PlanDifference], bool]
    one: str
    several: str
    costs_session: Callable[[SessionChange], bool] = _none
    costs: str = ""


FATES = (
    Fate("new", lambda node: node.change is ChangeKind.ADDED, "is new", "are new"),
    Fate("gone", lambda node: node.change is ChangeKind.REMOVED, "goes", "go"),
    Fate(
        "replace",
        lambda node: node.replaces_speaker,
        "replaces its speaker at once",
        "replace their speakers at once",
        _is_reset,
        ", which resets",
    ),
    Fate("reset", lambda node: any(map(_is_reset, node.sessions)), "resets", "reset", _is_reset),
    Fate("closed", lambda node: any(map(_is_removed, node.sessions)), "closes", "close", _is_removed),
    Fate("kept", lambda _: True, "without a session reset", "without a session reset"),
)


class FateCount(DifferenceValue, frozen=True):
    """So many nodes have this fate (the name of a Fate), and it costs so many sessions."""

    fate: str
    nodes: int
    sessions: int


class Tally:
    """Counts nodes one by one."""

    def __init__(self) -> None:
        self._nodes: dict[str, int] = {}
        self._sessions: dict[str, set[SessionKey]] = {fate.name: set() for fate in FATES}

    def take(self, node: PlanDifference) -> None:
        fate = next(each for each in FATES if each.holds(node))
        self._nodes[fate.name] = self._nodes.get(fate.name, 0) + 1
        if fate.costs_session is not _none:
            costs = (session_key(node.node, each) for each in node.sessions if fate.costs_session(each))
            self._sessions[fate.name].update(costs)

    def counts(self) -> tuple[FateCount, ...]:
        """Those that some node has, the mildest first."""
        return tuple(
            FateCount(fate.name, self._nodes[fate.name], len(self._sessions[fate.name]))
            for fate in reversed(FATES)
            if fate.name in self._nodes
        )


def sentence(counts: Iterable[FateCount], nodes_in_all: int) -> str:
    """One line without its end."""
    counts = tuple(counts)
    if not counts:
        return f"nothing changes on {counted(nodes_in_all, 'node')}"
    nodes = sum(each.nodes for each in counts)
    return f"{counted(nodes, 'node')} change{'s' if nodes == 1 else ''}: {', '.join(map(_part, counts))}"


def _part(count: FateCount) -> str:
    fate = next(each for each in FATES if each.name == count.fate)
    verb = fate.one if count.nodes == 1 else fate.several
    return f"{count.nodes} {verb}" + (f"{fate.costs} {counted(count.sessions, 'session')}" if count.sessions else "")


def counted(count: int, noun: str) -> str:
    """ "1 node", "12 nodes"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
