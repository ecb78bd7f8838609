"""What remains when routers fail: which failures break completeness among those that survive.

What can fail: each reflector, one node of each class that forwards routes without being a reflector, and each rack
(all nodes with one value of a label). A rack in which no node forwards cuts off no other node and is not tried.
Two at a time: reflectors and racks, each pair once, at most MOST_PAIRS of them. A pair that is no worse than one of
its two is not reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from bgpctl.guardrails.proof.classes import Classes
from bgpctl.guardrails.proof.completeness import Gap, Reach, survey

MOST_PAIRS = 2000


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that fails as a whole. `name` is how people call it; `alike` are the routers of which the failure of
    each one by itself has this effect, none for a rack."""

    name: str
    members: frozenset[str]
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Units that fail together, and which of the remaining nodes are not reached for it. The failure of each
    router of `single_points` by itself has this effect."""

    units: tuple[str, ...]
    gaps: tuple[Gap, ...]
    single_points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailureProof:
    """Failures that break something, and how many were tried. `untried` pairs are beyond the bound."""

    breaking: tuple[Failure, ...]
    tried: int
    untried: int = 0


def single_units(classes: Classes, racks: Mapping[str, Iterable[str]]) -> list[Unit]:
    """Everything that is made to fail by itself."""
    transit = (each for each in classes.classes if each.forwards and not _is_reflector(classes, each.name))
    nodes = (Unit(_one_of(each.members), frozenset(each.members[:1]), tuple(each.members)) for each in transit)
    return [*_reflectors(classes), *nodes, *_racks(classes, racks)]


def paired_units(classes: Classes, racks: Mapping[str, Iterable[str]]) -> list[Unit]:
    """What is made to fail two at a time."""
    return [*_reflectors(classes), *_racks(classes, racks)]


def single_failures(classes: Classes, units: Sequence[Unit], usual: Reach) -> FailureProof:
    """`usual` is what does not work even when nothing has failed."""
    breaking = (_failure(classes, (unit,), {gap.pair for gap in usual.gaps}) for unit in units)
    return FailureProof(tuple(each for each in breaking if each.gaps), len(units))


def double_failures(classes: Classes, units: Sequence[Unit], usual: Reach, singles: FailureProof) -> FailureProof:
    """Pairs of units, without those one of which breaks as much by itself."""
    alone = {failure.units: failure.gaps for failure in singles.breaking}
    pairs = [pair for pair in combinations(units, 2) if pair[0].members.isdisjoint(pair[1].members)]
    breaking = []
    for pair in islice(pairs, MOST_PAIRS):
        known = {gap.pair for gap in usual.gaps}
        known.update(_usual_pair(classes, gap) for unit in pair for gap in alone.get((unit.name,), ()))
        failure = _failure(classes, pair, known)
        if failure.gaps:
            breaking.append(failure)
    return FailureProof(tuple(breaking), min(len(pairs), MOST_PAIRS), max(len(pairs) - MOST_PAIRS, 0))


def _failure(classes: Classes, units: tuple[Unit, ...], known: set[tuple[str, str]]) -> Failure:
    removed = frozenset().union(*(unit.members for unit in units))
    gaps = (gap for gap in survey(classes, removed).gaps if _usual_pair(classes, gap) not in known)
    alone = units[0].alike if len(units) == 1 else ()
    return Failure(tuple(unit.name for unit in units), tuple(gaps), alone)


def _usual_pair(classes: Classes, gap: Gap) -> tuple[str, str]:
    """The pair by the names that its classes have when no node is gone."""
    origin, destination = gap.pair
    return classes.of[origin].name, classes.of[destination].name


def _reflectors(classes: Classes) -> Iterator[Unit]:
    for name, router in classes.graph.routers.items():
        if router.is_reflector:
            yield Unit(f"reflector {name}", frozenset((name,)), (name,))


def _racks(classes: Classes, racks: Mapping[str, Iterable[str]]) -> Iterator[Unit]:
    for rack, names in racks.items():
        members = frozenset(name for name in names if name in classes.of)
        if any(classes.of[name].forwards for name in members):
            yield Unit(rack, members)


def _is_reflector(classes: Classes, name: str) -> bool:
    return classes.graph.routers[name].is_reflector


def _one_of(members: Sequence[str]) -> str:
    others = len(members) - 1
    return f"node {members[0]}" + (f" (one of {others + 1} alike)" if others else "")
