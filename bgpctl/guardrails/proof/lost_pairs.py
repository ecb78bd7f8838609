"""Which nodes reach each other with one state of the resources and no longer with another: two proofs, compared.

A pair is a direction: the destination received what the origin originates, for certain, and then does not. A pair that
is spared (completeness.py) loses nothing. Nodes that one of the two states does not have are no part of it. Nodes that
are alike in both states are counted together, so that a cluster of any size costs what its two proofs cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.guardrails.proof.classes import Classes, node_classes
from bgpctl.guardrails.proof.completeness import Reach, survey
from bgpctl.guardrails.proof.graph_builder import cluster_graphs
from bgpctl.resources.resource_set import ResourceSet
from reflector.addresses import family_of
from reflector.plan import Family

# So many pairs are named.
MOST_PAIRS = 5
NOT_THERE = ""
NO_ADDRESS = "one of the two has no address and no session for it"


@dataclass(frozen=True, slots=True)
class LostPair:
    """`destination` no longer receives what `origin` originates, such as `block`; "": it has none yet."""

    family: Family
    origin: str
    destination: str
    obstacle: str
    block: str = ""

    def __str__(self) -> str:
        return (
            f"{self.destination} no longer reaches {self.block or f'what {self.origin} originates'}"
            + (f" of {self.origin}" if self.block else "")
            + f" (IPv{self.family}): {self.obstacle}"
        )


@dataclass(frozen=True, slots=True)
class LostPairs:
    """count     pairs that are lost
    first     some of them, of each kind one before there is a second
    unknown   pairs that depend on routers that are no nodes, and did not
    """

    count: int = 0
    first: tuple[LostPair, ...] = ()
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class _Proof:
    """One family of one state."""

    classes: Classes
    reach: Reach

    def class_of(self, node: str) -> str:
        found = self.classes.of.get(node)
        return found.name if found is not None else NOT_THERE

    def originates(self, node: str) -> bool:
        return self.classes.graph.routers[node].originates

    @property
    def obstacles(self) -> dict[tuple[str, str], str]:
        return {gap.pair: str(gap.obstacle) for gap in self.reach.gaps}

    @property
    def unknown(self) -> frozenset[tuple[str, str]]:
        return frozenset(gap.pair for gap in self.reach.unknown)


@dataclass(frozen=True, slots=True)
class _Lost:
    """Every node of `origins` with every other one of `destinations`."""

    origins: Sequence[str]
    destinations: Sequence[str]
    obstacle: str

    @property
    def count(self) -> int:
        both = len(self.destinations) if self.origins is self.destinations else 0
        return len(self.origins) * len(self.destinations) - both

    def pairs(self) -> Iterator[tuple[str, str]]:
        return ((origin, other) for origin in self.origins for other in self.destinations if origin != other)


def lost_pairs(old: ResourceSet, new: ResourceSet, options: CompileOptions, only: str = "") -> LostPairs:
    """From `old` to `new`; `only` those pairs of which one is this node."""
    before, after = _proofs(old, options), _proofs(new, options)
    index = ClusterIndex(old)
    lost: list[tuple[int, int, LostPair]] = []
    count = unknown = 0
    for family, proof in before.items():
        alike = _alike(proof, after.get(family), old, new)
        for place, found in enumerate(_compare(proof, after.get(family), alike, only)):
            if not found.obstacle:
                unknown += found.count
                continue
            count += found.count
            for turn, (origin, destination) in enumerate(islice(found.pairs(), MOST_PAIRS)):
                block = next((each.prefix for each in index.blocks(origin) if family_of(each.prefix) == family), "")
                lost.append((turn, place, LostPair(family, origin, destination, found.obstacle, block)))
    first = sorted(lost, key=lambda each: each[:2])[:MOST_PAIRS]
    return LostPairs(count, tuple(pair for _, _, pair in first), unknown)


def _proofs(resources: ResourceSet, options: CompileOptions) -> dict[Family, _Proof]:
    classes = {graph.family: node_classes(graph) for graph in cluster_graphs(resources, options)}
    return {family: _Proof(each, survey(each)) for family, each in classes.items()}


def _alike(
    before: _Proof, after: _Proof | None, old: ResourceSet, new: ResourceSet
) -> dict[tuple[str, str], list[str]]:
    """The nodes that both states have, by their class in both."""
    found: dict[tuple[str, str], list[str]] = {}
    for name in old.nodes:
        if name in new.nodes and before.class_of(name) != NOT_THERE:
            kind = before.class_of(name), after.class_of(name) if after is not None else NOT_THERE
            found.setdefault(kind, []).append(name)
    return found


def _compare(
    before: _Proof, after: _Proof | None, alike: dict[tuple[str, str], list[str]], only: str
) -> Iterator[_Lost]:
    """What was reached and is not; without an obstacle: it is not known any more."""
    were_missed = before.obstacles.keys() | before.unknown
    obstacles = after.obstacles if after is not None else {}
    unknown = after.unknown if after is not None else frozenset()
    for (old_origin, new_origin), origins in alike.items():
        if not before.originates(origins[0]):
            continue
        for (old_destination, new_destination), destinations in alike.items():
            if (old_origin, old_destination) in were_missed:
                continue
            pair = new_origin, new_destination
            obstacle = NO_ADDRESS if NOT_THERE in pair else obstacles.get(pair, "")
            if obstacle or pair in unknown:
                yield from _of(only, origins, destinations, obstacle)


def _of(only: str, origins: list[str], destinations: list[str], obstacle: str) -> Iterator[_Lost]:
    if not only:
        yield _Lost(origins, destinations, obstacle)
        return
    if only in origins:
        yield _Lost([only], [each for each in destinations if each != only], obstacle)
    if only in destinations:
        yield _Lost([each for each in origins if each != only], [only], obstacle)
