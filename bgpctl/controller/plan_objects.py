"""NodePlan objects as the API server has them: what is read of them, and the requests that change them.

Rule: a request names the version of the object that it replaces, so two controllers never overwrite each other unseen,
and it replaces nothing but the spec: labels, annotations and the agent's status are not ours. Of an object that is
followed the plan is not kept, of which there is one a node. A status that is not readable is that node's own affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError, Failure
from bgpctl.kubernetes.kinds import NODE_PLAN
from bgpctl.node_plan import NodePlanSpec, UnreadablePlanError, assignment_of

GROUP_VERSION, PATH = NODE_PLAN.api_version, NODE_PLAN.path
PAGE = 500
# Seconds after which a watch begins anew, where it ended.
WATCH_SECONDS = 600
BOOKMARK, DELETED, ERROR = "BOOKMARK", "DELETED", "ERROR"
JSON, JSON_PATCH = "application/json", "application/json-patch+json"


class _Held(msgspec.Struct):
    count: int = 0


class _Status(msgspec.Struct):
    """What the controller reads of it."""

    running: str = ""
    held: _Held = msgspec.field(default_factory=_Held)
    version: str = ""
    found: msgspec.Raw = msgspec.Raw()


NO_STATUS = _Status()


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    resource_version: str = ""
    generation: int = 0


class _SpecHeader(msgspec.Struct):
    digest: str = ""
    revision: str = ""


class _Header(msgspec.Struct):
    metadata: _Metadata
    spec: _SpecHeader = msgspec.field(default_factory=_SpecHeader)
    status: msgspec.Raw = msgspec.Raw()


class _Whole(msgspec.Struct):
    metadata: _Metadata
    spec: msgspec.Raw = msgspec.Raw()
    status: msgspec.Raw = msgspec.Raw()


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    # "continue" is a word of Python.
    more: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    metadata: _ListMetadata
    items: list[_Whole]


class _Event(msgspec.Struct):
    type: str
    object: _Header


@dataclass(frozen=True, slots=True)
class PlanObject:
    """version      a later one is greater (Kubernetes API concepts, resource versions)
    generation   of the spec: another one is another spec
    revision     of the configuration, that it was compiled of
    running      the digest of which the node runs all
    holds        the agent holds something of it
    found        what it reports that only its machine knows, b"" for nothing; None: no agent has reported yet
    """

    name: str
    version: int
    generation: int
    digest: str
    revision: str = ""
    running: str = ""
    holds: bool = False
    found: bytes | None = None

    @property
    def is_run(self) -> bool:
        return self.running == self.digest != ""


@dataclass(frozen=True, slots=True)
class PlanEvent:
    """`change` is that of a watch."""

    change: str
    object: PlanObject


class PlanObjects:
    """Each method raises FailedError."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    async def has_any(self) -> bool:
        page = msgspec.json.decode(await self._server.get(PATH, {"limit": "1"}), type=_Page)
        return bool(page.items)

    async def list(self) -> tuple[dict[str, PlanObject], int]:
        """All of them by name, and the version that this is of. One that no agent reads, because somebody has edited it
        while no controller looked, has no digest."""
        found: dict[str, PlanObject] = {}
        more = ""
        while True:
            parameters = {"limit": str(PAGE)} | ({"continue": more} if more else {})
            page, objects = await asyncio.to_thread(_of_page, await self._server.get(PATH, parameters))
            found.update((each.name, each) for each in objects)
            more = page.more
            if not more:
                return found, int(page.resource_version)

    @asynccontextmanager
    async def watch(self, version: int) -> AsyncIterator[AsyncGenerator[PlanEvent, None]]:
        """What happens after this version, until the API server ends the watch."""
        parameters = {"resourceVersion": str(version), "allowWatchBookmarks": "true"}
        async with self._server.watch(PATH, parameters, WATCH_SECONDS) as lines:
            yield (_event(line) async for line in lines)

    async def get(self, name: str) -> tuple[PlanObject, NodePlanSpec | None] | None:
        """With its spec, None and without a digest where no agent reads it; None where there is no object."""
        try:
            answer = await self._server.get(NODE_PLAN.path_of("", name))
        except FailedError as error:
            if error.failure.cause is Cause.ABSENT:
                return None
            raise
        return _read_whole(msgspec.json.decode(answer, type=_Whole))

    async def create(self, spec: NodePlanSpec) -> PlanObject:
        whole = {"apiVersion": GROUP_VERSION, "kind": "NodePlan", "metadata": {"name": spec.node}, "spec": spec}
        return _object(await self._server.send("POST", PATH, msgspec.json.encode(whole), JSON))

    async def replace(self, before: PlanObject, spec: NodePlanSpec) -> PlanObject:
        patch = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": str(before.version)},
            {"op": "replace", "path": "/spec", "value": spec},
        ]
        return _object(
            await self._server.send("PATCH", NODE_PLAN.path_of("", spec.node), msgspec.json.encode(patch), JSON_PATCH)
        )

    async def delete(self, before: PlanObject) -> None:
        """One that is gone already is no failure."""
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"resourceVersion": str(before.version)},
        }
        try:
            await self._server.send("DELETE", NODE_PLAN.path_of("", before.name), msgspec.json.encode(options), JSON)
        except FailedError as error:
            if error.failure.cause is not Cause.ABSENT:
                raise


def _of_page(answer: bytes) -> tuple[_ListMetadata, list[PlanObject]]:
    """In a thread: to read thousands of plans takes a second."""
    page = msgspec.json.decode(answer, type=_Page)
    return page.metadata, [_read_whole(each)[0] for each in page.items]


def _read_whole(whole: _Whole) -> tuple[PlanObject, NodePlanSpec | None]:
    spec = _spec(whole.spec)
    header = _SpecHeader(spec.digest, spec.revision) if spec is not None else _SpecHeader()
    return _read(_Header(whole.metadata, header, whole.status)), spec


def _object(answer: bytes) -> PlanObject:
    return _read(msgspec.json.decode(answer, type=_Header))


def _read(found: _Header) -> PlanObject:
    metadata, status = found.metadata, _status(found.status)
    return PlanObject(
        name=metadata.name,
        version=int(metadata.resource_version or 0),
        generation=metadata.generation,
        digest=found.spec.digest,
        revision=found.spec.revision,
        running=status.running,
        holds=status.held.count > 0,
        found=bytes(status.found) if status.version else None,
    )


def _spec(raw: msgspec.Raw) -> NodePlanSpec | None:
    try:
        spec = msgspec.json.decode(raw, type=NodePlanSpec)
        assignment_of(spec)
    except (msgspec.MsgspecError, UnreadablePlanError):
        return None
    return spec


def _status(raw: msgspec.Raw) -> _Status:
    if not bytes(raw):
        return NO_STATUS
    try:
        return msgspec.json.decode(raw, type=_Status)
    except msgspec.MsgspecError:
        return NO_STATUS


def _event(line: bytes) -> PlanEvent:
    """Raises FailedError, also for an event that says that the watch has expired."""
    try:
        event = msgspec.json.decode(line, type=_Event)
    except msgspec.MsgspecError as error:
        raise FailedError(Failure(Cause.NOT_READABLE, f"an event of NodePlans is not readable: {error}")) from error
    if event.type == ERROR:
        raise FailedError(Failure(Cause.EXPIRED, "the watch of NodePlans has expired"))
    return PlanEvent(event.type, _read(event.object))
