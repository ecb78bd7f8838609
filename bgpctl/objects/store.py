"""What a datastore of objects can do, the same for a directory and for a cluster.

    read       the objects of some kinds, with what could not be read
    prepare    what changes would make of them; nothing is written
    write      exactly that. What has become another object meanwhile is not overwritten: its change fails

Rule: a change that is refused, or fails, is a sentence beside it, and the others go on. Only where the datastore as a
whole cannot be used, NotReadyError is raised.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bgpctl.objects.kinds import ObjectKind
from bgpctl.objects.label_selector import EVERYTHING, LabelSelector
from bgpctl.objects.object import Data, Object, ObjectId


@dataclass(frozen=True, slots=True)
class Query:
    """Which objects of which kinds. `namespace` "": those of all namespaces. `names`: no others, if there are any.
    `metadata_only`: kinds of which a cluster need not send more."""

    kinds: tuple[ObjectKind, ...]
    names: tuple[str, ...] = ()
    namespace: str = ""
    selector: LabelSelector = EVERYTHING
    metadata_only: frozenset[ObjectKind] = frozenset()

    def selects(self, found: Object) -> bool:
        if found.id.kind not in self.kinds or not self.selector.matches(found.labels):
            return False
        return (not self.names or found.id.name in self.names) and self.namespace in ("", found.id.namespace)


@dataclass(frozen=True, slots=True)
class Found:
    """`failures`: what could not be read, a sentence each; what is simply not there is none."""

    objects: tuple[Object, ...] = ()
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """wanted   None: the object is to be deleted
    text     the document that it was read from, if it is alone in it: in a new file its comments go along
    adds     only what is wanted is set, and the rest of the object stays
    """

    id: ObjectId
    wanted: Data | None
    text: str = ""
    adds: bool = False


class Outcome(StrEnum):
    """In the words of kubectl. ABSENT: it was to be deleted, and is not there."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    ABSENT = "not found"


@dataclass(frozen=True, slots=True)
class PreparedChange:
    """was        the object as it is, None where there is none
    becomes       what it will be, None where it will not be
    refused       why this will not be done, "" where it will
    """

    change: Change
    outcome: Outcome
    was: Object | None = None
    becomes: Object | None = None
    refused: str = ""

    @property
    def id(self) -> ObjectId:
        return self.change.id


@dataclass(frozen=True)
class Prepared:
    """`sources`: the text of every source that will be another one, by the name that it has in a Loaded (a file, or
    `BGPPeer/tor-1` in a cluster); None: it will be gone."""

    changes: tuple[PreparedChange, ...] = ()
    sources: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def refused(self) -> tuple[PreparedChange, ...]:
        return tuple(each for each in self.changes if each.refused)


@dataclass(frozen=True, slots=True)
class Written:
    """`failed`: why this was not written, "" where it was, or where nothing was to be written. `waits_for`: finalizers
    of an object that is marked as deleted, and is there until they are done."""

    prepared: PreparedChange
    failed: str = ""
    waits_for: tuple[str, ...] = ()


class Event(StrEnum):
    """SYNCED: every object that there was at the beginning has been seen."""

    SYNCED = "SYNCED"
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a watch has seen; `failure` in place of an object: what cannot be read at the moment."""

    event: Event
    object: Object | None = None
    failure: str = ""


class Store(Protocol):
    """`name` is for sentences: "resources/", "the cluster of ~/.kube/config"."""

    @property
    def name(self) -> str: ...

    async def read(self, query: Query) -> Found: ...

    async def events(self, about: ObjectId) -> tuple[tuple[Data, ...], str]:
        """What has happened to an object, where that is recorded, and why it is not known, if it is not."""
        ...

    async def prepare(self, changes: Sequence[Change], *, rehearsed: bool = True, force: bool = False) -> Prepared:
        """`rehearsed`: an API server is asked what it would make of each change, which needs the right to write.
        `force`: fields that somebody else has written become ours."""
        ...

    async def write(self, prepared: Prepared) -> tuple[Written, ...]: ...

    def watch(self, query: Query) -> AsyncGenerator[Seen, None]:
        """Every object that there is, as ADDED, with what cannot be read; SYNCED; and then each change."""
        ...

    async def close(self) -> None: ...
