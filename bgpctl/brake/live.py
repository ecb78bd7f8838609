"""The live state of a node, as far as a loss depends on it: frozen values, filled from its speaker and FIB.

Rule: what is not known is None, and then the plan is taken for what is so: every session Established, every kernel
route installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reflector.plan import Family, NodePlan


@dataclass(frozen=True, slots=True)
class Source:
    """So many routes of a family have exactly these sessions as their sources."""

    family: Family
    sessions: frozenset[str]
    routes: int


@dataclass(frozen=True, slots=True)
class LiveState:
    """established   names of the sessions that are Established
    sources       the learned routes, by the sessions that they come from; None: not known
    installed     network of a kernel rule of the running plan -> kernel routes inside it that are installed, "" for
                  those outside all rules; None: not known
    draining      the node is being taken out of use
    absent        local addresses of sessions that the machine does not have any more
    empty         blocks of the running plan that no workload of this node uses, of those that the wanted one lacks
    """

    established: frozenset[str]
    sources: tuple[Source, ...] | None = None
    installed: Mapping[str, int] | None = None
    draining: bool = False
    absent: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()

    def learned(self, session: str, family: Family) -> int:
        """The routes of a family that this session is a source of; 0 when they are not known."""
        return sum(each.routes for each in self.sources or () if each.family == family and session in each.sessions)

    def routes(self, family: Family) -> int:
        """The learned routes of a family; 0 when they are not known."""
        return sum(each.routes for each in self.sources or () if each.family == family)


def assumed(plan: NodePlan) -> LiveState:
    """A node that runs this plan and of which nothing else is known."""
    return LiveState(frozenset(each.name for each in plan.sessions))
