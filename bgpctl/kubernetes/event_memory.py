"""Which Event is written next: what happened, counted, until it is in the API. No I/O; time is an argument.

    first of its kind      an Event of its own, if its object has a token; without one it is dropped
    the same once more     one more in the `series` of that Event, written REPEAT_PAUSE apart, if its object has a token
    too many               the one that was seen longest ago is forgotten

Rule: however often something happens, an object costs BURST_OF_OBJECT writes and then one in PAUSE_OF_OBJECT seconds,
all objects together BURST and then one in PAUSE, and not more than MOST occurrences are remembered. What is dropped is
counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from bgpctl.kubernetes.occurrence import Occurrence, Subject
from bgpctl.kubernetes.token_bucket import MOMENT, TokenBucket

# Seconds where they are not counts.
BURST_OF_OBJECT, PAUSE_OF_OBJECT = 10, 60.0
BURST, PAUSE = 50, 1.0
MOST = 512
REPEAT_PAUSE = 60.0
# An API server keeps an Event for an hour after its last write.
FORGET = 3600.0
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Write:
    """An Event as it is to be in the API.

    name          of the Event
    first, last   when it happened, in seconds since the epoch
    count         how often
    is_new        it is not in the API yet
    """

    occurrence: Occurrence
    name: str
    first: float
    last: float
    count: int
    is_new: bool


@dataclass(slots=True)
class _Series:
    """`seen` and `not_before` are of the clock of `now`."""

    name: str
    first: float
    last: float
    seen: float
    count: int = 1
    written: int = 0
    not_before: float = 0.0

    @property
    def is_due(self) -> bool:
        return self.count > self.written


class EventMemory:
    """`dropped`: occurrences that the limits leave out."""

    def __init__(self, now: float) -> None:
        self.dropped = 0
        self._series: OrderedDict[Occurrence, _Series] = OrderedDict()
        self._objects: OrderedDict[Subject, TokenBucket] = OrderedDict()
        self._process = TokenBucket(BURST, PAUSE, now)
        self._number = 0

    def take(self, occurrence: Occurrence, at: float, now: float) -> None:
        """It happened `at` this time, in seconds since the epoch."""
        known = self._series.get(occurrence)
        if known is not None and (known.is_due or now - known.seen < FORGET):
            known.count, known.last, known.seen = known.count + 1, at, now
            self._series.move_to_end(occurrence)
        elif self._bucket(occurrence.subject, now).take(now):
            self._series[occurrence] = _Series(self._name(occurrence, at), at, at, now)
            self._series.move_to_end(occurrence)
            if len(self._series) > MOST:
                _, oldest = self._series.popitem(last=False)
                self.dropped += oldest.count - oldest.written
        else:
            self.dropped += 1

    def next(self, now: float) -> Write | None:
        """What may be written now, the longest known first. Each call that returns one counts as a write."""
        for occurrence, series in self._due():
            if self._wait_of(occurrence, series, now) > 0:
                continue
            if not self._process.take(now):
                return None
            if series.written:
                self._bucket(occurrence.subject, now).take(now)
            return Write(occurrence, series.name, series.first, series.last, series.count, not series.written)
        return None

    def wait(self, now: float) -> float | None:
        """Seconds until something may be written; None: there is nothing to write."""
        waits = [self._wait_of(occurrence, series, now) for occurrence, series in self._due()]
        return max(min(waits), self._process.wait(now)) if waits else None

    def written(self, write: Write, now: float) -> None:
        series = self._series.get(write.occurrence)
        if series is not None:
            series.written, series.not_before = write.count, now + REPEAT_PAUSE

    def expired(self, write: Write) -> None:
        """The Event of this series is not in the API any more: it becomes a new one."""
        series = self._series.get(write.occurrence)
        if series is not None:
            series.name, series.written = self._name(write.occurrence, series.last), 0
            series.first, series.not_before = series.last, 0.0

    def forget(self, write: Write) -> None:
        """It cannot be in the API."""
        self._series.pop(write.occurrence, None)

    def _due(self) -> Iterator[tuple[Occurrence, _Series]]:
        return ((occurrence, series) for occurrence, series in self._series.items() if series.is_due)

    def _wait_of(self, occurrence: Occurrence, series: _Series, now: float) -> float:
        """The first write of a series has had its token when it was taken."""
        if not series.written:
            return 0.0
        pause = series.not_before - now
        return max(pause if pause > MOMENT else 0.0, self._bucket(occurrence.subject, now).wait(now))

    def _bucket(self, subject: Subject, now: float) -> TokenBucket:
        bucket = self._objects.setdefault(subject, TokenBucket(BURST_OF_OBJECT, PAUSE_OF_OBJECT, now))
        self._objects.move_to_end(subject)
        if len(self._objects) > MOST:
            self._objects.popitem(last=False)
        return bucket

    def _name(self, occurrence: Occurrence, at: float) -> str:
        """As others name theirs: the object, and the time. A number parts those of one moment."""
        self._number += 1
        subject = occurrence.subject.name[:LONGEST_NAME].rstrip("-.")
        return f"{subject}.{int(at * 1e6):x}.{self._number:x}"
