"""The API server of a cluster as a Store.

Objects are applied by the server itself (server-side apply), as they are prepared by its dry run, and only on top of
the object that was looked at: each write names the version that it replaces. What only the status has changed in
meanwhile is no other object. Kinds that Kubernetes or the controller writes are read only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError, Failure
from bgpctl.kubernetes.kinds import V1, ApiKind
from bgpctl.objects.cluster.calico_group import CalicoGroup, find_group
from bgpctl.objects.cluster.estimate import estimate
from bgpctl.objects.cluster.following import Following
from bgpctl.objects.cluster.refusals import OF_THE_SERVER, is_not_served, sentence
from bgpctl.objects.cluster.requests import ADDING_MANAGER, MANAGER, Applying, Requests, repeated
from bgpctl.objects.cluster.whole_reader import text_of
from bgpctl.objects.kinds import CALICO_NODE, ObjectKind, Writers
from bgpctl.objects.object import Data, Object, ObjectId, meaning, object_of
from bgpctl.objects.store import Change, Found, Outcome, Prepared, PreparedChange, Query, Seen, Written
from bgpctl.yaml_source.dump import plain
from bgpctl.yaml_source.edit import same

NOT_INSTALLED = (
    "Calico's kinds are not installed in this cluster (config/crd/install has them for a cluster without it)"
)
NO_CALICO_NODE = (
    "{what}: this cluster has no Nodes of projectcalico.org; what they have in a directory are annotations of the Node "
    "of Kubernetes, which kubectl changes"
)
READ_ONLY = {
    Writers.KUBERNETES: "{what} is an object of Kubernetes itself, and only read here; change it with kubectl",
    Writers.CONTROLLER: "{what} is written by the controller; change the resources that it is compiled of",
}
# What is compared again where somebody else has written meanwhile, so often.
ATTEMPTS = 3


class ClusterStore:
    """`writes_locked`: also while Calico's datastore is locked."""

    def __init__(self, access: Access, *, writes_locked: bool = False) -> None:
        """Raises NotReadyError."""
        self._access = access
        self._writes_locked = writes_locked
        self._server = ApiServer(access)
        self._requests = Requests(self._server)
        self._group: CalicoGroup | None = None
        self._finding = asyncio.Lock()

    @property
    def name(self) -> str:
        return f"the cluster of {self._access}"

    async def close(self) -> None:
        await self._server.close()

    async def read(self, query: Query) -> Found:
        parts = await asyncio.gather(*(self._read(kind, query) for kind in query.kinds))
        objects = tuple(found for part in parts for found in part.objects)
        return Found(objects, tuple(dict.fromkeys(failure for part in parts for failure in part.failures)))

    async def events(self, about: ObjectId) -> tuple[tuple[Data, ...], str]:
        """Those about an object, and why they are not known, if they are not."""
        try:
            return tuple(await self._requests.events(about.kind.kind, about.name, about.namespace)), ""
        except FailedError as error:
            return (), self._sentence(error.failure, "list", ApiKind("Event", "events", "", "v1", namespaced=True))

    async def prepare(self, changes: Sequence[Change], *, rehearsed: bool = True, force: bool = False) -> Prepared:
        prepared = [await self._prepare(change, rehearsed=rehearsed, force=force) for change in changes]
        sources: dict[str, str | None] = {}
        for each in prepared:
            if not each.refused and each.outcome is not Outcome.ABSENT:
                kind = await self._api_kind(each.id.kind)
                if kind is not None:
                    source = kind.name_of(each.id.namespace, each.id.name)
                    sources[source] = text_of(each.becomes.data) if each.becomes else None
        return _PreparedObjects(tuple(prepared), sources, force=force)

    async def write(self, prepared: Prepared) -> tuple[Written, ...]:
        if not isinstance(prepared, _PreparedObjects):
            raise TypeError("what a cluster writes is what it has prepared")
        return tuple([await self._write(each, force=prepared.force) for each in prepared.changes])

    async def watch(self, query: Query) -> AsyncGenerator[Seen, None]:
        kinds: dict[ObjectKind, ApiKind] = {}
        for kind in query.kinds:
            try:
                api_kind = await self._api_kind(kind)
            except FailedError as error:
                raise NotReadyError(self._sentence(error.failure, "get", kind.api_kind(kind.groups[0]))) from error
            if api_kind is not None:
                kinds[kind] = api_kind
            elif kind is not CALICO_NODE:
                raise NotReadyError(NOT_INSTALLED)
        if not kinds:
            raise NotReadyError(f"{self.name} serves no {query.kinds[0].api_kind(query.kinds[0].groups[0]).resource}")
        async with aclosing(Following(self._server, query, kinds)) as following:
            while True:
                yield await following.next()

    # ------------------------------------------------------------------------------------------- reading

    async def _read(self, kind: ObjectKind, query: Query) -> Found:
        verb = "get" if query.names else "list"
        api_kind = None
        try:
            api_kind = await self._api_kind(kind)
            if api_kind is None:
                return Found(failures=() if kind is CALICO_NODE else (NOT_INSTALLED,))
            namespace = query.namespace if kind.namespaced else ""
            if query.names and (namespace or not kind.namespaced):
                answers = [await self._requests.one(api_kind, namespace, name) for name in query.names]
                found = [each for each in answers if each is not None]
            else:
                found = await self._requests.listed(
                    api_kind, namespace, query.selector.text, metadata_only=kind in query.metadata_only
                )
        except FailedError as error:
            if is_not_served(error.failure) and kind is CALICO_NODE:
                return Found()
            return Found(failures=(self._sentence(error.failure, verb, api_kind or kind.api_kind(kind.groups[0])),))
        objects = (_object(each, kind) for each in found)
        return Found(tuple(each for each in objects if each is not None and query.selects(each)))

    async def _api_kind(self, kind: ObjectKind) -> ApiKind | None:
        """In the group that this cluster uses; None where it serves no such kind. Raises FailedError."""
        if len(kind.groups) == 1 and kind is not CALICO_NODE:
            return kind.api_kind(kind.groups[0])
        group = await self._calico()
        is_served = kind is not CALICO_NODE or (group.group in kind.groups and kind.plural in group.plurals)
        return kind.api_kind(group.group) if group.group is not None and is_served else None

    async def _calico(self) -> CalicoGroup:
        async with self._finding:
            if self._group is None:
                try:
                    self._group = await repeated(lambda: find_group(self._server))
                except FailedError as error:
                    if error.failure.cause in OF_THE_SERVER:
                        raise self._not_ready(error.failure) from error
                    raise
            return self._group

    # ------------------------------------------------------------------------------------------- writing

    async def _prepare(self, change: Change, *, rehearsed: bool, force: bool) -> PreparedChange:
        if (template := READ_ONLY.get(change.id.kind.writers)) is not None:
            return PreparedChange(change, Outcome.UNCHANGED, refused=template.format(what=change.id))
        kind: ApiKind | None = None
        try:
            kind = await self._api_kind(change.id.kind)
            if kind is None:
                return _of_no_kind(change)
            if (locked := (await self._calico()).locked) and not self._writes_locked:
                return PreparedChange(change, Outcome.UNCHANGED, refused=f"{change.id}: {locked}")
            was = await self._now(change.id, kind)
            if change.wanted is None:
                return PreparedChange(change, Outcome.DELETED if was else Outcome.ABSENT, was)
            becomes = await self._becomes(change, kind, was, rehearsed=rehearsed, force=force)
        except FailedError as error:
            failed = self._sentence(
                error.failure, "patch", kind or change.id.kind.api_kind(change.id.kind.groups[0]), str(change.id)
            )
            return PreparedChange(change, Outcome.UNCHANGED, refused=failed)
        if was is None:
            return PreparedChange(change, Outcome.CREATED, None, becomes)
        outcome = Outcome.UNCHANGED if _mean_the_same(was.data, becomes.data) else Outcome.CONFIGURED
        return PreparedChange(change, outcome, was, becomes)

    async def _becomes(
        self, change: Change, kind: ApiKind, was: Object | None, *, rehearsed: bool, force: bool
    ) -> Object:
        applied = _as_applied(change, kind)
        if rehearsed:
            asked, place = _on_top_of(applied, _version(change.wanted)), (change.id.namespace, change.id.name)
            data = await self._requests.apply(kind, place, asked, _applying(change, force=force), dry_run=True)
        else:
            data = estimate(was.data if was else None, applied, _applying(change, force=force).manager)
        return Object(change.id, data)

    async def _now(self, wanted: ObjectId, kind: ApiKind) -> Object | None:
        data = await self._requests.one(kind, wanted.namespace, wanted.name)
        return None if data is None else Object(wanted, data)

    async def _write(self, prepared: PreparedChange, *, force: bool) -> Written:
        if prepared.refused or prepared.outcome is Outcome.ABSENT:
            return Written(prepared, prepared.refused)
        change = prepared.change
        verb = "delete" if change.wanted is None else "patch"
        kind: ApiKind | None = None
        try:
            kind = await self._api_kind(change.id.kind)
            if kind is None:
                return Written(prepared, f"{change.id}: {NOT_INSTALLED}")
            return Written(prepared, waits_for=await self._write_on_top(prepared, kind, force=force))
        except FailedError as error:
            if error.failure.cause in OF_THE_SERVER:
                return Written(prepared, f"{change.id}: {self._not_ready(error.failure)}; look whether it was written")
            usual = change.id.kind.api_kind(change.id.kind.groups[0])
            return Written(prepared, sentence(error.failure, verb, kind or usual, str(change.id)))

    async def _write_on_top(self, prepared: PreparedChange, kind: ApiKind, *, force: bool) -> tuple[str, ...]:
        """Of the object that was looked at, or of one that means the same. What its deletion waits for."""
        change, on_top_of = prepared.change, prepared.was
        for attempt in range(ATTEMPTS):
            try:
                if change.wanted is None:
                    preconditions = _preconditions(on_top_of)
                    return await self._requests.delete(kind, change.id.namespace, change.id.name, preconditions)
                data = _on_top_of(_as_applied(change, kind), on_top_of.version if on_top_of else "")
                place = (change.id.namespace, change.id.name)
                await self._requests.apply(kind, place, data, _applying(change, force=force), dry_run=False)
                return ()
            except FailedError as error:
                if error.failure.cause is Cause.ABSENT and change.wanted is None and not is_not_served(error.failure):
                    return ()  # somebody else has deleted it meanwhile
                now = await self._now(change.id, kind) if error.failure.cause is Cause.CONFLICT else None
                is_same = now is not None and prepared.was is not None and _mean_the_same(prepared.was.data, now.data)
                if not is_same or now is None or attempt == ATTEMPTS - 1 or now.version == _version_of(on_top_of):
                    raise
                on_top_of = now
        return ()

    def _sentence(self, failure: Failure, verb: str, kind: ApiKind, what: str = "") -> str:
        if failure.cause in OF_THE_SERVER:
            raise self._not_ready(failure)
        return sentence(failure, verb, kind, what)

    def _not_ready(self, failure: Failure) -> NotReadyError:
        return NotReadyError(f"{self.name} does not answer: {failure}")


@dataclass(frozen=True)
class _PreparedObjects(Prepared):
    """`force` as it was prepared with."""

    force: bool = False


def _of_no_kind(change: Change) -> PreparedChange:
    """Of a kind that the cluster does not serve: most have no Node of Calico's own."""
    if change.id.kind is not CALICO_NODE:
        return PreparedChange(change, Outcome.UNCHANGED, refused=f"{change.id}: {NOT_INSTALLED}")
    if change.wanted is None:
        return PreparedChange(change, Outcome.ABSENT)
    return PreparedChange(change, Outcome.UNCHANGED, refused=NO_CALICO_NODE.format(what=change.id))


def _object(data: Data, kind: ObjectKind) -> Object | None:
    found = object_of(data)
    return None if found is None or found.id.kind is not kind else found


def _as_applied(change: Change, kind: ApiKind) -> dict[str, Any]:
    """In the version of the API group that the cluster uses, without what is not an operator's to say."""
    data = meaning(change.wanted or {})
    data.pop("status", None)
    data["apiVersion"] = kind.api_version
    if (kind.group, kind.version) == V1 and kind.kind == "BlockAffinity":
        data["spec"] = _with_deleted_as_text(data.get("spec", {}))
    applied: dict[str, Any] = plain(data)
    return applied


def _with_deleted_as_text(spec: Mapping[str, Any]) -> dict[str, Any]:
    """As the older group of Calico keeps it."""
    deleted = spec.get("deleted", False)
    return {**spec, "deleted": str(deleted).lower()}


def _applying(change: Change, *, force: bool) -> Applying:
    """What is added to an object is ours whoever has set it before."""
    return Applying(ADDING_MANAGER, force=True) if change.adds else Applying(MANAGER, force=force)


def _on_top_of(data: Mapping[str, Any], version: str) -> dict[str, Any]:
    if not version:
        return dict(data)
    return {**data, "metadata": {**data["metadata"], "resourceVersion": version}}


def _preconditions(was: Object | None) -> dict[str, str]:
    if was is None:
        return {}
    return {"uid": str(was.metadata.get("uid", "")), "resourceVersion": was.version}


def _version(wanted: Data | None) -> str:
    """That a file names: it is only to be applied on top of that."""
    metadata = (wanted or {}).get("metadata")
    return str(metadata.get("resourceVersion", "")) if isinstance(metadata, Mapping) else ""


def _version_of(found: Object | None) -> str:
    return found.version if found else ""


def _mean_the_same(one: Data, other: Data) -> bool:
    """Whatever an agent has reported in the status."""
    first, second = meaning(one), meaning(other)
    first.pop("status", None)
    second.pop("status", None)
    return same(first, second)
