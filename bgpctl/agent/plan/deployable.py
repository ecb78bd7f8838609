"""A plan, and the same plan as the speaker reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bgpctl.agent.host.run_directory import PlanFiles
from bgpctl.compiler import render_exabgp_conf
from reflector.plan import NodePlan, encode_plan


@dataclass(frozen=True, slots=True)
class Deployable:
    plan: NodePlan
    files: PlanFiles

    @classmethod
    def of(cls, plan: NodePlan) -> Self:
        return cls(plan, PlanFiles(encode_plan(plan), render_exabgp_conf(plan).encode()))
