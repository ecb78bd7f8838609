"""How retention stands, as a value and as one sentence for people.

Rule: a route counts as retained if nothing fresh stands beside it. Of several reflectors one is enough: what the others
had is counted only when none of them is left. In the mesh, and for a reflector its clients, each node counts by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reflector.messages import RetainedSession
from reflector.plan import NodePlan, SessionKind, SessionPlan

# So many nodes are named.
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
        """ "" when there is nothing to say."""
        if not self.headline:
            return ""
        if not self.routes:
            return f"{self.headline}; no routes are retained"
        routes = "1 route" if self.routes == 1 else f"{self.routes} routes"
        return f"{self.headline}; {routes} retained until {_time(self.until)}"


NOTHING_RETAINED = RetentionReport()


def report(
    awaited: Collection[RetainedSession],
    telling: Collection[str],
    kept: int,
    until: float,
) -> RetentionReport:
    """`awaited` of the sessions that retain, `telling` those of them to reflectors; `kept`: routes that only the kernel
    has."""
    names = {each.name for each in awaited}
    all_awaited = bool(telling) and names.issuperset(telling)
    counted = [each for each in awaited if all_awaited or not each.may_reflect]
    routes = sum(each.routes for each in counted) + kept
    down = all_awaited and not any(each.is_up for each in awaited if each.name in telling)
    away = sorted({each.peer_node for each in counted if each.routes})
    return RetentionReport(routes, until if routes else 0.0, down, _headline(down, all_awaited, away, kept))


def _headline(down: bool, all_awaited: bool, away: list[str], kept: int) -> str:
    if down:
        return "all reflectors are down"
    if all_awaited and (away or kept):
        return "the reflectors have not said all again"
    if away:
        named = ", ".join(away[:MOST_NAMES]) + (", ..." if len(away) > MOST_NAMES else "")
        return f"{len(away)} nodes are away ({named})" if len(away) > 1 else f"node {named} is away"
    return "the speaker has been restarted" if kept else ""


def to_reflectors(node: NodePlan, sessions: Mapping[str, SessionPlan], reflectors: Collection[str]) -> frozenset[str]:
    """The sessions to reflectors that a node lives by. A reflector lives by its clients."""
    if node.cluster_id:
        return frozenset()
    kinds = (SessionKind.GLOBAL, SessionKind.NODE)
    return frozenset(name for name, each in sessions.items() if each.kind in kinds and each.peer_node in reflectors)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
