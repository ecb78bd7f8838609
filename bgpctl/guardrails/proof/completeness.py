"""Signalling completeness: for every pair of nodes, does what the one originates reach the other?

Asked once for each pair of classes (classes.py): of a class one member originates, and one other receives. A pair that
is not reached has its obstacle with it. When the prefix could get out to a router that is no node, and back in to
the receiver from one, that is not known here: such a pair is unknown and no gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from bgpctl.guardrails.proof.classes import Classes, NodeClass
from bgpctl.guardrails.proof.propagation import (
    OWN,
    Obstacle,
    Propagation,
    from_outside,
    neighbours,
    propagate,
    reaches_outside,
)

NO_NODES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Nodes that are alike and there: the first by name, and how many they are."""

    name: str
    count: int

    def __str__(self) -> str:
        others = self.count - 1
        return self.name if not others else f"{self.name} and {others} more like it"


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """What nodes of `origin` originate does not reach nodes of `destination`, for it stops between two routers.

    sender     the last router that has the route, "" when no session leads any further
    receiver   the router to which it is not advertised, or which drops it
    """

    origin: Group
    destination: Group
    obstacle: Obstacle
    sender: str
    receiver: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.origin.name, self.destination.name


@dataclass(frozen=True, slots=True)
class Reach:
    """Every pair of classes that is not reached, in name order."""

    gaps: tuple[Gap, ...]
    unknown: tuple[Gap, ...]


def survey(classes: Classes, removed: Set[str] = NO_NODES) -> Reach:
    """Which classes are not reached by which others when these nodes are gone."""
    graph = classes.graph
    standing = {each: found for each in classes.classes if (found := each.standing(removed))}
    sessions = neighbours(graph, [name for found in standing.values() for name in found])
    gaps: list[Gap] = []
    unknown: list[Gap] = []
    enters: frozenset[str] | None = None
    for origin, (source, *_) in standing.items():
        if not graph.routers[source].originates:
            continue
        outcome = propagate(graph, sessions, {source: OWN})
        missed = list(_missed(standing, origin, outcome))
        leaves = bool(missed) and reaches_outside(graph, outcome)
        if leaves and enters is None:
            enters = from_outside(graph, sessions)
        for destination, name in missed:
            known = not leaves or enters is None or name not in enters
            gap = _gap(removed, (origin, destination), outcome.obstacle(name))
            (gaps if known else unknown).append(gap)
    return Reach(tuple(sorted(gaps)), tuple(sorted(unknown)))


def _missed(
    standing: dict[NodeClass, list[str]], origin: NodeClass, outcome: Propagation
) -> Iterator[tuple[NodeClass, str]]:
    """The classes that are not reached, each with the member that was asked."""
    for destination, names in standing.items():
        asked = names[1:] if destination is origin else names[:1]
        if asked and not (asked[0] in outcome.used and outcome.settled):
            yield destination, asked[0]


def _gap(removed: Set[str], pair: tuple[NodeClass, NodeClass], obstacle: tuple[Obstacle, str, str]) -> Gap:
    origin, destination = (_group(each, removed) for each in pair)
    return Gap(origin, destination, *obstacle)


def _group(found: NodeClass, removed: Set[str]) -> Group:
    left = [name for name in found.members if name not in removed]
    return Group(left[0], len(left))
