"""What NodePlans are in the API, and what is done for them to be what is wanted.

Rule: it is a reconciliation. Whatever the API answers to one object, the others go on; what failed is tried again with
the next one. What an object is to be is asked for when it is its turn, and of the newest resources: writing thousands
takes a while. For each plan that is replaced it is known what the node may still run (transitions.py): that is kept of
what this process has written or seen to be as it was wanted, and read from the API otherwise.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from bgpctl.controller.departures import Departures
from bgpctl.controller.plan_objects import BOOKMARK, DELETED, PlanEvent, PlanObject, PlanObjects
from bgpctl.controller.transitions import Former
from bgpctl.kubernetes.failure import Cause, FailedError
from bgpctl.node_plan import NodePlanSpec, PlanTooLargeError

# Requests at a time: what a busy API server takes without delaying others.
AT_ONCE = 16
# What another attempt does not put right.
REFUSALS = frozenset({Cause.REFUSED, Cause.FORBIDDEN})
# Objects of one round, after which it is looked at what is wanted now.
ROUND = 256


class Wanted(Protocol):
    """What is asked for, as it is now. `number`: a later one has a greater one."""

    @property
    def number(self) -> int: ...

    @property
    def specs(self) -> Mapping[str, NodePlanSpec | None]:
        """Of every node that there is; None where nothing is known of it: what there is stays."""

    @property
    def is_complete(self) -> bool:
        """A node that is not among them is gone, and not only unreadable."""

    async def over(self, spec: NodePlanSpec, former: Former | None) -> NodePlanSpec:
        """The same as it is written over this one. Raises PlanTooLargeError."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """failed     what the API answered, by node
    refused    of these, what another attempt does not put right
    withheld   nodes whose plans are not deleted, for they are most
    """

    written: int = 0
    deleted: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()


class News(NamedTuple):
    """Called when something has to be written, and when an agent reports that something else is on its machine."""

    due: Callable[[], None]
    found: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A spec that is in the API. `is_whole`: with its transition, which is that of what was wanted as `number`."""

    spec: NodePlanSpec
    is_whole: bool = False
    number: int = 0


class PlanStore:
    """`follow` keeps up with what is in the API, `reconcile` changes it. `is_known`: all of it has been listed once."""

    def __init__(
        self,
        objects: PlanObjects,
        may_write: Callable[[], bool],
        news: News,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_known = False
        self._objects = objects
        self._may_write = may_write
        self._news = news
        self.departures = Departures(clock)
        self._known: dict[str, PlanObject] = {}
        self._kept: dict[str, _Kept] = {}

    # --------------------------------------------------------------------------------------------- what is there

    async def follow(self, succeeded: Callable[[], None]) -> None:
        """Lists them once and follows them until something fails; `succeeded` is called when a watch is granted. Raises
        FailedError."""
        self._known, version = await self._objects.list()
        self.is_known = True
        self._news.due()
        self._news.found()
        while True:
            succeeded()
            async with self._objects.watch(version) as events:
                async for event in events:
                    version = max(version, event.object.version)
                    self._take(event)

    @property
    def reports(self) -> Mapping[str, bytes]:
        """What agents have found on their machines, by node."""
        return {name: each.found for name, each in self._known.items() if each.found is not None}

    @property
    def revisions(self) -> frozenset[str]:
        """Of the configuration, those that some plan was compiled of."""
        return frozenset(each.revision for each in self._known.values())

    def _take(self, event: PlanEvent) -> None:
        """What this controller has written itself is nothing to do, and no status is but for what is found."""
        name, found = event.object.name, event.object
        before = self._known.get(name)
        if event.change == BOOKMARK or (before is not None and before.version >= found.version):
            return
        if event.change == DELETED:
            self._known.pop(name, None)
            self._news.due()
            return
        if before is not None and before.generation != found.generation and before.digest == found.digest:
            found = replace(found, digest="")  # what it is the digest of may be something else now
        self._note(found)
        if before is None or before.digest != found.digest or (found.holds and not before.holds):
            self._news.due()

    def _note(self, found: PlanObject) -> None:
        before = self._known.get(found.name)
        if before is not None and before.version > found.version:
            return
        self._known[found.name] = found
        if found.found != (before.found if before is not None else None):
            self._news.found()

    # ------------------------------------------------------------------------------------------ what is to be there

    async def reconcile(self, wanted: Callable[[], Wanted]) -> Reconciled:
        """Until every object is what is wanted, or has failed."""
        failed: dict[str, str] = {}
        refused: dict[str, str] = {}
        written: set[str] = set()
        while names := self._outdated(wanted().specs, failed.keys() | written)[:ROUND]:
            done = await _at_once(names, lambda name: self._write(name, wanted()))
            failed |= done.failed
            refused |= done.refused
            written |= done.succeeded
            if not self._may_write():
                break
        gone, withheld = self._gone(wanted())
        deleted = await _at_once(gone, self._delete)
        return Reconciled(len(written), len(deleted.succeeded), failed | deleted.failed, refused, withheld)

    async def refresh(self, wanted: Wanted) -> Reconciled:
        """Writes the transitions of those of which something is held anew, by these resources."""
        done = await _at_once(self.to_refresh(wanted), lambda name: self._refresh(name, wanted))
        return Reconciled(len(done.succeeded), failed=done.failed)

    def to_refresh(self, wanted: Wanted) -> list[str]:
        """The nodes that hold something, and whose transition is by other resources than these."""
        return [name for name, each in self._known.items() if each.holds and self._is_old(name, wanted)]

    def _is_written(self, spec: NodePlanSpec | None) -> bool:
        found = self._known.get(spec.node) if spec is not None else None
        return found is not None and spec is not None and found.digest == spec.digest

    def _outdated(self, specs: Mapping[str, NodePlanSpec | None], but: Set[str]) -> list[str]:
        """Those that are not what is wanted. Of the others it is kept that they are."""
        found = []
        for name, spec in specs.items():
            if spec is None:
                continue
            kept = self._kept.get(name)
            if not self._is_written(spec):
                found.append(name)
            elif kept is None or (kept.spec is not spec and (kept.spec.digest != spec.digest or self._is_run(name))):
                self._kept[name] = _Kept(spec)
        return [name for name in found if name not in but]

    def _is_run(self, name: str) -> bool:
        """The node runs all of what is in the API, so what was before is of no interest."""
        return name in self._known and self._known[name].is_run

    def _is_old(self, name: str, wanted: Wanted) -> bool:
        kept = self._kept.get(name)
        return self._is_written(wanted.specs.get(name)) and (kept is None or kept.number != wanted.number)

    def _gone(self, wanted: Wanted) -> tuple[list[str], frozenset[str]]:
        """Those that are deleted, and those that are not because with them most would be gone."""
        for name in self._kept.keys() - wanted.specs.keys() - self._known.keys():
            del self._kept[name]
        gone = self._known.keys() - wanted.specs.keys() if wanted.is_complete else frozenset[str]()
        if self.departures.are_most(len(gone), len(self._known)):
            return [], frozenset(gone)
        return sorted(gone), frozenset()

    # ---------------------------------------------------------------------------------------------------- one of them

    async def _write(self, name: str, wanted: Wanted) -> bool:
        """Whether it is written. An object that is another than was known is looked at once more, and then it is so."""
        spec = wanted.specs.get(name)
        if name in self._known and not self._known[name].digest:
            await self._look(name)
        if spec is None or self._is_written(spec):
            return False
        try:
            return await self._try_to_write(spec, wanted)
        except FailedError as error:
            if error.failure.cause is not Cause.CONFLICT:
                raise
            await self._look(name)
            return False if self._is_written(spec) else await self._try_to_write(spec, wanted)

    async def _try_to_write(self, spec: NodePlanSpec, wanted: Wanted) -> bool:
        former = await self._former(spec.node)
        return await self._put(await wanted.over(spec, former), wanted)

    async def _refresh(self, name: str, wanted: Wanted) -> bool:
        spec, former = wanted.specs.get(name), await self._former(name)
        if spec is None or former is None or former.spec is None or former.spec.digest != spec.digest:
            return False
        new = await wanted.over(spec, former)
        if new != former.spec:
            return await self._put(new, wanted)
        self._kept[name] = _Kept(new, is_whole=True, number=wanted.number)
        return False

    async def _put(self, spec: NodePlanSpec, wanted: Wanted) -> bool:
        if not self._may_write():
            return False
        name, before = spec.node, self._known.get(spec.node)
        self._note(await (self._objects.replace(before, spec) if before else self._objects.create(spec)))
        self._kept[name] = _Kept(spec, is_whole=True, number=wanted.number)
        return True

    async def _former(self, name: str) -> Former | None:
        """What the node may run of what is in the API now, or was there last."""
        found, kept = self._known.get(name), self._kept.get(name)
        if found is None:
            return Former(kept.spec) if kept is not None else None
        if kept is None or kept.spec.digest != found.digest or not (kept.is_whole or self._is_run(name)):
            found = await self._look(name)
            kept = self._kept.get(name)
        if kept is None:
            return None if found is None else Former(None)
        return Former(kept.spec, is_run=found is not None and found.running == kept.spec.digest)

    async def _look(self, name: str) -> PlanObject | None:
        """The object as it is. One that no agent reads has no digest, and the one before it is kept: the node runs
        that."""
        answer = await self._objects.get(name)
        if answer is None:
            self._known.pop(name, None)
            return None
        found, spec = answer
        if spec is not None:
            self._kept[name] = _Kept(spec, is_whole=True)
        self._note(found)
        return found

    async def _delete(self, name: str) -> bool:
        if not self._may_write() or name not in self._known:
            return False
        try:
            await self._objects.delete(self._known[name])
        except FailedError as error:
            if error.failure.cause is Cause.CONFLICT:
                await self._look(name)
            raise
        self._known.pop(name, None)
        self._kept.pop(name, None)
        return True


@dataclass(frozen=True, slots=True)
class _Done:
    """As in Reconciled."""

    succeeded: frozenset[str]
    failed: dict[str, str]
    refused: dict[str, str]


async def _at_once(names: Iterable[str], do: Callable[[str], Awaitable[bool]]) -> _Done:
    """For each of the names, AT_ONCE at a time; those for which it was true, and why it failed for others."""
    succeeded: set[str] = set()
    failed: dict[str, str] = {}
    refused: dict[str, str] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async def attempt(name: str) -> None:
        async with places:
            try:
                if await do(name):
                    succeeded.add(name)
            except (FailedError, PlanTooLargeError) as error:
                failed[name] = str(error)
                if isinstance(error, PlanTooLargeError) or error.failure.cause in REFUSALS:
                    refused[name] = str(error)

    await asyncio.gather(*map(attempt, names))
    return _Done(frozenset(succeeded), failed, refused)
