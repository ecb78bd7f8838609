"""Events (events.k8s.io/v1) about objects of the API, as `kubectl describe` shows them.

    look up   the uid of the object: kubectl finds an Event by it, and of an object that is gone nothing is written
    create    the Event, in the namespace `default`, where those of objects without a namespace are
    patch     its `series`, when the same happens once more (event_memory.py)

Rule: nothing waits for an Event and nothing ends with one. `record` remembers; `run` writes, one at a time. While the
API server does not answer, what is remembered is bounded, and it is tried again after a pause that grows. What it
refuses for good is left out. Each reason why it fails is reported once.

It is events.k8s.io and not core/v1, the older form of the same objects: there the API server checks who reports what,
and takes a change of nothing but the series.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.event_memory import EventMemory, Write
from bgpctl.kubernetes.failure import Cause, FailedError, Failure
from bgpctl.kubernetes.kinds import ApiKind
from bgpctl.kubernetes.occurrence import Occurrence, Subject
from bgpctl.kubernetes.pauses import Pauses

EVENT = ApiKind("Event", "events", "events.k8s.io", "v1", namespaced=True)
NAMESPACE = "default"
JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
ONLY_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
# Octets that the API takes.
LONGEST_NOTE, LONGEST_INSTANCE = 1024, 128
# What another attempt does not put right.
FINAL = frozenset({Cause.REFUSED, Cause.NOT_SUPPORTED})


@dataclass(frozen=True, slots=True)
class Reporter:
    """controller   what kind of program reports, such as `bgpctl.io/agent`
    instance     which of them
    """

    controller: str
    instance: str


class _Metadata(msgspec.Struct):
    uid: str = ""


class _Object(msgspec.Struct):
    metadata: _Metadata


class EventRecorder:
    """`warn` takes a sentence about Events that are not written."""

    def __init__(
        self,
        server: ApiServer,
        reporter: Reporter,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._reporter, self._warn, self._clock = server, reporter, warn, clock
        self._memory = EventMemory(clock())
        self._is_due = asyncio.Event()
        self._pauses = Pauses(random.random)
        self._reason = ""
        self._drops_reported = False

    @property
    def dropped(self) -> int:
        return self._memory.dropped

    def record(self, occurrence: Occurrence) -> None:
        """It has happened now."""
        self._memory.take(occurrence, time.time(), self._clock())
        self._is_due.set()

    async def run(self) -> None:
        """Writes what is recorded, for ever."""
        while True:
            await self._until_due()
            self._report_drops()
            write = self._memory.next(self._clock())
            if write is not None:
                await self._attempt(write)

    async def _until_due(self) -> None:
        while (wait := self._memory.wait(self._clock())) is None or wait > 0:
            with suppress(TimeoutError):  # the usual end of a pause
                await asyncio.wait_for(self._is_due.wait(), wait)
            self._is_due.clear()

    async def _attempt(self, write: Write) -> None:
        try:
            await (self._create(write) if write.is_new else self._repeat(write))
        except FailedError as error:
            if str(error) != self._reason:
                self._warn(f"an event about {_named(write.occurrence.subject)} is not written: {error}")
            self._reason = str(error)
            if error.failure.cause in FINAL:
                self._memory.forget(write)
            else:
                await asyncio.sleep(self._pauses.next(error.failure.retry_after))
        else:
            self._reason = ""
            self._pauses.succeeded()

    async def _create(self, write: Write) -> None:
        uid = await self._uid(write.occurrence.subject)
        if not uid:
            self._memory.forget(write)
            return
        try:
            await self._server.send("POST", EVENT.path_in(NAMESPACE), _encoded(write, uid, self._reporter), JSON)
        except FailedError as error:
            # An attempt before this one has created it, and its answer was lost.
            if error.failure.cause is not Cause.CONFLICT:
                raise
        self._memory.written(write, self._clock())

    async def _repeat(self, write: Write) -> None:
        patch = msgspec.json.encode({"series": _series(write)})
        try:
            await self._server.send("PATCH", EVENT.path_of(NAMESPACE, write.name), patch, MERGE_PATCH)
        except FailedError as error:
            if error.failure.cause is not Cause.ABSENT:
                raise
            self._memory.expired(write)
        else:
            self._memory.written(write, self._clock())

    async def _uid(self, subject: Subject) -> str:
        """ "" for an object that is gone."""
        try:
            answer = await self._server.get(subject.kind.path_of("", subject.name), accept=ONLY_METADATA)
        except FailedError as error:
            if error.failure.cause is Cause.ABSENT:
                return ""
            raise
        try:
            return msgspec.json.decode(answer, type=_Object).metadata.uid
        except msgspec.MsgspecError as error:
            failure = Failure(Cause.NOT_READABLE, f"{_named(subject)} is not readable: {error}")
            raise FailedError(failure) from error

    def _report_drops(self) -> None:
        if self._memory.dropped and not self._drops_reported:
            self._drops_reported = True
            self._warn("more happens than events are written of, some are left out from now on")


def _named(subject: Subject) -> str:
    return subject.kind.name_of("", subject.name)


def _encoded(write: Write, uid: str, reporter: Reporter) -> bytes:
    about = write.occurrence
    kind = about.subject.kind
    event: dict[str, object] = {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": write.name, "namespace": NAMESPACE},
        "regarding": {"apiVersion": kind.api_version, "kind": kind.kind, "name": about.subject.name, "uid": uid},
        "type": "Warning" if about.is_warning else "Normal",
        "reason": about.reason,
        "action": about.action,
        "note": shortened(about.note),
        "eventTime": _moment(write.first),
        "reportingController": reporter.controller,
        "reportingInstance": reporter.instance[:LONGEST_INSTANCE],
    }
    return msgspec.json.encode(event | ({"series": _series(write)} if write.count > 1 else {}))


def _series(write: Write) -> dict[str, object]:
    return {"count": write.count, "lastObservedTime": _moment(write.last)}


def shortened(note: str) -> str:
    """What an Event has room for."""
    octets = note.encode(errors="replace")
    if len(octets) <= LONGEST_NOTE:
        return octets.decode()
    return octets[: LONGEST_NOTE - 3].decode(errors="ignore") + "..."


def _moment(seconds: float) -> str:
    """A MicroTime."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
