"""The proof of a whole cluster: all nodes' plans in, a verdict for each address family out.

The verdict is one of three. NOT_COMPLETE: something is certainly not reached. NOT_KNOWN: nothing of the kind was found,
and something depends on what no resource says, or was not looked at. COMPLETE: all was looked at and found to be so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bgpctl.compiler import CompileOptions
from bgpctl.guardrails.finding import some
from bgpctl.guardrails.proof.classes import Classes, node_classes
from bgpctl.guardrails.proof.completeness import Gap, survey
from bgpctl.guardrails.proof.failures import (
    FailureProof,
    double_failures,
    paired_units,
    single_failures,
    single_units,
)
from bgpctl.guardrails.proof.graph_builder import cluster_graphs
from bgpctl.guardrails.proof.session_graph import SessionGraph
from bgpctl.resources.resource_set import ResourceSet
from reflector.plan import Family

RACK_LABELS = ("topology.kubernetes.io/zone", "rack")
FailureDepth = Literal[0, 1, 2]
NO_OPTIONS = CompileOptions()


class Verdict(StrEnum):
    """The worse one goes first."""

    NOT_COMPLETE = "not complete"
    NOT_KNOWN = "not known"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class FamilyProof:
    """The verdict for one family.

    spared      pairs that are not reached, which costs no packet
    not_asked   nodes of which no prefix is followed although they are no dedicated reflectors
    without_speaker   nodes that have no BGP speaker
    single, double   None when they were not asked for
    """

    family: Family
    nodes: int
    kinds: int
    reflectors: tuple[str, ...]
    gaps: tuple[Gap, ...]
    unknown: tuple[Gap, ...]
    spared: tuple[Gap, ...] = ()
    not_asked: tuple[str, ...] = ()
    without_speaker: tuple[str, ...] = ()
    single: FailureProof | None = None
    double: FailureProof | None = None

    @property
    def verdict(self) -> Verdict:
        if self.gaps:
            return Verdict.NOT_COMPLETE
        return Verdict.NOT_KNOWN if self.unknown else Verdict.COMPLETE


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdicts of all families that the cluster has.

    unseen   sentences about what was not looked at: with any of them nothing is complete
    """

    families: tuple[FamilyProof, ...]
    unseen: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """With every router up, of all families together."""
        found = [each.verdict for each in self.families]
        if self.unseen or not found:
            found.append(Verdict.NOT_KNOWN)
        return min(found, key=list(Verdict).index)

    @property
    def is_complete(self) -> bool:
        """Every prefix reaches every node; nothing about that is unknown."""
        return self.verdict is Verdict.COMPLETE


def prove(
    resources: ResourceSet,
    options: CompileOptions = NO_OPTIONS,
    failures: FailureDepth = 0,
    rack_label: str = "",
    unread: int = 0,
) -> Proof:
    """The proof for a whole cluster. `failures` says how many units fail at a time; `rack_label` which label makes
    a rack, "" for the first of RACK_LABELS that some node has; `unread` how many errors the resources had, for which
    something was left out."""
    racks = _racks(resources, rack_label)
    graphs = cluster_graphs(resources, options)
    families = tuple(_prove_family(node_classes(graph), failures, racks) for graph in graphs)
    return Proof(families, tuple(_unseen(resources, graphs, unread)))


def incomplete_nodes(resources: ResourceSet, options: CompileOptions = NO_OPTIONS) -> frozenset[str]:
    """The nodes that miss a prefix of another node, or whose own is missed by one, or of which that is not known."""
    found: set[str] = set()
    seen: set[str] = set()
    for graph in cluster_graphs(resources, options):
        classes = node_classes(graph)
        reach = survey(classes)
        seen |= graph.routers.keys()
        for gap in (*reach.gaps, *reach.unknown):
            found.update(*(classes.of[name].members for name in gap.pair))
    return frozenset(found | (resources.nodes.keys() - seen))


def _unseen(resources: ResourceSet, graphs: Iterable[SessionGraph], unread: int) -> Iterator[str]:
    if unread:
        yield f"{unread} error{'s' * (unread != 1)} in the resources: what is wrong was left out"
    seen = {name for graph in graphs for name in graph.routers}
    without = sorted(resources.nodes.keys() - seen)
    if without:
        yield f"{some(without)} {'has' if len(without) == 1 else 'have'} no address for BGP in the resources"
    if not resources.nodes:
        yield "there is no Node"


def _prove_family(classes: Classes, depth: FailureDepth, racks: Mapping[str, Iterable[str]]) -> FamilyProof:
    graph = classes.graph
    usual = survey(classes)
    single = single_failures(classes, single_units(classes, racks), usual) if depth else None
    double = double_failures(classes, paired_units(classes, racks), usual, single) if single and depth > 1 else None
    routers = graph.routers.values()
    return FamilyProof(
        family=graph.family,
        nodes=len(graph.routers),
        kinds=len(classes.classes),
        reflectors=tuple(router.name for router in routers if router.is_reflector),
        gaps=usual.gaps,
        unknown=usual.unknown,
        spared=usual.spared,
        not_asked=tuple(router.name for router in routers if not router.prefixes and not router.is_reflector),
        without_speaker=tuple(each.name for each in graph.index.without_speaker if each.name in graph.routers),
        single=single,
        double=double,
    )


def _racks(resources: ResourceSet, label: str) -> dict[str, list[str]]:
    """Rack, with the label that makes it -> its nodes."""
    labels = {name: node.metadata.labels for name, node in resources.nodes.items()}
    wanted = (label,) if label else RACK_LABELS
    chosen = next((each for each in wanted if any(each in found for found in labels.values())), None)
    racks: dict[str, list[str]] = {}
    for name, found in labels.items():
        if chosen is not None and chosen in found:
            racks.setdefault(f"{chosen}={found[chosen]}", []).append(name)
    return dict(sorted(racks.items()))
