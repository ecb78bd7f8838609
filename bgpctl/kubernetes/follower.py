"""Does what a collection asks for: one kind, or one object of it, is listed and watched as long as this runs.

Rule: nothing that goes wrong here ends it. What the API server or the network does is a failure of the collection, and
so is an exception of ours, which is reported besides.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import aclosing

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.collection import Collection, List, Page, Wait, Watch
from bgpctl.kubernetes.failure import Cause, FailedError, Failure
from bgpctl.kubernetes.intervals import USUAL, Intervals
from bgpctl.kubernetes.kinds import ApiKind
from bgpctl.kubernetes.notices import Notices
from bgpctl.kubernetes.pauses import Pauses
from bgpctl.kubernetes.wire import Reader

# Seconds for which a watch is asked for: between these, so that watches do not all begin at the same time.
SHORTEST_WATCH, LONGEST_WATCH = 240, 480
# For one that shall begin with all objects: who does not know how and does not say so is asked for a list after that.
FIRST_WATCH = 45
# Objects of a page: of Nodes with many images some 7 MiB.
PAGE = 500


class Follower:
    """`collection` is of the event loop; `changed` is called after each change of it that makes a difference. `only` is
    the name of a single object, of this namespace where it has one: a role for that name is enough."""

    def __init__(
        self,
        kind: ApiKind,
        server: ApiServer,
        notices: Notices,
        changed: Callable[[], None],
        *,
        namespace: str = "",
        only: str = "",
        watch_list: bool = True,
        reader: Reader | None = None,
        intervals: Intervals = USUAL,
    ) -> None:
        """`reader` is one that keeps more of each object."""
        self.kind = kind
        self.collection = Collection(Pauses(random.random), watch_list=watch_list, intervals=intervals)
        self._server = server
        self._notices = notices
        self._changed = changed
        self._path = kind.path_in(namespace)
        self._selection = {"fieldSelector": f"metadata.name={only}"} if only else {}
        self._reader = reader or Reader(kind)
        self._clock = asyncio.get_running_loop().time
        self._task = asyncio.create_task(self._run(), name=f"follow {kind.resource} {only}")

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            try:
                await self._take(self.collection.step(self._clock()))
            except FailedError as error:
                self._failed(error.failure)
            except Exception as error:  # a fault of ours; the other kinds, and this one after a pause, go on
                self._notices.give(self.kind.resource, "reading failed, a fault of bgpctl", error)
                self._failed(Failure(Cause.NOT_READABLE, f"{type(error).__name__}, a fault of bgpctl"))

    def _failed(self, failure: Failure) -> None:
        is_known_to_be_absent = failure.cause is Cause.ABSENT and not self.collection.objects
        if failure.cause is not Cause.NOT_SUPPORTED and not is_known_to_be_absent:
            self._notices.give(self.kind.resource, f"cannot be read: {failure}")
        self._note(self.collection.failed(failure, self._clock()))

    def _note(self, is_different: bool) -> None:
        if is_different:
            self._changed()

    async def _take(self, step: List | Watch | Wait) -> None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, List):
            self._note(self.collection.listed(await self._page(step), self._clock()))
        else:
            await self._watch(step)

    async def _page(self, step: List) -> Page:
        parameters = self._selection | {"limit": str(PAGE)} | ({"continue": step.more} if step.more else {})
        return self._reader.page(await self._server.get(self._path, parameters))

    async def _watch(self, step: Watch) -> None:
        begins_with_all = not step.version
        parameters = self._selection | {"allowWatchBookmarks": "true"}
        if begins_with_all:
            parameters |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        else:
            parameters["resourceVersion"] = step.version
        usual = random.randint(SHORTEST_WATCH, LONGEST_WATCH)  # noqa: S311  no secret depends on it
        seconds = FIRST_WATCH if begins_with_all else usual
        async with self._server.watch(self._path, parameters, seconds) as answer, aclosing(answer) as lines:
            self._note(self.collection.opened())
            async for line in lines:
                if not line.strip():
                    continue
                event = self._reader.event(line, begins_with_all=begins_with_all)
                self._note(self.collection.observed(event, self._clock()))
                if event.is_all and not self.collection.is_following:
                    return
        self._note(self.collection.ended(self._clock()))
