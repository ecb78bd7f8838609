"""Which NodePlans are written, and when: what a watch of them brings.

Rule: a write counts when the API server has taken it as another spec, which it numbers (metadata.generation). A status
is none, and a write that changes nothing is no event at all.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Set

import msgspec

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.kinds import NODE_PLAN

SECONDS = 3600
# Seconds without a write after which nothing more is expected: a controller that writes has no such pauses.
QUIET = 2.0


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str


class _List(msgspec.Struct):
    metadata: _ListMetadata


class _Metadata(msgspec.Struct):
    name: str = ""
    generation: int = 0
    resource_version: str = msgspec.field(name="resourceVersion", default="")


class _Spec(msgspec.Struct):
    digest: str = ""


class _Object(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)


class _Event(msgspec.Struct):
    type: str
    object: _Object


class Wave(msgspec.Struct):
    """What came after one change. `seconds` until the last expected plan was there; None: not all of them came.
    `writes` of each node, also of those that were not expected."""

    seconds: float | None
    writes: dict[str, int]


class WrittenPlans:
    """`digests` of the plans that there are."""

    def __init__(self, server: ApiServer) -> None:
        self.digests: dict[str, str] = {}
        self._server = server
        self._generations: dict[str, int] = {}
        self._writes: list[tuple[float, str]] = []
        self._has_news = asyncio.Event()

    async def follow(self) -> None:
        """As long as the benchmark runs. Before there is any NodePlan. An API server under load ends a watch before its
        time: the next one goes on with what came after the last event."""
        answer = await self._server.get(NODE_PLAN.path, {"limit": "1"})
        version = msgspec.json.decode(answer, type=_List).metadata.resource_version
        while True:
            async with self._server.watch(NODE_PLAN.path, {"resourceVersion": version}, SECONDS) as lines:
                async for line in lines:
                    event = msgspec.json.decode(line, type=_Event)
                    self._take(event)
                    version = event.object.metadata.resource_version

    def _take(self, event: _Event) -> None:
        if event.type not in ("ADDED", "MODIFIED"):
            raise AssertionError(f"a NodePlan is {event.type}, and nothing of the benchmark asks for that")
        name, generation = event.object.metadata.name, event.object.metadata.generation
        if self._generations.get(name) != generation:
            self._generations[name] = generation
            self.digests[name] = event.object.spec.digest
            self._writes.append((time.monotonic(), name))
            self._has_news.set()

    @property
    def count(self) -> int:
        """Of all writes until now."""
        return len(self._writes)

    async def wave(self, began: float, before: int, expected: Set[str], within: float) -> Wave:
        """What is written after `before` writes, until all of the expected are there and nothing more comes."""
        deadline = began + within
        while not self._are_there(before, expected) and time.monotonic() < deadline:
            await self._next(deadline - time.monotonic())
        while await self._next(QUIET):
            pass
        new = self._writes[before:]
        last = {name: at for at, name in new if name in expected}
        seconds = max(last.values()) - began if last.keys() == expected else None
        return Wave(seconds, dict(Counter(name for _, name in new)))

    def _are_there(self, before: int, expected: Set[str]) -> bool:
        new = self._writes[before:]
        return len(new) >= len(expected) and expected <= {name for _, name in new}

    async def _next(self, seconds: float) -> bool:
        """Whether something is written within so many seconds."""
        self._has_news.clear()
        try:
            await asyncio.wait_for(self._has_news.wait(), seconds)
        except TimeoutError:
            return False
        return True
