"""Follows all kinds of one API group of Calico, and which of the groups are there and in use."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from bgpctl.datastore.kubernetes.api_group import Offer, Offers
from bgpctl.datastore.kubernetes.calico import Contents
from bgpctl.datastore.kubernetes.offers import offer_of
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError
from bgpctl.kubernetes.follower import Follower
from bgpctl.kubernetes.intervals import USUAL, Intervals
from bgpctl.kubernetes.kinds import CLUSTER_INFORMATION, V1, V3, ApiKind, Group
from bgpctl.kubernetes.notices import Notices
from bgpctl.kubernetes.pauses import Pauses


class GroupReader:
    """`was_locked`: since this began to read, the datastore was not ready."""

    def __init__(self, group: Group | None, kinds: tuple[ApiKind, ...], follow: Callable[[ApiKind], Follower]) -> None:
        self.group = group
        self.kinds = kinds
        self.was_locked = False
        self.followers = [follow(kind) for kind in kinds]

    async def close(self) -> None:
        for follower in self.followers:
            await follower.close()

    @property
    def is_settled(self) -> bool:
        return all(each.collection.is_settled for each in self.followers)

    def contents(self) -> Contents:
        documents: dict[str, str] = {}
        for follower in self.followers:
            documents.update(follower.collection.objects)
        return Contents(self.group, documents, self._is_away)

    @property
    def _is_away(self) -> bool:
        failures = [each.collection.failure for each in self.followers if each.kind.kind == CLUSTER_INFORMATION]
        return any(failure is not None and failure.cause is Cause.ABSENT for failure in failures)


class Discovery:
    """What each group offers. `look` asks for it at once."""

    def __init__(
        self, server: ApiServer, notices: Notices, changed: Callable[[], None], intervals: Intervals = USUAL
    ) -> None:
        self.offers: Offers = {V3: None, V1: None}
        self._server = server
        self._notices = notices
        self._changed = changed
        self._interval = intervals.groups
        self._asked = asyncio.Event()
        self._pauses = Pauses(random.random)
        self._task = asyncio.create_task(self._run(), name="discover API groups")

    def look(self) -> None:
        self._asked.set()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            self._asked.clear()
            found = {group: await self._offer(group) for group in (V3, V1)}
            is_known = None not in found.values()
            if found != self.offers:
                self.offers = found
                self._changed()
            if is_known:
                self._pauses.succeeded()
            pause = self._pauses.around(self._interval) if is_known else self._pauses.next()
            try:
                await asyncio.wait_for(self._asked.wait(), pause)
            except TimeoutError:
                continue

    async def _offer(self, group: Group) -> Offer | None:
        """None where it cannot be found out."""
        about = "/".join(group)
        try:
            return await offer_of(self._server, group)
        except FailedError as error:
            self._notices.give(about, f"it cannot be found out whether this is served: {error.failure}")
        except Exception as error:  # a fault of ours: the groups that are read stay so
            self._notices.give(about, "asking for its kinds failed, a fault of bgpctl", error)
        return None
