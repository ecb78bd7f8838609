"""What a place or a line is drawn as, by its state: a colour that colour-blind people tell apart, and a word besides.

Colours are of Okabe and Ito's palette. The first state that holds is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.topology.design import Role
from bgpctl.topology.picture import Line, Place
from bgpctl.topology.states import States


@dataclass(frozen=True, slots=True)
class Look:
    """`word` is "" for what needs none."""

    colour: str
    word: str = ""
    dashes: str = ""


DOWN, HELD, DRAINING, UNKNOWN = "#d55e00", "#e69f00", "#56b4e9", "#bbbbbb"
_ROLES = {Role.NODE: "#eef3f8", Role.REFLECTOR: "#cfe3d8", Role.OUTSIDE: "#f3ead9"}
SINGLE_POINT = "#cc79a7"
PLAIN_LINE = Look("#667788")

_DESIGN = (
    (_ROLES[Role.REFLECTOR], "reflector"),
    (_ROLES[Role.NODE], "node"),
    (_ROLES[Role.OUTSIDE], "router outside the cluster"),
    (SINGLE_POINT, "its failure cuts off others"),
    (DOWN, "a session cannot come up"),
)
_LIVE = (
    *_DESIGN[:-1],
    (DOWN, "a session is down"),
    (HELD, "a change is held"),
    (DRAINING, "drained"),
    (UNKNOWN, "did not answer"),
)


def look_of_place(place: Place) -> Look:
    several = len(place.routers) > 1
    found = (
        (place.held, HELD, "held"),
        (place.draining, DRAINING, "draining"),
        (place.down, DOWN, "session down"),
        (place.not_asked, UNKNOWN, "no answer"),
    )
    for count, colour, word in found:
        if count:
            return Look(colour, f"{count} {word}" if several else word)
    return Look(_ROLES[place.first.role] if not place.is_mesh else "#ffffff")


def look_of_line(line: Line) -> Look:
    if line.down:
        return Look(DOWN, f"{line.down} of {line.sessions} down" if line.sessions > 1 else "down")
    if line.impossible:
        word = f"{line.impossible} of {line.sessions} cannot come up" if line.sessions > 1 else "cannot come up"
        return Look(DOWN, word, dashes="6 4")
    return PLAIN_LINE


def legend(states: States) -> tuple[tuple[str, str], ...]:
    """Colours with what they mean, of what can be seen."""
    return _LIVE if states.is_live else _DESIGN
