"""When a speaker that keeps ending is in a crash loop: at its third failure in a row, until a run that lasts.

A run that lasts `Backoff.good_run` forgives all failures before it, the same as for the pause between two starts. The
last words are kept until then, because the speaker that runs in between says nothing of why the one before it ended.
"""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_OF_A_LOOP = 3


@dataclass(slots=True)
class Failures:
    """`in_a_row` counts them, `said` is the last line of the last speaker that failed, "" for none."""

    in_a_row: int = 0
    said: str = ""

    @property
    def is_crash_loop(self) -> bool:
        return self.in_a_row >= FAILURES_OF_A_LOOP

    def count(self, said: str) -> bool:
        """One more. True for the one that makes it a crash loop."""
        self.in_a_row += 1
        self.said = said
        return self.in_a_row == FAILURES_OF_A_LOOP

    def forgive(self) -> bool:
        """A run has lasted. True when that ends a crash loop."""
        was_crash_loop = self.is_crash_loop
        self.in_a_row, self.said = 0, ""
        return was_crash_loop
