"""How retention stands, as a value and as one sentence for people.

Rule: a prefix counts as retained if it has no fresh route. One reflector is enough for a node: what its other
reflectors had is counted only when none is left. In a mesh, and for the clients of a reflector, each node counts by
itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reflector.messages import RetainedSession
from reflector.plan import NodePlan, SessionKind, SessionPlan

# How many nodes the sentence names.
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """`routes` that are retained, until `until` (seconds since the epoch, 0: none are). `headline`: who is away."""

    routes: int = 0
    until: float = 0.0
    reflectors_down: bool = False
    headline: str = ""

    def left(self, now: float) -> float:
        return max(0.0, self.until - now) if self.routes else 0.0

    @property
    def sentence(self) -> str:
        """ "" when all routes are fresh."""
        if not self.headline:
            return ""
        if not self.routes:
            return f"{self.headline}; no routes are retained"
        routes = "1 route" if self.routes == 1 else f"{self.routes} routes"
        return f"{self.headline}; {routes} retained until {_time(self.until)}"


NOTHING_RETAINED = RetentionReport()


def report(
    awaited: Collection[RetainedSession],
    to_reflectors: Collection[str],
    in_kernel_only: int,
    until: float,
) -> RetentionReport:
    """`awaited` are sessions whose peer has not sent all it has, `to_reflectors` the names of the sessions to
    reflectors; `in_kernel_only`: routes that only the kernel has."""
    names = {each.name for each in awaited}
    all_awaited = bool(to_reflectors) and names.issuperset(to_reflectors)
    counted = [each for each in awaited if all_awaited or not each.may_reflect]
    routes = sum(each.routes for each in counted) + in_kernel_only
    down = all_awaited and not any(each.is_up for each in awaited if each.name in to_reflectors)
    away = sorted({each.peer_node for each in counted if each.routes})
    return RetentionReport(routes, until if routes else 0.0, down, _headline(down, all_awaited, away, in_kernel_only))


def _headline(down: bool, all_awaited: bool, away: list[str], in_kernel_only: int) -> str:
    if down:
        return "all reflectors are down"
    if all_awaited and (away or in_kernel_only):
        return "no reflector has sent all its routes yet"
    if away:
        named = ", ".join(away[:MOST_NAMES]) + (", ..." if len(away) > MOST_NAMES else "")
        return f"{len(away)} nodes are away ({named})" if len(away) > 1 else f"node {named} is away"
    return "the speaker has been restarted" if in_kernel_only else ""


def reflector_sessions(
    node: NodePlan, sessions: Mapping[str, SessionPlan], reflectors: Collection[str]
) -> frozenset[str]:
    """The sessions to reflectors that a node depends on. A reflector depends on its clients instead."""
    if node.cluster_id:
        return frozenset()
    kinds = (SessionKind.GLOBAL, SessionKind.NODE)
    return frozenset(name for name, each in sessions.items() if each.kind in kinds and each.peer_node in reflectors)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
