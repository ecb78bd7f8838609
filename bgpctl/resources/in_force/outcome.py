"""What is in force instead of an invalid resource; which kind has which outcome is in kind_rules.py."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What is in force instead of an invalid resource."""

    LAST_GOOD = "last-good"
    FIRST = "first"
    SESSIONS_WAIT = "sessions-wait"
    ROUTES_WAIT = "routes-wait"
    PLAN_WAITS = "plan-waits"
    ABSENT = "absent"


# For people, after the name of the resource.
SENTENCES: dict[Outcome, str] = {
    Outcome.LAST_GOOD: "the last good version stays in force",
    Outcome.FIRST: "no version of it was in force before, so the one that stands first counts",
    Outcome.SESSIONS_WAIT: "no version of it was in force before, so the sessions that use it wait",
    Outcome.ROUTES_WAIT: "no version of it was in force before, so its routes are neither advertised nor programmed",
    Outcome.PLAN_WAITS: "no version of it was in force before, so the whole plan waits",
    Outcome.ABSENT: "no version of it was in force before, so it counts as absent",
}
