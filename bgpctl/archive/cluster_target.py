"""A cluster into which an archive is restored: every step is tried by the API server's dry run before any is written.

Rule: what is written is an object as a whole, on top of the one that was compared, or a patch of a Node on top of that.
A new one is applied, as `bgpctl apply` does it, so that a later apply does not find another manager's fields in it.
Kinds come one after the other, objects of one kind several at a time; after a failure nothing more is begun.

A BGPPeer that names a BGPFilter which is only to be created is not tried: Calico's API server looks for the filter.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any

import msgspec

from bgpctl.archive.datastore_objects import group_of, kinds_there
from bgpctl.archive.for_cluster import FILTER, PEER, Cluster, mean_the_same, steps
from bgpctl.archive.kept import NODE, SECRET
from bgpctl.archive.step import Action, Rehearsal, Result, Step
from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError
from bgpctl.kubernetes.kinds import ApiKind
from bgpctl.kubernetes.pauses import Pauses
from bgpctl.objects import Object, ObjectId, Query, open_store
from bgpctl.objects.cluster.calico_group import CalicoGroup
from bgpctl.objects.cluster.refusals import OF_THE_SERVER, sentence
from bgpctl.objects.cluster.requests import APPLY, MANAGER, path_of
from bgpctl.objects.cluster.whole_reader import object_in, text_of
from bgpctl.objects.kinds import CALICO_NODE, SECRET_KIND

JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
STRICT, MANAGER_OF_CHANGES = {"fieldValidation": "Strict"}, "bgpctl-restore"
DRY_RUN = {"dryRun": "All"}
DELETE_OPTIONS = {"kind": "DeleteOptions", "apiVersion": "v1"}
# Requests at a time, and how often one is repeated that the API server is too busy for.
AT_ONCE, ATTEMPTS = 16, 4
NOT_INSTALLED = "Calico's kinds are not installed in the cluster of {access} (config/crd/install has them)"
VERBS = {Action.CREATED: "patch", Action.DELETED: "delete"}


class ClusterTarget:
    """`name` is for sentences."""

    def __init__(self, access: Access) -> None:
        self.name = f"the cluster of {access}"
        self._access = access
        self._group: CalicoGroup | None = None

    def rehearse(self, archived: Iterable[Object], *, prune: bool) -> Rehearsal:
        """Raises NotReadyError."""
        return asyncio.run(self._rehearse(list(archived), prune=prune))

    def write(self, rehearsal: Rehearsal) -> tuple[Result, ...]:
        """Of those steps that are to be written, in their order. Raises NotReadyError where nothing can be written."""
        return asyncio.run(self._write_all(rehearsal.written))

    async def _rehearse(self, archived: list[Object], *, prune: bool) -> Rehearsal:
        cluster = await self._cluster(archived)
        planned = steps(archived, cluster, prune=prune)
        coming = {step.id.name for step in planned if step.id.kind.kind == FILTER and step.action is Action.CREATED}
        async with _Writer(self._access, cluster) as writer:
            tried = await writer.each(
                [step for step in planned if step.is_written], lambda step: writer.try_(step, coming)
            )
        by_id = {(step.id, step.action is Action.DELETED): step for step in tried}
        done = [by_id.get((step.id, step.action is Action.DELETED), step) for step in planned]
        texts = {
            _source(step.id, cluster): None if step.becomes is None else text_of(step.becomes)
            for step in done
            if step.is_written and not step.refused
        }
        return Rehearsal(tuple(done), texts)

    async def _ready_group(self) -> Cluster:
        """That is written, as far as it is there. Raises NotReadyError, also where it is not that of the rehearsal."""
        found = await group_of(self._access)
        if found.group is None:
            raise NotReadyError(NOT_INSTALLED.format(access=self._access))
        if found.locked:
            raise NotReadyError(f"{self.name} is not ready: {found.locked}")
        if self._group is not None and found.group != self._group.group:
            raise NotReadyError(
                f"{self.name} has its objects in another API group than a moment ago; repeat the command"
            )
        self._group = found
        return Cluster(found.group, found.plurals)

    async def _cluster(self, archived: Iterable[Object]) -> Cluster:
        cluster = await self._ready_group()
        async with open_store(self._access) as store:
            found = await store.read(Query(kinds_there(cluster.group, cluster.plurals)))
            objects, failures = list(found.objects), list(found.failures)
            for secret in (each.id for each in archived if each.id.kind.kind == SECRET):
                more = await store.read(Query((SECRET_KIND,), (secret.name,), secret.namespace))
                objects += more.objects
                failures += more.failures
        if failures:
            raise NotReadyError(f"{self.name} cannot be read as a whole: {'; '.join(failures)}")
        return replace(cluster, objects={each.id: each for each in objects})

    async def _write_all(self, planned: tuple[Step, ...]) -> tuple[Result, ...]:
        results: list[Result] = []
        async with _Writer(self._access, await self._ready_group()) as writer:
            for _, of_kind in groupby(planned, lambda step: (step.id.kind.kind, step.action is Action.DELETED)):
                results += await writer.each(list(of_kind), writer.write)
        return tuple(results)


class _Writer:
    """`has_failed`: nothing more is begun."""

    def __init__(self, access: Access, cluster: Cluster) -> None:
        self.has_failed = False
        self._server = ApiServer(access)
        self._name = f"the cluster of {access}"
        self._cluster = cluster
        self._places = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> _Writer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def each(self, planned: Iterable[Step], attempt: Callable[[Step], Awaitable[Any]]) -> list[Any]:
        """In their order."""

        async def one(step: Step) -> Any:
            async with self._places:
                return await attempt(step)

        return list(await asyncio.gather(*map(one, planned)))

    async def try_(self, step: Step, coming: frozenset[str] | set[str]) -> Step:
        """With what the API server makes of it, or why it refuses. `coming` are BGPFilters that are not there yet."""
        filters = ((step.body or {}).get("spec") or {}).get("filters") or () if step.id.kind.kind == PEER else ()
        if step.refused or coming.intersection(filters):
            return replace(step, is_tried=False)
        try:
            octets = await self._request(step, is_dry=True)
        except FailedError as error:
            if error.failure.cause in OF_THE_SERVER:
                raise NotReadyError(f"{self._name} does not answer: {error.failure}") from error
            return replace(step, refused=self._sentence(step, error))
        if step.action is Action.DELETED:
            return step
        becomes = object_in(octets)
        is_as_before = step.was is not None and mean_the_same(Object(step.id, step.was), becomes)
        # The API server has filled in what the archive did not have.
        action = Action.UNCHANGED if is_as_before and step.id.kind.kind != NODE else step.action
        return replace(step, action=action, becomes=becomes)

    async def write(self, step: Step) -> Result:
        if self.has_failed:
            return Result(step, "not begun, after the failure", is_begun=False)
        try:
            await self._request(step, is_dry=False)
        except FailedError as error:
            self.has_failed = True
            return Result(step, self._sentence(step, error))
        return Result(step)

    async def _request(self, step: Step, *, is_dry: bool) -> bytes:
        pauses = Pauses(random.random)
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._send(step, is_dry=is_dry)
            except FailedError as error:
                if error.failure.cause is not Cause.UNAVAILABLE:
                    raise
                await asyncio.sleep(pauses.next(error.failure.retry_after))
        return await self._send(step, is_dry=is_dry)

    async def _send(self, step: Step, *, is_dry: bool) -> bytes:
        kind, body = _api_kind(step.id, self._cluster), msgspec.json.encode(step.body)
        path = path_of(kind, step.id.namespace, step.id.name)
        if step.action is Action.DELETED:
            # Beside options in the body an API server does not look at those in the query: it would delete.
            options = {**(step.body or {}), **DELETE_OPTIONS, **({"dryRun": ["All"]} if is_dry else {})}
            return await self._server.send("DELETE", path, msgspec.json.encode(options), JSON)
        manager = MANAGER if step.action is Action.CREATED else MANAGER_OF_CHANGES
        asked = {"fieldManager": manager, **STRICT, **(DRY_RUN if is_dry else {})}
        if step.action is Action.CREATED:
            return await self._server.send("PATCH", path, body, APPLY, asked)
        if step.id.kind.kind == NODE:
            return await self._server.send("PATCH", path, body, MERGE_PATCH, asked)
        return await self._server.send("PUT", path, body, JSON, asked)

    def _sentence(self, step: Step, error: FailedError) -> str:
        if error.failure.cause in OF_THE_SERVER:
            return f"{step.id}: {self._name} does not answer any more, so it may be written or not: {error.failure}"
        verb = VERBS.get(step.action, "update")
        return sentence(error.failure, verb, _api_kind(step.id, self._cluster), str(step.id))


def _api_kind(about: ObjectId, cluster: Cluster) -> ApiKind:
    groups = about.kind.groups
    return about.kind.api_kind(
        cluster.group if cluster.group in groups and about.kind is not CALICO_NODE else groups[0]
    )


def _source(about: ObjectId, cluster: Cluster) -> str:
    """As it is named in what is read of a cluster."""
    return _api_kind(about, cluster).name_of(about.namespace, about.name)
