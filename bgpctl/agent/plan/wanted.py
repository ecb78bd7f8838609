"""What usable resources ask of a node: its plan, and the resources by which the next stage judges it."""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.agent.node_resources import NodeResources
from bgpctl.compiler import ClusterIndex, CompileOptions
from reflector.plan import NodePlan


@dataclass(frozen=True, slots=True)
class Wanted:
    """`plan` is None when the resources have no Node of this name; `index` and `options` are those it was compiled
    with."""

    resources: NodeResources
    plan: NodePlan | None
    index: ClusterIndex
    options: CompileOptions
