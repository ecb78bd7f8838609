"""A plan as it replaces another one: with what became of the plans that the node may still run.

    the node runs all of the former plan      of that one
    it does not, or it is not known           of that one and of those before it, as the former object says
    the former object cannot be read          of any plan
    there is no former object                 of none

Rule: the digest of a plan does not depend on its transition. So a plan that is written is as it is wanted whatever its
transition is, and whoever writes decides at that moment. As long as something of a plan is held, its transition is kept
up to date: then the former plan is the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from bgpctl.brake import transition_from_unknown, transition_to
from bgpctl.controller.cluster_plans import ClusterPlans
from bgpctl.node_plan import Assignment, NodePlanSpec, assignment_of, spec_of
from bgpctl.node_plan.assignment import Transition


@dataclass(frozen=True, slots=True)
class Former:
    """What is replaced, which assignment_of reads; None: an object that it does not read. `is_run`: the node runs all
    of it."""

    spec: NodePlanSpec | None
    is_run: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """concerned   the nodes whose completeness the topology proof is to judge; empty where it is not asked
    before      the transition that is there, where the former plan is the same one
    """

    assignment: Assignment
    revision: str
    concerned: frozenset[str] = frozenset()
    before: Transition | None = None

    def spec(self, *, is_complete: bool) -> NodePlanSpec:
        """As it is written. Raises PlanTooLargeError."""
        found = self.assignment.transition
        if self.concerned:
            found = replace(found, is_complete=is_complete)
        if self.before is not None and _for_the_node(found) == _for_the_node(self.before):
            found = self.before
        return spec_of(replace(self.assignment, transition=found), self.revision)


def change(plans: ClusterPlans, wanted: NodePlanSpec, former: Former | None) -> Change:
    """`wanted` is of these plans."""
    index, options, large = plans.index, plans.options, plans.large
    assignment = large.read(wanted)
    if former is None:
        return Change(assignment, wanted.revision)
    if former.spec is None:
        transition = transition_from_unknown(index, assignment.plan, options)
        return Change(replace(assignment, transition=transition), wanted.revision)
    before = large.read(former.spec) if former.is_run else assignment_of(former.spec)
    asked: list[frozenset[str]] = []

    def judge(nodes: frozenset[str]) -> bool:
        asked.append(nodes)
        return False

    transition = transition_to(index, assignment.plan, before, options, judge)
    is_same = former.spec.digest == wanted.digest
    return Change(
        replace(assignment, transition=transition),
        former.spec.revision if is_same else wanted.revision,
        frozenset().union(*asked),
        before.transition if is_same else None,
    )


def _for_the_node(transition: Transition) -> Transition:
    """What is busy only serves the next transition."""
    return replace(transition, busy=())
