"""When a speaker that keeps ending is in a crash loop: from its third failure in a row until a run that lasts.

A run of `Backoff.good_run` or longer clears all failures before it, as it does for the pause between two starts. The
last line of the log is kept until then, because the speaker that runs meanwhile does not know why the one before ended.
"""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_OF_A_LOOP = 3


@dataclass(slots=True)
class Failures:
    """`in_a_row` counts them, `last_line` is the last line of the last speaker that failed, "" for none."""

    in_a_row: int = 0
    last_line: str = ""

    @property
    def is_crash_loop(self) -> bool:
        return self.in_a_row >= FAILURES_OF_A_LOOP

    def count(self, last_line: str) -> bool:
        """One more. True for the one that makes it a crash loop."""
        self.in_a_row += 1
        self.last_line = last_line
        return self.in_a_row == FAILURES_OF_A_LOOP

    def clear(self) -> bool:
        """A run has lasted. True when that ends a crash loop."""
        was_crash_loop = self.is_crash_loop
        self.in_a_row, self.last_line = 0, ""
        return was_crash_loop
