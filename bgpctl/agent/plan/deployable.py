"""A plan, and the same plan as the speaker reads it."""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.agent.host.run_directory import PlanFiles
from reflector.plan import NodePlan


@dataclass(frozen=True, slots=True)
class Deployable:
    plan: NodePlan
    files: PlanFiles
