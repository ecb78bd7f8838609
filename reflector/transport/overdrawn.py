"""Sessions that have overdrawn their budgets and have something to read: when they are served.

Rule: by the table in budget.py. No session waits longer than LONGEST_WAIT and one turn, so that what a peer sends in
time, behind whatever it sent before, is read in time (RFC 4271 4.4: a hold time is three seconds or more).
"""

from __future__ import annotations

import math

from reflector.transport.budget import BUSY, LONGEST_WAIT, OCTETS_A_SECOND, SHARE
from reflector.transport.connection import Connection


class Overdrawn:
    """They take turns in the order in which they came to wait. `others_came` is set by whoever reads: a session within
    its budget has brought something in this turn."""

    def __init__(self) -> None:
        self._waiting: dict[str, Connection] = {}
        self._not_before = 0.0
        self._others_until = 0.0
        self.others_came = False
        self._is_passed_over = False

    def wait(self, connection: Connection) -> None:
        connection.is_overdrawn = True
        self._waiting.setdefault(connection.name, connection)

    def leave(self, connection: Connection) -> None:
        connection.is_overdrawn = False
        self._waiting.pop(connection.name, None)

    def give_way(self, now: float) -> bool:
        """Others are at work."""
        return now < self._others_until

    def due(self, now: float) -> float:
        """When the next one may be served; never, if none waits."""
        if not self._waiting:
            return math.inf
        return max(self._not_before, now) if self.give_way(now) else now

    def queue(self, now: float) -> list[Connection]:
        """Those that are to be served in this turn, the first that has waited longest; once a turn."""
        others_came, self.others_came = self.others_came, False
        if others_came:
            self._others_until = now + BUSY
        due = self.due(now)
        if due > now:
            if due < math.inf:
                for connection in self._waiting.values():
                    connection.pause(True)
            return []
        self._is_passed_over = others_came and not self._is_passed_over
        return [] if self._is_passed_over else list(self._waiting.values())

    def served(self, connection: Connection, *, has_more: bool) -> None:
        self.leave(connection)
        if has_more:
            self.wait(connection)
        else:
            connection.pause(False)

    def rest(self, seconds: float, octets: int, now: float) -> None:
        """They have had a turn of so many seconds, in which so many octets were written."""
        self._not_before = now + min(max(seconds * (1 / SHARE - 1), octets / OCTETS_A_SECOND), LONGEST_WAIT)
