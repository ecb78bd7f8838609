"""Assignments of large plans, so that a reflector's thousands of sessions are not read out of its spec for each change.

Rule: an assignment follows from its spec, and is the same whether it was kept or not. It is kept under the digest, so
without its transition, which the digest leaves out. What was compiled last is kept, up to so many sessions in all:
those of six reflectors with 5,000 clients, and of their plans before, take 18 MiB.
"""

from __future__ import annotations

from msgspec.structs import replace

from bgpctl.node_plan import Assignment, NodePlanSpec, assignment_of
from bgpctl.node_plan.assignment import NO_TRANSITION

MOST_SESSIONS = 65_536


class LargePlans:
    def __init__(self, most_sessions: int = MOST_SESSIONS) -> None:
        self._most = most_sessions
        self._sessions = 0
        # In the order in which they came.
        self._kept: dict[tuple[str, str], Assignment] = {}

    def keep(self, spec: NodePlanSpec, assignment: Assignment) -> None:
        """The assignment that this spec is of, where that is large enough to be compressed."""
        if not spec.compressed:
            return
        self._forget((spec.node, spec.digest))
        self._kept[spec.node, spec.digest] = replace(assignment, transition=NO_TRANSITION)
        self._sessions += len(assignment.plan.sessions)
        while self._sessions > self._most:
            self._forget(next(iter(self._kept)))

    def read(self, spec: NodePlanSpec) -> Assignment:
        """What assignment_of gives, without the transition. Raises UnreadablePlanError."""
        found = self._kept.get((spec.node, spec.digest))
        return found if found is not None else replace(assignment_of(spec), transition=NO_TRANSITION)

    def _forget(self, key: tuple[str, str]) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._sessions -= len(found.plan.sessions)
