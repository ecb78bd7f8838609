"""What a comparison comes to, for a route or a session: a row with its outcome.

SAME       both have it alike
OTHER      both have it, but not alike
MISSING    BIRD has it, ours would not
EXTRA      ours would have it, BIRD has not
UNKNOWN    no resource says
LEFT_OUT   not a matter of BGP on this node, or somebody else's to decide, alike for both
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    SAME = "same"
    OTHER = "other"
    MISSING = "missing"
    EXTRA = "extra"
    UNKNOWN = "not known"
    LEFT_OUT = "left out"


DIFFERENCES = frozenset({Outcome.OTHER, Outcome.MISSING, Outcome.EXTRA})


@dataclass(frozen=True, slots=True)
class Row:
    """`what` is a prefix or a peer; `bird` and `ours` how each has it, "" where it has not; `note` why, or what else
    there is to it; `line` of the paste, 0 where it is not there."""

    what: str
    outcome: Outcome
    bird: str = ""
    ours: str = ""
    note: str = ""
    line: int = 0


def worst(rows: Iterable[Row]) -> Outcome:
    """SAME, UNKNOWN where that is the worst, or OTHER for any difference."""
    found = {row.outcome for row in rows}
    if found & DIFFERENCES:
        return Outcome.OTHER
    return Outcome.UNKNOWN if Outcome.UNKNOWN in found else Outcome.SAME
