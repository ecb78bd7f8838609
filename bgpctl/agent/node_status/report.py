"""Asks speaker and FIB for what a CalicoNodeStatus reports, and puts it together.

Rule: all or nothing. A speaker that does not run is part of the report (NotReady); one that runs and fails to answer a
question leaves no report at all, for half of one would be taken for the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bgpctl.agent.node_status.status import NodeStatus, SpeakerFacts, node_status
from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from bgpctl.fib.kernel.forwarding import NextHop
from reflector.messages import Counters, Peers, Reply, Request, Routes, RouteStatus, ShowCounters, ShowPeers, ShowRoutes
from reflector.plan import Family

Answer = TypeVar("Answer", bound=Reply)
PAGE = 2000
PATIENCE = 10.0
# Clocks of two processes and the time that a question takes: a moment that moved by less has not moved.
SAME_MOMENT = 2.0


class NoReportError(Exception):
    """The speaker runs and does not answer as it should. One sentence."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the agent itself knows: `router_id` and `configured_at` (seconds since the epoch) of the plan in place."""

    version: str
    speaker_runs: bool
    router_id: str
    configured_at: float


class KernelRoutes(Protocol):
    """What the kernel does with the routes that this agent programs."""

    def forwarding(self) -> Mapping[str, tuple[NextHop, ...]]:
        """Prefix -> how the kernel forwards it."""

    def unresolved(self) -> frozenset[str]:
        """Prefixes whose next hops the kernel has no way to."""


class NodeReporter:
    """Makes reports, one at a time, through a link of its own."""

    def __init__(self, link: SpeakerLink, standing: Callable[[], Standing], kernel: KernelRoutes) -> None:
        self._link = link
        self._standing = standing
        self._kernel = kernel
        self._moments: dict[tuple[str, str], float] = {}

    async def report(self, classes: Iterable[str]) -> NodeStatus:
        """The status of these classes as it is now, without its time. Raises NoReportError."""
        wanted = frozenset(classes)
        standing = self._standing()
        facts = await self._facts(wanted, standing) if standing.speaker_runs else None
        return node_status(wanted, standing.version, facts)

    async def _facts(self, classes: frozenset[str], standing: Standing) -> SpeakerFacts:
        counters = await self._ask(ShowCounters(), Counters)
        booted_at = self._moment("boot", "", counters.uptime)
        peers = (await self._ask(ShowPeers(), Peers)).peers if classes & {"BGP", "Routes"} else ()
        with_routes = "Routes" in classes
        return SpeakerFacts(
            booted_at=booted_at,
            configured_at=standing.configured_at,
            router_id=standing.router_id,
            peers=peers,
            changed_at={peer.name: self._moment("peer", peer.name, peer.since) for peer in peers},
            routes=(*await self._routes(4), *await self._routes(6)) if with_routes else (),
            forwarding=self._kernel.forwarding() if with_routes else {},
            unresolved=self._kernel.unresolved() if with_routes else frozenset(),
        )

    async def _routes(self, family: Family) -> list[RouteStatus]:
        routes: list[RouteStatus] = []
        after = ""
        while True:
            page = await self._ask(ShowRoutes(family=family, after=after, limit=PAGE, all_paths=True), Routes)
            routes += page.routes
            if not page.next_after:
                return routes
            after = page.next_after

    async def _ask(self, question: Request, kind: type[Answer]) -> Answer:
        try:
            reply = await self._link.ask(question, PATIENCE)
        except SpeakerAwayError as error:
            raise NoReportError(str(error)) from error
        if not isinstance(reply, kind):
            raise NoReportError(f"the speaker answered {type(question).__name__} with {type(reply).__name__}")
        return reply

    def _moment(self, what: str, name: str, age: float) -> float:
        """When something happened that is `age` seconds old. The same answer every time, as long as it is the same."""
        now = time.time() - age
        known = self._moments.get((what, name))
        if known is None or abs(known - now) > SAME_MOMENT:
            self._moments[what, name] = known = now
        return known
