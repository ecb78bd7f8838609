"""Budgets: how long a session may keep the speaker busy before the others come first.

Rule: what a session brings is charged to it in seconds: reading and handling its messages, and its part of the flush
and the writes that end the turn. A budget holds RESERVE and what the session's table has cost; it fills up by REFILL
of the time that passes, so a session that takes less than that part of the speaker is never overdrawn. What makes the
table larger is not charged: it is added to what the budget holds, so that a full table comes at full speed, and may be
announced once more at full speed. An overdrawn session

    is served by itself      when nothing of another session came in the same turn, or else in the turn after it
    gets SHARE of the time   with all other overdrawn ones, while others are at work: they have brought something within
                             BUSY that is more than a KEEPALIVE. What is written for it counts, to all peers: it is
                             theirs to take, at most OCTETS_A_SECOND
    has it all               while the others are silent
"""

from __future__ import annotations

# Seconds of work, and the part of one second that comes back each second. Five thousand routes that all change take so
# long.
RESERVE = 0.1
REFILL = 0.2
# Seconds of work beyond its budget for which a session is remembered as overdrawn: five times as long.
_OVERDRAFT = 1.0
# The part of the time that overdrawn sessions get in all while others are at work, and the longest that they wait.
SHARE = 1 / 3
LONGEST_WAIT = 0.25
# Octets a second that may be written, to all peers together, for overdrawn sessions while others are at work: half of
# what a link of a gigabit takes.
OCTETS_A_SECOND = 64 * 1024 * 1024
# Seconds for which others count as being at work after what they brought last.
BUSY = 0.05
# Seconds in which a route that makes the table larger is read and handled, at most.
NEW_ROUTE = 40e-6


class Budget:
    """Of one session, whatever becomes of its connections. `room` are the seconds that it holds when it is full, and
    `spent` those that were missing when it was charged last."""

    __slots__ = ("_at", "_table", "room", "spent")

    def __init__(self, now: float) -> None:
        self.room = RESERVE
        self.spent = 0.0
        self._table = 0.0
        self._at = now

    def begin_table(self) -> None:
        """A connection has come up, and nothing on it."""
        self._table = 0.0

    def charge_table(self, seconds: float) -> None:
        """For work that has made the session's table larger than it was on this connection."""
        self._table += seconds
        self.room = max(self.room, RESERVE + self._table)

    def charge(self, seconds: float, now: float) -> None:
        """For other work that has just been done."""
        missing = self.spent - (now - self._at) * REFILL
        self.spent = min(missing + seconds if missing > 0.0 else seconds, self.room + _OVERDRAFT)
        self._at = now

    def is_overdrawn(self, now: float) -> bool:
        return self.spent - (now - self._at) * REFILL > self.room
