"""Revisions of the configuration, as ControllerRevision objects (apps/v1): what plans were and are compiled of.

data       a List of the objects in force: `kubectl apply` of it goes back to that revision
revision   a greater one is a later one; a configuration that comes back gets the greatest, and no second object
kept       the last KEPT, and those that some NodePlan names
"""

from __future__ import annotations

from collections.abc import Set

import msgspec

from bgpctl.controller.configuration import Configuration
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError

KEPT = 10
GROUP_VERSION = "apps/v1"
LABELS = {"app.kubernetes.io/name": "bgpctl", "app.kubernetes.io/component": "configuration"}
JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    resource_version: str = ""


class _Revision(msgspec.Struct):
    metadata: _Metadata
    revision: int = 0


class _List(msgspec.Struct):
    items: list[_Revision]


class Revisions:
    """Of one controller. For the leader alone."""

    def __init__(self, server: ApiServer, namespace: str, kept: int = KEPT) -> None:
        self._server = server
        self._path = f"/apis/{GROUP_VERSION}/namespaces/{namespace}/controllerrevisions"
        self._namespace = namespace
        self._most = kept
        self._newest = ""

    async def keep(self, configuration: Configuration, in_use: Set[str]) -> None:
        """Makes it the newest one. `in_use`: those that NodePlans name. Raises FailedError."""
        if configuration.revision == self._newest:
            return
        there = sorted(await self._list(), key=lambda each: each.revision, reverse=True)
        newest = there[0] if there else None
        if newest is None or newest.metadata.name != configuration.revision:
            number = newest.revision + 1 if newest is not None else 1
            found = next((each for each in there if each.metadata.name == configuration.revision), None)
            await (self._create(configuration, number) if found is None else self._renumber(found, number))
        self._newest = configuration.revision
        others = [each for each in there if each.metadata.name != configuration.revision]
        for each in others[max(self._most - 1, 0) :]:
            if each.metadata.name not in in_use:
                await self._delete(each)

    async def _list(self) -> list[_Revision]:
        selector = ",".join(f"{key}={value}" for key, value in LABELS.items())
        answer = await self._server.get(self._path, {"labelSelector": selector})
        return msgspec.json.decode(answer, type=_List).items

    async def _create(self, configuration: Configuration, number: int) -> None:
        revision = {
            "apiVersion": GROUP_VERSION,
            "kind": "ControllerRevision",
            "metadata": {"name": configuration.revision, "namespace": self._namespace, "labels": LABELS},
            "revision": number,
            "data": {"apiVersion": "v1", "kind": "List", "items": configuration.objects},
        }
        await self._server.send("POST", self._path, msgspec.json.encode(revision), JSON)

    async def _renumber(self, found: _Revision, number: int) -> None:
        patch = {"metadata": {"resourceVersion": found.metadata.resource_version}, "revision": number}
        path = f"{self._path}/{found.metadata.name}"
        await self._server.send("PATCH", path, msgspec.json.encode(patch), MERGE_PATCH)

    async def _delete(self, found: _Revision) -> None:
        """One that is gone already is no failure."""
        try:
            await self._server.send("DELETE", f"{self._path}/{found.metadata.name}", b"", JSON)
        except FailedError as error:
            if error.failure.cause is not Cause.ABSENT:
                raise
