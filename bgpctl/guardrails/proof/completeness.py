"""Signalling completeness: for every pair of nodes, does what the one originates reach the other, and its packets back?

Asked once for each pair of classes (classes.py): of a class one member originates, and one other receives. A pair that
is not reached has its obstacle with it. What arrives only if routers that are no nodes pass it on is unknown; so is
where packets go if no resource says it. A dedicated reflector beside a live mesh, which lacks what the mesh has, costs
no packet: such a pair is spared. Where one of the two has no BGP speaker the resources alone decide (tunnels.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cached_property

from bgpctl.guardrails.proof.classes import Classes, NodeClass
from bgpctl.guardrails.proof.forwarding import UNKNOWN, Forwarding
from bgpctl.guardrails.proof.network import Network
from bgpctl.guardrails.proof.obstacle import Obstacle, Stop
from bgpctl.guardrails.proof.tunnels import is_by_tunnel, tunnel_stop

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
    """What nodes of `origin` originate does not reach nodes of `destination`, or their packets do not come back.

    prefix   one that does not, of the first of `origin`; the rest is as in Stop
    """

    origin: Group
    destination: Group
    obstacle: Obstacle
    sender: str
    receiver: str
    rule: str = ""
    prefix: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        return self.origin.name, self.destination.name


@dataclass(frozen=True, slots=True)
class Reach:
    """Every pair of classes that is not reached, in name order: surely, perhaps, and without a loss."""

    gaps: tuple[Gap, ...]
    unknown: tuple[Gap, ...]
    spared: tuple[Gap, ...]


def survey(classes: Classes, removed: Set[str] = NO_NODES) -> Reach:
    """Which classes are not reached by which others when these nodes are gone."""
    found = _Survey(classes, removed)
    pairs = [gap for pair in found.pairs() if (gap := found.gap(*pair)) is not None]
    spared = {gap for gap, _ in pairs if found.is_spared(gap)}
    return Reach(
        tuple(sorted(gap for gap, is_known in pairs if is_known and gap not in spared)),
        tuple(sorted(gap for gap, is_known in pairs if not is_known and gap not in spared)),
        tuple(sorted(spared)),
    )


class _Survey:
    """The engines of the nodes that stand for their classes when some are gone."""

    def __init__(self, classes: Classes, removed: Set[str]) -> None:
        self._graph = classes.graph
        self._removed = removed
        self._standing = {each: found for each in classes.classes if (found := each.standing(removed))}
        self._present = [name for found in self._standing.values() for name in found]
        self._network = Network(self._graph, self._present)
        self._network.settle()

    @cached_property
    def _beyond(self) -> Network | None:
        """The same with the routers that are no nodes; None where there are none."""
        if not any(self._graph.routers[name].outside for name in self._present):
            return None
        network = Network(self._graph, self._present, beyond=True)
        network.settle()
        return network

    def pairs(self) -> Iterator[tuple[NodeClass, NodeClass, str]]:
        """Every class with every class, and of the latter the node that is asked."""
        for origin in self._standing:
            for destination, names in self._standing.items():
                for asked in (names[1:] if destination is origin else names)[:1]:
                    yield origin, destination, asked

    def gap(self, origin: NodeClass, destination: NodeClass, asked: str) -> tuple[Gap, bool] | None:
        """What is missed, and whether that is certain: what is goes before what is not."""
        source = self._standing[origin][0]
        found = [
            (stop, prefix)
            for prefix in self._graph.routers[source].prefixes
            if (stop := self._stop(source, prefix, asked)) is not None
        ]
        if not found:
            return None
        (worst, is_known), prefix = max(found, key=lambda each: each[0][1])
        obstacle, sender, receiver, rule = worst
        return Gap(self._group(origin), self._group(destination), obstacle, sender, receiver, rule, prefix), is_known

    def is_spared(self, gap: Gap) -> bool:
        there = self._graph.routers[gap.destination.name]
        return there.is_dedicated and gap.origin.name in self._graph.mesh

    def _stop(self, source: str, prefix: str, asked: str) -> tuple[Stop, bool] | None:
        if is_by_tunnel(self._graph, source, asked):
            found = tunnel_stop(self._graph, source, prefix, asked)
            return (found, found.obstacle not in UNKNOWN) if found is not None else None
        if self._network.reaches(asked, prefix):
            if self._graph.routers[asked].is_dedicated:
                return None
            lost = Forwarding(self._graph, self._network, prefix, source).stop(asked)
            return (lost, lost.obstacle not in UNKNOWN) if lost is not None else None
        if self._beyond is None:
            return self._network.stop(prefix, asked), True
        if self._beyond.reaches(asked, prefix):
            return Stop(Obstacle.THROUGH_OTHERS, receiver=asked), False
        return self._beyond.stop(prefix, asked), True

    def _group(self, found: NodeClass) -> Group:
        left = [name for name in found.members if name not in self._removed]
        return Group(left[0], len(left))
