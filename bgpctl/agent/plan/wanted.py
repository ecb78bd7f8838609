"""What is asked of a node: its plan, and what the next stages judge it by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reflector.plan import NodePlan

if TYPE_CHECKING:
    from bgpctl.agent.node_resources import NodeResources
    from bgpctl.brake import Basis


@dataclass(frozen=True, slots=True)
class Wanted:
    """plan         None: there is no such node
    basis        what the brake goes by
    resources    of the cluster; None for an agent that has nothing of it but its NodePlan
    reflectors   where there are no resources: the names of the plan's peers that reflect
    digest       of the NodePlan that it was made of, likewise
    """

    node: str
    plan: NodePlan | None
    basis: Basis
    resources: NodeResources | None = None
    reflectors: frozenset[str] = frozenset()
    digest: str = ""
