"""Nodes that are alike: the same role and the same sessions with the same peers, so that routes treat them the same.

Two nodes are alike when exchanging them changes nothing in the graph but names. What holds for one of them holds
for all, so two of each class stand for it: one to originate, one to receive from its like. 5,000 nodes with six
reflectors become eight.

Two shapes are found: nodes with equal peers (clients of the same reflectors, members of the mesh), and nodes that
have equal peers and each other (a mesh made of BGPPeers). Router IDs and addresses do not count, though they may
decide between two equally good routes; the nodes that stand for a class are the first by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property

from bgpctl.guardrails.proof.session_graph import Router, SessionGraph, kinds
from reflector.session.relation import Relation

STAND_FOR_A_CLASS = 2


@dataclass(frozen=True)
class NodeClass:
    """Nodes that are alike, in name order.

    forwards   they pass on what they learn: their failure can cost others
    """

    members: tuple[str, ...]
    forwards: bool

    @property
    def name(self) -> str:
        return self.members[0]

    def standing(self, removed: Set[str]) -> list[str]:
        """The nodes that stand for the class when some are gone: two, one, or none."""
        found: list[str] = []
        for name in self.members:
            if name not in removed:
                found.append(name)
                if len(found) == STAND_FOR_A_CLASS:
                    break
        return found


@dataclass(frozen=True)
class Classes:
    """All classes of a graph, in the order of their first members."""

    graph: SessionGraph
    classes: tuple[NodeClass, ...]

    @cached_property
    def of(self) -> Mapping[str, NodeClass]:
        return {name: each for each in self.classes for name in each.members}


def node_classes(graph: SessionGraph) -> Classes:
    """The classes of a graph."""
    unlike = _unlike_any(graph.routers.values())
    groups: dict[Hashable, list[str]] = {}
    for name in graph.routers:
        groups.setdefault(name if name in unlike else _signature(graph, name), []).append(name)
    alone = [members[0] for members in groups.values() if len(members) == 1]
    found = [members for members in groups.values() if len(members) > 1]
    found += _alike_with_each_other(graph, alone, unlike)
    found.sort(key=lambda members: members[0])
    mesh_as_numbers = {graph.routers[name].local_as for name in graph.mesh}
    return Classes(
        graph, tuple(NodeClass(tuple(members), _forwards(graph, members[0], mesh_as_numbers)) for members in found)
    )


def _unlike_any(routers: Iterable[Router]) -> set[str]:
    """Nodes that share an address or a router ID, which some sessions do not survive."""
    routers = list(routers)
    addresses = Counter(address for each in routers for address in each.addresses.values())
    identifiers = Counter(each.plan.router_id for each in routers)
    return {
        each.name
        for each in routers
        if identifiers[each.plan.router_id] > 1 or any(addresses[address] > 1 for address in each.addresses.values())
    }


def _alike_with_each_other(graph: SessionGraph, names: Iterable[str], unlike: Set[str]) -> list[list[str]]:
    """Nodes that would be alike if each were a peer of itself, as it is of the others."""
    groups: dict[Hashable, list[str]] = {}
    for name in names:
        for links in {kinds(links) for links in graph.ends[name].values()} if name not in unlike else ():
            groups.setdefault(_signature(graph, name, ((name, links, links),)), []).append(name)
    found: list[list[str]] = []
    taken: set[str] = set()
    for members in sorted(groups.values(), key=lambda members: (-len(members), members[0])):
        if len(members) > 1 and taken.isdisjoint(members):
            found.append(members)
            taken.update(members)
    return found + [[name] for name in names if name not in taken]


def _signature(graph: SessionGraph, name: str, itself: tuple[tuple[str, Hashable, Hashable], ...] = ()) -> Hashable:
    router, meshed = graph.routers[name], graph.mesh.get(name)
    role = router.local_as, router.plan.cluster_id, frozenset(router.serving), router.kinds_outside, router.traits
    where = frozenset(router.addresses), meshed
    peers = [(there, kinds(links), kinds(graph.ends[there][name])) for there, links in graph.ends[name].items()]
    return role, where, frozenset((*peers, *itself)), frozenset(graph.barred[name]) if meshed else None


def _forwards(graph: SessionGraph, name: str, mesh_as_numbers: Set[int]) -> bool:
    """Whether routes from one node may be advertised to another: only those of clients and of other ASes are."""
    relations = set(graph.relations(name))
    if name in graph.mesh and mesh_as_numbers - {graph.routers[name].local_as}:
        relations.add(Relation.EBGP)
    return graph.degree(name) > 1 and not relations.isdisjoint((Relation.CLIENT, Relation.EBGP))
