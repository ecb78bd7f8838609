"""The proof of a whole cluster: all nodes' plans in, a verdict for each address family out.

The plans are compiled without the node-to-node mesh, which the session graph adds as what it is: a set of nodes any
two of whom have a session. So a mesh of 5,000 nodes costs no more than 5,000 nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bgpctl.compiler import ClusterIndex, CompileOptions, compile_cluster
from bgpctl.guardrails.proof.classes import Classes, node_classes
from bgpctl.guardrails.proof.completeness import Gap, survey
from bgpctl.guardrails.proof.failures import (
    FailureProof,
    double_failures,
    paired_units,
    single_failures,
    single_units,
)
from bgpctl.guardrails.proof.graph_builder import session_graphs
from bgpctl.guardrails.without_mesh import without_mesh
from bgpctl.resources.resource_set import ResourceSet
from reflector.plan import Family

RACK_LABELS = ("topology.kubernetes.io/zone", "rack")
FailureDepth = Literal[0, 1, 2]
NO_OPTIONS = CompileOptions()


@dataclass(frozen=True, slots=True)
class FamilyProof:
    """The verdict for one family. `single` and `double` are None when they were not asked for."""

    family: Family
    nodes: int
    kinds: int
    reflectors: tuple[str, ...]
    gaps: tuple[Gap, ...]
    unknown: tuple[Gap, ...]
    single: FailureProof | None = None
    double: FailureProof | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdicts of all families that the cluster has."""

    families: tuple[FamilyProof, ...]

    @property
    def is_complete(self) -> bool:
        """With every router up, every prefix reaches every node, as far as is known."""
        return not any(each.gaps for each in self.families)


def prove(
    resources: ResourceSet,
    options: CompileOptions = NO_OPTIONS,
    failures: FailureDepth = 0,
    rack_label: str = "",
) -> Proof:
    """The proof for a whole cluster. `failures` says how many units fail at a time; `rack_label` which label makes
    a rack, "" for the first of RACK_LABELS that some node has."""
    index = ClusterIndex(resources)
    plans = (compiled.plan for compiled in compile_cluster(without_mesh(resources), options))
    racks = _racks(resources, rack_label)
    graphs = session_graphs(plans, index, options)
    return Proof(tuple(_prove_family(node_classes(graph), failures, racks) for graph in graphs))


def incomplete_nodes(resources: ResourceSet, options: CompileOptions = NO_OPTIONS) -> frozenset[str]:
    """The nodes that miss a prefix of another node, or whose own is missed by one, or of which that is not known."""
    index = ClusterIndex(resources)
    plans = (compiled.plan for compiled in compile_cluster(without_mesh(resources), options))
    found: set[str] = set()
    seen: set[str] = set()
    for graph in session_graphs(plans, index, options):
        classes = node_classes(graph)
        reach = survey(classes)
        seen |= graph.routers.keys()
        for gap in (*reach.gaps, *reach.unknown):
            found.update(*(classes.of[name].members for name in gap.pair))
    return frozenset(found | (resources.nodes.keys() - seen))


def _prove_family(classes: Classes, depth: FailureDepth, racks: Mapping[str, Iterable[str]]) -> FamilyProof:
    graph = classes.graph
    usual = survey(classes)
    single = single_failures(classes, single_units(classes, racks), usual) if depth else None
    double = double_failures(classes, paired_units(classes, racks), usual, single) if single and depth > 1 else None
    return FamilyProof(
        family=graph.family,
        nodes=len(graph.routers),
        kinds=len(classes.classes),
        reflectors=tuple(name for name, router in graph.routers.items() if router.cluster_id),
        gaps=usual.gaps,
        unknown=usual.unknown,
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
