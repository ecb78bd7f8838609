"""How far the FIB has followed the speaker's Loc-RIB, beside which an answer of the speaker has its meaning.

Rule: an answer counts once the FIB has taken up everything that the speaker sent before it. Under constant changes the
newest answer never would, so the earliest that waits is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from reflector.messages import LocRibUpdate, Retained, Subscribed


@dataclass(slots=True)
class Progress:
    """The stream of which speaker (`epoch`), up to which update, and whether the whole table has come."""

    epoch: str = ""
    sequence: int = -1
    in_sync: bool = False
    _waiting: Retained | None = None

    def follow(self, update: Subscribed | LocRibUpdate) -> bool:
        """The FIB has taken this up. True for the one that ends a table."""
        if isinstance(update, LocRibUpdate):
            ends_table = update.in_sync and not self.in_sync
            self.sequence, self.in_sync = update.sequence, update.in_sync
            return ends_table
        if not update.resumed:
            self.epoch, self.sequence, self.in_sync = update.epoch, -1, False
        return False

    def has_reached(self, answer: Retained) -> bool:
        return self.epoch == answer.epoch and self.sequence >= answer.sequence

    def reached(self, newest: Retained) -> Retained | None:
        """The answer that counts now; None while the FIB is behind all of them."""
        answer = self._waiting or newest
        if answer.epoch != self.epoch:
            answer = newest
        self._waiting = None if self.has_reached(answer) else answer
        return answer if self._waiting is None else None
