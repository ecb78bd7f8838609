"""What is wrong for as long as it lasts: an occurrence when it begins, and one more each time REMIND seconds are over.

The API server forgets an Event after an hour, and who looks at an object later is to find why it does not work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bgpctl.kubernetes.occurrence import Occurrence

REMIND = 1800.0


class LastingEvents:
    def __init__(self, record: Callable[[Occurrence], None]) -> None:
        self._record = record
        self._recorded: dict[Occurrence, float] = {}

    def look(self, lasting: Iterable[Occurrence], now: float) -> None:
        """These are all that there are now."""
        before, self._recorded = self._recorded, {}
        for each in lasting:
            at = before.get(each)
            if at is None or now - at >= REMIND:
                self._record(each)
                at = now
            self._recorded[each] = at

    def forget(self) -> None:
        """Everything is new the next time."""
        self._recorded = {}
