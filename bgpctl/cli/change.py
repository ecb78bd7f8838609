"""A change of the resources, as `diff` and `validate --against` ask about it: two states, compiled once each.

Rule: one pass over the nodes, with two plans at a time, serves both questions: what differs, and what would be held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bgpctl.brake.forecast import Forecast, HeldForecast, Outcome
from bgpctl.cli.cluster import ClusterAccess, read_resources_of_cluster
from bgpctl.compiler import ClusterIndex, CompileError, CompileOptions, compile_node
from bgpctl.datastore.directory import read_directory
from bgpctl.errors import NotReadyError
from bgpctl.guardrails.proof.lost_pairs import LostPairs, lost_pairs
from bgpctl.plan_diff import ClusterComparison, ClusterDifference, plan_pairs
from bgpctl.resources import Loaded
from bgpctl.yaml_source.problem import Problem
from reflector.plan import NodePlan


@dataclass(frozen=True, slots=True)
class Change:
    """What differs, the pairs of nodes that lose each other, and what agents would hold or let through as confirmed."""

    difference: ClusterDifference
    lost: LostPairs
    forecasts: tuple[HeldForecast, ...]

    @property
    def is_loss(self) -> bool:
        """What the new resources confirm counts as meant, with the pairs of nodes that it costs."""
        outcomes = {each.outcome for each in self.forecasts}
        return Outcome.HELD in outcomes or (bool(self.lost.count) and Outcome.CONFIRMED not in outcomes)


class Side:
    """One of the two states, `name` as the user called it. `problems` grow while plans are compiled."""

    def __init__(self, name: str, loaded: Loaded, options: CompileOptions) -> None:
        self.name = name
        self.loaded = loaded
        self.problems: set[Problem] = set(loaded.problems)
        self._options = options

    @classmethod
    def read(cls, path: Path, options: CompileOptions) -> Side:
        return cls(str(path), read_directory(path), options)

    @classmethod
    def read_cluster(cls, cluster: ClusterAccess, options: CompileOptions) -> Side:
        return cls("the cluster", read_resources_of_cluster(cluster, options), options)

    @cached_property
    def index(self) -> ClusterIndex:
        return ClusterIndex(self.loaded.resources)

    def has(self, node: str) -> bool:
        return node in self.loaded.resources.nodes

    def plans(self, node: str) -> Iterator[NodePlan]:
        """The plans of all nodes in name order, or of the one that is named, if it is there."""
        for name in self.loaded.resources.nodes:
            if node in ("", name):
                yield self._plan(name)

    def _plan(self, node: str) -> NodePlan:
        try:
            compiled = compile_node(self.loaded.resources, node, self._options, self.index)
        except CompileError as error:
            raise NotReadyError(f"{self.name}: {error}") from None
        self.problems.update(compiled.problems)
        return compiled.plan


def change_between(before: Side, after: Side, options: CompileOptions, node: str = "", *, full: bool = False) -> Change:
    """From one state to the other, on the node that is named or on all; `full` with the difference of each node."""
    comparison = ClusterComparison(keeps_nodes=full)
    forecast = Forecast(before.index, after.index, options)
    for was, becomes in plan_pairs(before.plans(node), after.plans(node)):
        comparison.take(was, becomes)
        forecast.take(was, becomes)
    difference = comparison.difference()
    old, new = before.loaded.resources, after.loaded.resources
    lost = lost_pairs(old, new, options, node) if difference.concerns_sessions else LostPairs()
    return Change(difference, lost, forecast.held())
