"""The difference of a cluster in one sentence: "12 nodes change: 11 without a session reset, 1 resets 2 sessions".

A node counts once, for the most severe that happens to it; the table below is in that order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bgpctl.plan_diff.difference import ChangeKind, ClusterDifference, PlanDifference


class Fate(NamedTuple):
    """What can happen to a node: which nodes that concerns, the words for one and for several, and the sessions it
    costs with the words before their number."""

    holds: Callable[[PlanDifference], bool]
    one: str
    several: str
    sessions: Callable[[PlanDifference], tuple[str, ...]] = lambda _: ()
    costs: str = ""


FATES = (
    Fate(lambda node: node.change is ChangeKind.ADDED, "is new", "are new"),
    Fate(lambda node: node.change is ChangeKind.REMOVED, "goes", "go"),
    Fate(
        lambda node: node.needs_restart,
        "needs its speaker restarted",
        "need their speakers restarted",
        lambda node: node.reset,
        ", with a reset of",
    ),
    Fate(lambda node: bool(node.reset), "resets", "reset", lambda node: node.reset),
    Fate(lambda node: bool(node.removed), "closes", "close", lambda node: node.removed),
    Fate(lambda _: True, "without a session reset", "without a session reset"),
)


def summary(difference: ClusterDifference) -> str:
    """One line without its end."""
    nodes = difference.nodes
    if not nodes:
        return f"nothing changes on {counted(difference.nodes_in_all, 'node')}"
    by_fate: dict[int, list[PlanDifference]] = {}
    for node in nodes:
        by_fate.setdefault(next(i for i, fate in enumerate(FATES) if fate.holds(node)), []).append(node)
    parts = [_counted_fate(FATES[place], by_fate[place]) for place in sorted(by_fate, reverse=True)]
    return f"{counted(len(nodes), 'node')} change{'s' if len(nodes) == 1 else ''}: {', '.join(parts)}"


def _counted_fate(fate: Fate, nodes: list[PlanDifference]) -> str:
    verb = fate.one if len(nodes) == 1 else fate.several
    sessions = sum(len(fate.sessions(node)) for node in nodes)
    return f"{len(nodes)} {verb}" + (f"{fate.costs} {counted(sessions, 'session')}" if sessions else "")


def counted(count: int, noun: str) -> str:
    """ "1 node", "12 nodes"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
