"""The NodePlan objects of a cluster: what is in the API, and what has to be written for it to be what is wanted.

Rule: a write names the version of the object that it replaces, so two controllers never overwrite each other unseen,
and it replaces nothing but the spec: labels, annotations and the agent's status are not ours. Whatever the API answers
to one object, the others go on; what failed is tried again with the next reconciliation.

NodePlans of nodes that are gone are deleted, but never most of those of the last ten minutes (MOST_GONE): a list of
Nodes that is empty by mistake must not take the plans of a cluster away, neither at once nor in small steps.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError, Failure
from bgpctl.kubernetes.kinds import NODE_PLAN
from bgpctl.node_plan import NodePlanSpec

GROUP_VERSION, PATH = NODE_PLAN.api_version, NODE_PLAN.path
PAGE = 500
# Seconds after which a watch begins anew, where it ended.
WATCH_SECONDS = 600
# Requests at a time: what a busy API server takes without delaying others.
AT_ONCE = 16
# More than this share of the plans that were there within MEMORY seconds, and at least so many, are not deleted.
MOST_GONE, FEWEST_GONE, MEMORY = 0.5, 2, 600.0
BOOKMARK, DELETED, ERROR = "BOOKMARK", "DELETED", "ERROR"
JSON, JSON_PATCH = "application/json", "application/json-patch+json"


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    resource_version: str = ""


class _SpecHeader(msgspec.Struct):
    digest: str = ""


class _Written(msgspec.Struct):
    """What is kept of an object: not the plan, of which there is one a node."""

    metadata: _Metadata
    spec: _SpecHeader = msgspec.field(default_factory=_SpecHeader)

    @property
    def version(self) -> int:
        """A later one is greater (Kubernetes API concepts, resource versions)."""
        return int(self.metadata.resource_version or 0)


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    # "continue" is a word of Python.
    more: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    metadata: _ListMetadata
    items: list[_Written]


class _Event(msgspec.Struct):
    type: str
    object: _Written


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`failed`: what the API answered, by node. `withheld`: nodes whose plans are not deleted, for they are most."""

    written: int = 0
    deleted: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()


class PlanStore:
    """`follow` keeps up with what is in the API, `reconcile` changes it. `is_known`: all of it has been listed once."""

    def __init__(
        self, server: ApiServer, may_write: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_known = False
        self._clock = clock
        # When there were how many.
        self._counts: deque[tuple[float, int]] = deque()
        self._server = server
        self._may_write = may_write
        self._known: dict[str, _Written] = {}

    async def has_any(self) -> bool:
        """Whether there is a NodePlan already. Raises FailedError."""
        page = msgspec.json.decode(await self._server.get(PATH, {"limit": "1"}), type=_Page)
        return bool(page.items)

    async def follow(self, changed: Callable[[], None], succeeded: Callable[[], None]) -> None:
        """Lists them once and follows them until something fails. Raises FailedError."""
        version = await self._list()
        changed()
        while True:
            succeeded()
            parameters = {"resourceVersion": str(version), "allowWatchBookmarks": "true"}
            async with self._server.watch(PATH, parameters, WATCH_SECONDS) as lines:
                async for line in lines:
                    event = _event(line)
                    version = max(version, event.object.version)
                    if self._take(event):
                        changed()

    def _take(self, event: _Event) -> bool:
        """Whether the event is news: what this controller has written itself is none."""
        name, found = event.object.metadata.name, event.object
        before = self._known.get(name)
        if event.type == BOOKMARK or (before is not None and before.version >= found.version):
            return False
        if event.type == DELETED:
            self._known.pop(name, None)
            return before is not None
        self._known[name] = found
        return before is None or before.spec.digest != found.spec.digest

    async def _list(self) -> int:
        """The version that it is of."""
        found: dict[str, _Written] = {}
        more = ""
        while True:
            parameters = {"limit": str(PAGE)} | ({"continue": more} if more else {})
            page = msgspec.json.decode(await self._server.get(PATH, parameters), type=_Page)
            found.update((each.metadata.name, each) for each in page.items)
            more = page.metadata.more
            if not more:
                self._known, self.is_known = found, True
                return int(page.metadata.resource_version)

    async def reconcile(self, wanted: Mapping[str, NodePlanSpec | None], *, may_delete: bool) -> Reconciled:
        """Until every object is what is wanted, or has failed; one of which nothing is known (None) stays as it is.
        `may_delete`: a node that is not among them is gone, and not only unreadable."""
        known = self._known
        outdated = {name: spec for name, spec in wanted.items() if spec and not _is_written(known, spec)}
        gone, withheld = self._to_delete(known.keys() - wanted.keys() if may_delete else ())
        failed: dict[str, str] = {}
        places = asyncio.Semaphore(AT_ONCE)

        async def attempt(name: str, request: Awaitable[None]) -> None:
            async with places:
                try:
                    await request
                except FailedError as error:
                    failed[name] = str(error)

        writes = [attempt(name, self._write(known, spec)) for name, spec in outdated.items()]
        deletes = [attempt(name, self._delete(known, name)) for name in gone]
        await asyncio.gather(*writes, *deletes)
        written = sum(_is_written(known, spec) for spec in outdated.values())
        return Reconciled(written, sum(name not in known for name in gone), failed, withheld)

    def _to_delete(self, gone: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Those that are deleted, and those that are not because with them most would be gone."""
        now, gone = self._clock(), frozenset(gone)
        self._counts.append((now, len(self._known)))
        while self._counts[0][0] < now - MEMORY:
            self._counts.popleft()
        most = max(count for _, count in self._counts)
        lost = most - len(self._known) + len(gone)
        if lost >= FEWEST_GONE and lost > MOST_GONE * most:
            return frozenset(), gone
        return gone, frozenset()

    async def _write(self, known: dict[str, _Written], spec: NodePlanSpec) -> None:
        """An object that is another than was known is looked at once more, and then it is so."""
        try:
            await self._try_to_write(known, spec)
        except FailedError as error:
            if error.failure.cause is not Cause.CONFLICT:
                raise
            await self._look(known, spec.node)
            if not _is_written(known, spec):
                await self._try_to_write(known, spec)

    async def _try_to_write(self, known: dict[str, _Written], spec: NodePlanSpec) -> None:
        if not self._may_write():
            return
        before = known.get(spec.node)
        if before is None:
            whole = {"apiVersion": GROUP_VERSION, "kind": "NodePlan", "metadata": {"name": spec.node}, "spec": spec}
            answer = await self._server.send("POST", PATH, msgspec.json.encode(whole), JSON)
        else:
            patch = [
                {"op": "replace", "path": "/metadata/resourceVersion", "value": before.metadata.resource_version},
                {"op": "replace", "path": "/spec", "value": spec},
            ]
            answer = await self._server.send("PATCH", _path(spec.node), msgspec.json.encode(patch), JSON_PATCH)
        known[spec.node] = msgspec.json.decode(answer, type=_Written)

    async def _look(self, known: dict[str, _Written], name: str) -> None:
        try:
            known[name] = msgspec.json.decode(await self._server.get(_path(name)), type=_Written)
        except FailedError as error:
            if error.failure.cause is not Cause.ABSENT:
                raise
            known.pop(name, None)

    async def _delete(self, known: dict[str, _Written], name: str) -> None:
        if not self._may_write():
            return
        version = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"resourceVersion": known[name].metadata.resource_version},
        }
        try:
            await self._server.send("DELETE", _path(name), msgspec.json.encode(version), JSON)
        except FailedError as error:
            if error.failure.cause is Cause.CONFLICT:
                await self._look(known, name)
            if error.failure.cause is not Cause.ABSENT:
                raise
        known.pop(name, None)


def _event(line: bytes) -> _Event:
    """Raises FailedError, also for an event that says that the watch has expired."""
    try:
        event = msgspec.json.decode(line, type=_Event)
    except msgspec.MsgspecError as error:
        raise FailedError(Failure(Cause.NOT_READABLE, f"an event of NodePlans is not readable: {error}")) from error
    if event.type == ERROR:
        raise FailedError(Failure(Cause.EXPIRED, "the watch of NodePlans has expired"))
    return event


def _is_written(known: Mapping[str, _Written], spec: NodePlanSpec) -> bool:
    found = known.get(spec.node)
    return found is not None and found.spec.digest == spec.digest


def _path(name: str) -> str:
    return f"{PATH}/{name}"
