"""Several kinds followed at a time: each change of an object is one event, in the order in which they come."""

from __future__ import annotations

import asyncio

import msgspec

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Failure
from bgpctl.kubernetes.follower import Follower
from bgpctl.kubernetes.kinds import ApiKind
from bgpctl.kubernetes.notices import Notice, Notices
from bgpctl.objects.cluster.refusals import sentence
from bgpctl.objects.cluster.whole_reader import WholeReader
from bgpctl.objects.kinds import ObjectKind
from bgpctl.objects.object import Object, object_of
from bgpctl.objects.store import Event, Query, Seen


class Following:
    """`follow` begins with a kind; `next` waits for what happens."""

    def __init__(self, server: ApiServer, query: Query) -> None:
        self._server = server
        self._query = query
        self._followed: list[_Followed] = []
        self._seen: asyncio.Queue[Seen | Exception] = asyncio.Queue()

    async def close(self) -> None:
        for each in self._followed:
            await each.follower.close()

    def follow(self, kind: ObjectKind, api_kind: ApiKind) -> None:
        notices = Notices(self._notice, asyncio.get_running_loop().time)
        followed = _Followed(self._query, kind, api_kind)
        followed.follower = Follower(
            api_kind, self._server, notices, lambda: self._take(followed), reader=WholeReader(api_kind)
        )
        self._followed.append(followed)

    async def next(self) -> Seen:
        seen = await self._seen.get()
        if isinstance(seen, Exception):
            raise seen
        return seen

    def _take(self, followed: _Followed) -> None:
        for seen in followed.differences():
            self._seen.put_nowait(seen)

    def _notice(self, notice: Notice) -> None:
        if notice.error is not None:
            self._seen.put_nowait(notice.error)


class _Followed:
    """One kind, and what was seen of it."""

    follower: Follower

    def __init__(self, query: Query, kind: ObjectKind, api_kind: ApiKind) -> None:
        self._query = query
        self._kind = kind
        self._api_kind = api_kind
        self._texts: dict[str, str] = {}
        self._objects: dict[str, Object] = {}
        self._failure: Failure | None = None

    def differences(self) -> list[Seen]:
        found: list[Seen] = []
        collection = self.follower.collection
        if collection.failure != self._failure:
            self._failure = collection.failure
            if self._failure is not None:
                found.append(Seen(Event.MODIFIED, failure=sentence(self._failure, "watch", self._api_kind)))
        now = collection.objects
        found += [self._gone(name) for name in list(self._objects) if name not in now]
        for name, text in now.items():
            if self._texts.get(name) != text:
                found += self._changed(name, text)
        self._texts = dict(now)
        return found

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
