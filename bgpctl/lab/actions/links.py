"""Actions on links: cut and mended, flapping, and two sets of nodes that cannot reach each other.

Sets with links between them are separated by taking these links down. Sets that only meet in a third node (two racks at
one fabric) are separated by address: what leaves a node of one set for an address of the other is dropped, and no
carrier is lost. Nodes that have links only to the set, as pods do, belong to it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bgpctl.lab.actions import cables, redirection
from bgpctl.lab.actions.action import Action, RunningLab
from bgpctl.lab.actions.operands import Cable, NodeSet, Quantity
from bgpctl.lab.netns import kernel
from bgpctl.lab.topology.links import Endpoint, Link
from bgpctl.lab.topology.topology import Topology


@dataclass(frozen=True, slots=True)
class Cut(Action):
    usage: ClassVar[str] = "cut LINK"
    summary: ClassVar[str] = "take the link down, like pulling its cable"
    link: Cable

    def do(self, lab: RunningLab) -> None:
        for link in self.link.links:
            cables.take_down(lab, cables.end_to_pull(lab, link))

    def undo(self) -> Action | None:
        return Mend(self.link)


@dataclass(frozen=True, slots=True)
class Mend(Action):
    usage: ClassVar[str] = "mend LINK"
    summary: ClassVar[str] = "bring the link up"
    link: Cable

    def do(self, lab: RunningLab) -> None:
        for link in self.link.links:
            cables.bring_up(lab, cables.end_to_pull(lab, link))


@dataclass(frozen=True, slots=True)
class Partition(Action):
    usage: ClassVar[str] = "cut SET from OTHER"
    summary: ClassVar[str] = "separate two sets of nodes: links between them go down; without such links, by address"
    set: NodeSet
    other: NodeSet

    def prepare(self, lab: RunningLab) -> None:
        if not _between(lab.topology, self.set, self.other):
            for side in (self.set, self.other):
                for end in _ends(lab.topology, side):
                    redirection.prepare(lab, end)

    def do(self, lab: RunningLab) -> None:
        links = _between(lab.topology, self.set, self.other)
        for link in links:
            cables.take_down(lab, cables.end_to_pull(lab, link))
        if not links:
            _separate_by_address(lab, self.set, self.other)

    def undo(self) -> Action | None:
        return Rejoin(self.set, self.other)


@dataclass(frozen=True, slots=True)
class Rejoin(Action):
    usage: ClassVar[str] = "mend SET from OTHER"
    summary: ClassVar[str] = (
        "the two sets reach each other (where it was by address: every such cut of these nodes ends)"
    )
    set: NodeSet
    other: NodeSet

    def do(self, lab: RunningLab) -> None:
        links = _between(lab.topology, self.set, self.other)
        for link in links:
            cables.bring_up(lab, cables.end_to_pull(lab, link))
        if not links:
            for end in (*_ends(lab.topology, self.set), *_ends(lab.topology, self.other)):
                redirection.release_addresses(lab, end)


@dataclass(frozen=True, slots=True)
class Flap(Action):
    usage: ClassVar[str] = "flap LINK times N every EVERY"
    summary: ClassVar[str] = "N times down and up, one cycle in EVERY, half of which the link is down"
    link: Cable
    n: int
    every: Quantity

    def do(self, lab: RunningLab) -> None:
        ends = [cables.end_to_pull(lab, link) for link in self.link.links]
        for _ in range(self.n):
            for change in (cables.take_down, cables.bring_up):
                for end in ends:
                    change(lab, end)
                time.sleep(self.every.value / 2)


def _between(topology: Topology, one: NodeSet, other: NodeSet) -> list[Link]:
    sides = (set(one.nodes), set(other.nodes))
    return [link for link in topology.links if len(link.endpoints) > 1 and _joins(link, *sides)]


def _joins(link: Link, one: set[str], other: set[str]) -> bool:
    first, second = (end.node for end in link.endpoints)
    return (first in one and second in other) or (first in other and second in one)


def _with_those_behind(topology: Topology, chosen: NodeSet) -> tuple[str, ...]:
    behind = [
        node.name
        for node in topology.nodes
        if node.name not in chosen.nodes
        and (near := set(_neighbours(topology, node.name)))
        and near <= set(chosen.nodes)
    ]
    return (*chosen.nodes, *behind)


def _ends(topology: Topology, side: NodeSet) -> list[Endpoint]:
    return [end for node in _with_those_behind(topology, side) for end in cables.ends_of(topology, node)]


def _neighbours(topology: Topology, node: str) -> Iterator[str]:
    for link in topology.links:
        names = [end.node for end in link.endpoints]
        if node in names:
            yield from (name for name in names if name != node)


def _separate_by_address(lab: RunningLab, one: NodeSet, other: NodeSet) -> None:
    """An address that both sides have (a gateway of pods, anycast) leads from neither side to the other."""
    sides = [_with_those_behind(lab.topology, side) for side in (one, other)]
    first, second = ({address for node in side for address in kernel.addresses(lab.namespace(node))} for side in sides)
    for side, closed in zip((one, other), (second - first, first - second), strict=True):
        for end in _ends(lab.topology, side):
            redirection.drop_addresses(lab, end, sorted(closed))
