"""The plans of all nodes at one time, as compilation.py has them and what is written follows from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.controller.large_plans import LargePlans
from bgpctl.node_plan import NodePlanSpec


@dataclass(frozen=True, slots=True)
class ClusterPlans:
    """The plans of all nodes at one time, without transitions, and what they were compiled of.

    number   a later one has a greater one
    specs    None for a node of which there was never a plan
    large    assignments of those that are large
    """

    number: int
    specs: Mapping[str, NodePlanSpec | None]
    index: ClusterIndex
    options: CompileOptions
    large: LargePlans
