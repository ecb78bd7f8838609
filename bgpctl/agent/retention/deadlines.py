"""Until when routes are retained: of those that the speaker retains, and of those that only the kernel has.

Rule: the time is the machine's clock, because it has to outlive speaker and agent. What only the kernel has keeps the
time that the speaker gave before it was restarted; where that is not known, it counts from now.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Deadlines:
    """Seconds since the epoch, 0 for nothing. `of_speaker` holds also while the speaker does not answer."""

    of_speaker: float = 0.0
    of_kernel: float = 0.0

    @property
    def last(self) -> float:
        return max(self.of_speaker, self.of_kernel)

    def is_over(self, now: float) -> bool:
        """The time of what only the kernel has."""
        return 0 < self.of_kernel <= now

    def count(self, now: float, left: float, *, in_kernel_only: bool, longest: int, is_starting: bool) -> None:
        """`left` seconds as the speaker gives them, 0 for nothing retained; `longest` that a session gives at all.
        While a speaker starts, nothing is known to be over."""
        if in_kernel_only:
            self.of_kernel = self.of_kernel or self.of_speaker or now + longest
        elif not is_starting:
            self.of_kernel = 0.0
        if left:
            self.of_speaker = now + left
        elif not is_starting:
            self.of_speaker = 0.0
