"""Requests about objects, whole: lists, one object, apply, delete. Each succeeds or raises FailedError.

Objects are written by server-side apply as the manager `bgpctl`, with strict field validation: a misspelt field is
refused, and not dropped. What the API server is too busy for is asked a few times.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError
from bgpctl.kubernetes.kinds import ApiKind, api_path
from bgpctl.kubernetes.pauses import Pauses
from bgpctl.objects.cluster.whole_reader import object_in, objects_in

T = TypeVar("T")

# Who applies whole objects, and who sets single fields of objects that others have written.
MANAGER, ADDING_MANAGER = "bgpctl", "bgpctl-additions"
APPLY, JSON = "application/apply-patch+yaml", "application/json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PAGE = "500"
ATTEMPTS = 4
DRY_RUN = {"dryRun": "All"}


class _ListMetadata(msgspec.Struct):
    more: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    metadata: _ListMetadata = msgspec.field(default_factory=_ListMetadata)


@dataclass(frozen=True, slots=True)
class Applying:
    """Who it is that applies, and whether fields of others are taken over."""

    manager: str = MANAGER
    force: bool = False


class Requests:
    def __init__(self, server: ApiServer) -> None:
        self._server = server

    async def listed(
        self, kind: ApiKind, namespace: str, selector: str, *, metadata_only: bool = False
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more, is_first = "", True
        while more or is_first:
            parameters = {"limit": PAGE} | ({"labelSelector": selector} if selector else {})
            parameters |= {"continue": more} if more else {}
            accept = METADATA_ONLY if metadata_only else ""
            try:
                octets = await self._get(path_of_all(kind, namespace), parameters, accept)
            except FailedError as error:
                if error.failure.cause is not Cause.EXPIRED or is_first:
                    raise
                found, more, is_first = [], "", True  # the list took so long that its rest is forgotten
                continue
            found += objects_in(octets, kind)
            more, is_first = msgspec.json.decode(octets, type=_Page).metadata.more, False
        return found

    async def one(self, kind: ApiKind, namespace: str, name: str) -> dict[str, Any] | None:
        """None: there is none of this name."""
        try:
            return object_in(await self._get(path_of(kind, namespace, name), {}, ""))
        except FailedError as error:
            if error.failure.cause is Cause.ABSENT:
                return None
            raise

    async def events(self, kind: str, name: str, namespace: str) -> list[dict[str, Any]]:
        """Those about this object. Of what has no namespace they are in any."""
        selector = f"involvedObject.kind={kind},involvedObject.name={name}"
        path = f"{api_path('', 'v1')}{f'/namespaces/{quote(namespace)}' if namespace else ''}/events"
        octets = await self._get(path, {"fieldSelector": selector, "limit": PAGE}, "")
        return objects_in(octets, ApiKind("Event", "events", "", "v1", namespaced=True))

    async def apply(
        self, kind: ApiKind, place: tuple[str, str], data: Mapping[str, Any], how: Applying, *, dry_run: bool
    ) -> dict[str, Any]:
        """`place` is namespace and name."""
        parameters = {"fieldManager": how.manager, "fieldValidation": "Strict"} | (DRY_RUN if dry_run else {})
        parameters |= {"force": "true"} if how.force else {}
        path, body = path_of(kind, *place), msgspec.json.encode(data)
        return object_in(await repeated(lambda: self._server.send("PATCH", path, body, APPLY, parameters)))

    async def delete(
        self, kind: ApiKind, namespace: str, name: str, preconditions: Mapping[str, str]
    ) -> tuple[str, ...]:
        """The finalizers that it waits for."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
        path, body = path_of(kind, namespace, name), msgspec.json.encode(options)
        answer = object_in(await repeated(lambda: self._server.send("DELETE", path, body, JSON)))
        metadata = answer.get("metadata")
        return tuple(metadata.get("finalizers") or ()) if isinstance(metadata, Mapping) else ()

    async def _get(self, path: str, parameters: Mapping[str, str], accept: str) -> bytes:
        return await repeated(lambda: self._server.get(path, parameters, accept))


def path_of_all(kind: ApiKind, namespace: str) -> str:
    """ "" for all namespaces."""
    if not (namespace and kind.namespaced):
        return kind.path
    return f"{api_path(kind.group, kind.version)}/namespaces/{quote(namespace, safe='')}/{kind.plural}"


def path_of(kind: ApiKind, namespace: str, name: str) -> str:
    return f"{path_of_all(kind, namespace)}/{quote(name, safe='')}"


async def repeated(request: Callable[[], Awaitable[T]]) -> T:
    """While the API server is too busy, or not ready yet, a few times. Raises FailedError."""
    pauses = Pauses(random.random)
    for _ in range(ATTEMPTS - 1):
        try:
            return await request()
        except FailedError as error:
            if error.failure.cause is not Cause.UNAVAILABLE:
                raise
            await asyncio.sleep(pauses.next(error.failure.retry_after))
    return await request()
