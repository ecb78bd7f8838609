"""All objects of one kind as the API server has them: from what happened to what is asked next. No I/O.

    nothing known          a watch that begins with all objects (WatchList); where that is not known, a list in pages
    all known              a watch from there; its end and a broken connection: one more, from the newest version seen
    version forgotten      410: from the beginning. The objects stay until the new list is complete
    forbidden              403: the objects stay; asked again after a while
    kind not installed     404: no objects, but where there were some only after ABSENT_FOR; looked for again
    no object any more     a list without any, where there were some, counts when a second one has none either: an API
                           server that has changed hands may not have them yet
    anything else          the objects stay; again after a pause that grows

Rule: objects change one by one while they are watched, and all at once by a list that is complete, never in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bgpctl.kubernetes.failure import Cause, Failure
from bgpctl.kubernetes.intervals import USUAL, Intervals
from bgpctl.kubernetes.pauses import Pauses

# Seconds for which a kind has to be away before its objects are gone, and between two looks for them.
ABSENT_FOR, LOOK_AGAIN = 30.0, 5.0
# A watch that ends sooner than this without any event did not work.
SHORT_WATCH = 1.0


class Change(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch. `text` is the object's document; `is_all`: all objects that there are have come."""

    change: Change
    version: str
    name: str = ""
    text: str = ""
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a list: names with documents, and the token of the next page, "" for none."""

    objects: tuple[tuple[str, str], ...]
    version: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class List:
    """The next page; the first one for ""."""

    more: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """From this version on; for "" beginning with all objects."""

    version: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


Step = List | Watch | Wait


class Collection:
    """`objects` are documents by name. `failure` is what the last request failed with, since `failing_since`; None as
    soon as one has succeeded. `is_settled`: it is known which objects there are, or that this is not to be known."""

    def __init__(self, pauses: Pauses, *, watch_list: bool = True, intervals: Intervals = USUAL) -> None:
        self.objects: dict[str, str] = {}
        self.failure: Failure | None = None
        self.failed_watch = False
        self.failing_since = 0.0
        self.is_settled = False
        self.is_known = False
        self._pauses = pauses
        self._not_served = intervals.not_served
        self._watch_list = watch_list
        self._version = ""
        self._more = ""
        self._coming: dict[str, str] = {}
        self._not_before = 0.0
        self._absent_since: float | None = None
        self._was_empty = False
        self._has_expired = False
        self._watch_began = 0.0
        self._saw_event = False

    @property
    def is_following(self) -> bool:
        """All objects are known, and a watch tells what changes from there."""
        return bool(self._version)

    # --------------------------------------------------------------------------------------------- asked

    def step(self, now: float) -> Step:
        """What to do now."""
        if now < self._not_before:
            return Wait(self._not_before - now)
        if not self._version and not self._watch_list:
            return List(self._more)
        self._watch_began, self._saw_event = now, False
        if not self._version:
            self._coming = {}
        return Watch(self._version)

    # ------------------------------------------------------------------------------------------ answered

    def listed(self, page: Page, now: float) -> bool:
        """Whether anything is different now; so of all below."""
        self._coming.update(page.objects)
        self._more = page.more
        return self._complete(page.version, now) if not page.more else False

    def observed(self, event: Event, now: float) -> bool:
        self._saw_event = True
        if not self._version:
            _apply(event, self._coming)
            return self._complete(event.version, now) if event.is_all else False
        self._version = event.version or self._version
        recovered = self._succeeded()
        return _apply(event, self.objects) or recovered

    def ended(self, now: float) -> bool:
        """The API server has ended a watch, as it does with each after some minutes."""
        if not self._version:
            # It took the watch and did not say that all objects had come: it does not know how.
            self._watch_list = False
            return False
        if self._saw_event or now - self._watch_began >= SHORT_WATCH:
            return self._succeeded()
        self._not_before = now + self._pauses.next()
        return False

    def opened(self) -> bool:
        """A watch was granted, which may have nothing to report for long."""
        return self._succeeded() if self._version else False

    def failed(self, failure: Failure, now: float) -> bool:
        cause = failure.cause
        if cause is Cause.NOT_SUPPORTED:
            self._watch_list = False
            return False
        if cause is Cause.EXPIRED:
            return self._forget(failure, now)
        if self.failure is None:
            self.failing_since = now
        was_settled, before = self.is_settled, self.failure
        self.failed_watch = self.is_following or self._watch_list
        self.failure = failure
        if cause is Cause.FORBIDDEN:
            self._later(now)
        elif cause is Cause.ABSENT:
            return self._absent(now) or before != failure
        else:
            self._absent_since = None
            self._not_before = now + self._pauses.next(failure.retry_after)
        return self.is_settled != was_settled or before != failure

    # ----------------------------------------------------------------------------------------- concluded

    def _complete(self, version: str, now: float) -> bool:
        coming, self._coming, self._more = self._coming, {}, ""
        if self.objects and not coming and not self._was_empty:
            self._was_empty, self._not_before = True, now + LOOK_AGAIN
            return False
        self._version, self._was_empty, self._has_expired = version, False, False
        is_different = coming != self.objects or not self.is_settled
        # What is the same text stays the same object: whoever compares need not look into it.
        self.objects = {name: self._kept(name, text) for name, text in coming.items()}
        self.is_settled = self.is_known = True
        return self._succeeded(watched=self._watch_list) or is_different

    def _kept(self, name: str, text: str) -> str:
        before = self.objects.get(name)
        return before if before == text else text

    def _succeeded(self, *, watched: bool = True) -> bool:
        """A list that is granted does not say that a watch is."""
        self._pauses.succeeded()
        self._absent_since = None
        if self.failure is None or (not watched and self.failed_watch and self.failure.cause is Cause.FORBIDDEN):
            return False
        self.failure = None
        return True

    def _forget(self, failure: Failure, now: float) -> bool:
        """At once for the first time; an API server that forgets as soon as it has answered is given time."""
        if self._has_expired:
            self._not_before = now + self._pauses.next(failure.retry_after)
        self._has_expired, self._version, self._more, self._coming = True, "", "", {}
        return False

    def _later(self, now: float) -> None:
        """From the beginning: who may list and not watch is asked for a list each time."""
        if self.failed_watch and self._watch_list and not self._version:
            self._watch_list = False  # whether it is list that is lacking as well
            return
        self._version, self._more, self._coming = "", "", {}
        self.is_settled = True
        self._not_before = now + self._pauses.around(self._not_served)

    def _absent(self, now: float) -> bool:
        self._version, self._more, self._coming = "", "", {}
        self._absent_since = now if self._absent_since is None else self._absent_since
        if self.objects and now - self._absent_since < ABSENT_FOR:
            self._not_before = now + LOOK_AGAIN
            return False
        is_different = bool(self.objects) or not self.is_settled
        self.objects = {}
        self.is_settled = self.is_known = True
        self._not_before = now + self._pauses.around(self._not_served)
        return is_different


def _apply(event: Event, objects: dict[str, str]) -> bool:
    """Whether that makes a difference."""
    if event.change is Change.BOOKMARK:
        return False
    if event.change is Change.DELETED:
        return objects.pop(event.name, None) is not None
    if objects.get(event.name) == event.text:
        return False
    objects[event.name] = event.text
    return True
