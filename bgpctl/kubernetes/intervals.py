"""How often the API server is asked, in seconds. One value, so that whoever follows a cluster may choose others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Intervals:
    """not_served   until a kind that was refused or is not there is asked for once more, at most
    secrets      between two looks at a Secret, at most
    groups       between two looks at which API groups there are, at most
    failures     between two looks at what is not read: when it is long enough, it is a problem
    away_for     for which a kind is not read before that is a problem: an API server that starts takes less
    """

    not_served: float = 30.0
    secrets: float = 30.0
    groups: float = 60.0
    failures: float = 2.0
    away_for: float = 10.0


USUAL = Intervals()
