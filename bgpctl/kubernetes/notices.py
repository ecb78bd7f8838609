"""What happens on the way to the API server, for the log of whoever follows a cluster.

Rule: the same sentence about the same kind is reported once in REPEAT seconds, however often it happens; what a problem
says as well, the problem says all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

REPEAT = 60.0
# Sentences that are remembered: more than there are kinds and causes.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """about   the kind, as roles name it ("nodes", "bgppeers.projectcalico.org"), or the cluster
    message   a sentence
    error     an exception that is a fault of ours; None for what the world does
    """

    about: str
    message: str
    error: Exception | None = None


Report = Callable[[Notice], None]


class Notices:
    def __init__(self, report: Report, clock: Callable[[], float]) -> None:
        self._report = report
        self._clock = clock
        self._reported: dict[tuple[str, str], float] = {}

    def give_each(self, about: str, message: str) -> None:
        """Of what changes seldom, and where the last one has to be the last one in the log."""
        self._report(Notice(about, message))

    def give(self, about: str, message: str, error: Exception | None = None) -> None:
        now, key = self._clock(), (about, message)
        if now - self._reported.get(key, -REPEAT) < REPEAT:
            return
        if len(self._reported) >= MOST:
            self._reported.clear()
        self._reported[key] = now
        self._report(Notice(about, message, error))
