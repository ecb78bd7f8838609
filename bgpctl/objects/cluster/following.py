"""Several kinds followed at a time: each change of an object is one event, in the order in which they come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import msgspec

from bgpctl.errors import NotReadyError
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Failure
from bgpctl.kubernetes.follower import Follower
from bgpctl.kubernetes.kinds import ApiKind
from bgpctl.kubernetes.notices import Notice, Notices
from bgpctl.objects.cluster.refusals import OF_THE_SERVER, sentence
from bgpctl.objects.cluster.whole_reader import WholeReader
from bgpctl.objects.kinds import ObjectKind
from bgpctl.objects.object import Object, object_of
from bgpctl.objects.store import Event, Query, Seen


class Following:
    """`next` waits for what happens; it raises NotReadyError when nothing can be read at the beginning."""

    def __init__(self, server: ApiServer, query: Query, kinds: Mapping[ObjectKind, ApiKind]) -> None:
        self._seen: asyncio.Queue[Seen | Exception] = asyncio.Queue()
        self._is_synced = False
        self._followed = [_Followed(query, *each) for each in kinds.items()]
        notices = Notices(self._notice, asyncio.get_running_loop().time)
        for each in self._followed:
            each.follower = self._follower(each, server, notices)

    async def aclose(self) -> None:
        for each in self._followed:
            await each.follower.close()

    async def next(self) -> Seen:
        seen = await self._seen.get()
        if isinstance(seen, Exception):
            raise seen
        return seen

    def _follower(self, followed: _Followed, server: ApiServer, notices: Notices) -> Follower:
        kind = followed.api_kind
        namespace = followed.namespace if kind.namespaced else ""
        return Follower(
            kind, server, notices, lambda: self._take(followed), namespace=namespace, reader=WholeReader(kind)
        )

    def _take(self, followed: _Followed) -> None:
        if self._is_synced:
            self._put(followed.differences())
            self._put(followed.new_failure())
            return
        failure = followed.follower.collection.failure
        if failure is not None and failure.cause in OF_THE_SERVER:
            self._seen.put_nowait(NotReadyError(f"the API server does not answer: {failure}"))
        if all(each.follower.collection.is_settled for each in self._followed):
            self._is_synced = True
            for each in self._followed:
                self._put(each.differences())
                self._put(each.new_failure())
            self._seen.put_nowait(Seen(Event.SYNCED))

    def _put(self, seen: Iterable[Seen]) -> None:
        for each in seen:
            self._seen.put_nowait(each)

    def _notice(self, notice: Notice) -> None:
        if notice.error is not None:
            self._seen.put_nowait(notice.error)


class _Followed:
    """One kind, and what was seen of it."""

    follower: Follower

    def __init__(self, query: Query, kind: ObjectKind, api_kind: ApiKind) -> None:
        self._query = query
        self.namespace = query.namespace
        self.kind = kind
        self.api_kind = api_kind
        self._texts: dict[str, str] = {}
        self._objects: dict[str, Object] = {}
        self._failure: Failure | None = None

    def differences(self) -> list[Seen]:
        found: list[Seen] = []
        now = self.follower.collection.objects
        found += [self._gone(name) for name in list(self._objects) if name not in now]
        for name, text in now.items():
            if self._texts.get(name) != text:
                found += self._changed(name, text)
        self._texts = dict(now)
        return found

    def new_failure(self) -> list[Seen]:
        before, self._failure = self._failure, self.follower.collection.failure
        if self._failure is None or self._failure == before:
            return []
        return [Seen(Event.MODIFIED, failure=sentence(self._failure, "watch", self.api_kind))]

    def _gone(self, name: str) -> Seen:
        return Seen(Event.DELETED, self._objects.pop(name))

    def _changed(self, name: str, text: str) -> list[Seen]:
        """What the selector does not select any more is gone, for whoever has asked for it."""
        now = object_of(msgspec.json.decode(text))
        if now is None or not self._query.selects(now):
            return [self._gone(name)] if name in self._objects else []
        event = Event.MODIFIED if name in self._objects else Event.ADDED
        self._objects[name] = now
        return [Seen(event, now)]
