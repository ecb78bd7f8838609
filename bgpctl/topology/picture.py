"""What is drawn of a design: as many routers as a page can show, the others together.

Rule: up to MOST_ALONE nodes each is drawn by itself. Beyond that, nodes that are alike (zone, rack, AS, the same
sessions) are one place on the page, with their number; reflectors, routers outside and single points of failure stay
alone. What is the same between two places is one line, with the number of its sessions. A mesh is one place to which
its members lead, since its sessions are as many as half the square of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field

from bgpctl.topology.design import Design, Role, Router
from bgpctl.topology.states import NOT_ASKED, States

MOST_ALONE = 60
MESH = "mesh"
# Names of a place that are shown in full.
MOST_NAMES = 40


@dataclass(frozen=True, slots=True)
class Place:
    """One or more routers at one place on the page; `mesh`: the place of the mesh, with its members.

    down, held, draining, not_asked   how many of them are so; `down` counts those of which a session is down
    """

    key: str
    routers: tuple[Router, ...]
    is_mesh: bool = False
    down: int = 0
    held: int = 0
    draining: int = 0
    not_asked: int = 0

    @property
    def first(self) -> Router:
        return self.routers[0]

    @property
    def is_single_point(self) -> bool:
        return not self.is_mesh and any(each.is_single_point for each in self.routers)

    @property
    def title(self) -> str:
        if self.is_mesh:
            return f"mesh of {len(self.routers)}"
        if len(self.routers) == 1:
            return self.first.name
        return f"{len(self.routers)} nodes"

    @property
    def names(self) -> str:
        shown = ", ".join(each.name for each in self.routers[:MOST_NAMES])
        left = len(self.routers) - MOST_NAMES
        return f"{shown} and {left} more" if left > 0 else shown


@dataclass(frozen=True, slots=True)
class Line:
    """The sessions between two places, by their keys. `impossible`: how many the two ends do not make; `reasons`: why
    these and those that are down are so, of the first of them."""

    one: str
    other: str
    sessions: int
    impossible: int = 0
    down: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    design: Design
    states: States
    places: Mapping[str, Place]
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Bundle:
    sessions: int = 0
    impossible: int = 0
    down: int = 0
    reasons: list[str] = field(default_factory=list)


def picture_of(design: Design, states: States = NOT_ASKED, most_alone: int = MOST_ALONE) -> Picture:
    place_of = {name: key for key, names in _grouped(design, most_alone).items() for name in names}
    bundles: dict[tuple[str, str], _Bundle] = {}
    troubled = set(states.down_in_mesh(design))
    for session in design.sessions:
        one, other = sorted((place_of[session.one], place_of[session.other]))
        bundle = bundles.setdefault((one, other), _Bundle())
        bundle.sessions += 1
        bundle.impossible += bool(session.obstacle)
        reason = states.down_between(design, session.one, session.other) if states.down else ""
        if reason:
            bundle.down += 1
            troubled |= {session.one, session.other}
        if session.obstacle or reason:
            bundle.reasons.append(f"{session.one} - {session.other}: {session.obstacle or reason}")
    lines = [
        Line(one, other, found.sessions, found.impossible, found.down, tuple(found.reasons[:MOST_NAMES]))
        for (one, other), found in sorted(bundles.items())
    ]
    places = {place.key: place for place in _places(design, states, place_of, troubled)}
    if len(design.mesh) > 1:
        members = tuple(design.routers[name] for name in sorted(design.mesh))
        places[MESH] = Place(MESH, members, is_mesh=True)
        lines += _mesh_lines(design, states, place_of)
    return Picture(design, states, places, tuple(lines))


def _grouped(design: Design, most_alone: int) -> dict[str, list[str]]:
    """Key of a place -> its routers."""
    nodes = sum(router.role is not Role.OUTSIDE for router in design.routers.values())
    together = nodes > most_alone
    sessions = _sessions_of(design) if together else {}
    keys: dict[Hashable, str] = {}
    found: dict[str, list[str]] = {}
    for name, router in sorted(design.routers.items()):
        kind: Hashable = name
        if together and router.role is Role.NODE and not router.is_single_point:
            kind = (router.zone, router.rack, router.as_number, sessions.get(name, frozenset()), name in design.mesh)
        found.setdefault(keys.setdefault(kind, name), []).append(name)
    return found


def _sessions_of(design: Design) -> dict[str, frozenset[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for session in design.sessions:
        found.setdefault(session.one, set()).add((session.other, session.obstacle))
        found.setdefault(session.other, set()).add((session.one, session.obstacle))
    return {name: frozenset(others) for name, others in found.items()}


def _places(design: Design, states: States, place_of: Mapping[str, str], troubled: set[str]) -> Iterator[Place]:
    members: dict[str, list[Router]] = {}
    for name, router in sorted(design.routers.items()):
        members.setdefault(place_of[name], []).append(router)
    for key, routers in members.items():
        names = {router.name for router in routers if router.role is not Role.OUTSIDE}
        yield Place(
            key,
            tuple(routers),
            down=len({router.name for router in routers} & troubled),
            held=len(names & states.held),
            draining=len(names & states.draining),
            not_asked=len(names - states.asked) if states.is_live else 0,
        )


def _mesh_lines(design: Design, states: States, place_of: Mapping[str, str]) -> Iterator[Line]:
    """From each place with members to the mesh: `sessions` are those that its members have in the mesh."""
    down = states.down_in_mesh(design)
    members: dict[str, list[str]] = {}
    for name in sorted(design.mesh):
        members.setdefault(place_of[name], []).append(name)
    for key, names in members.items():
        failing = [f"{name}: {down[name]} of its mesh sessions are down" for name in names if name in down]
        missing = sum(down.get(name, 0) for name in names)
        yield Line(key, MESH, len(names) * (len(design.mesh) - 1), down=missing, reasons=tuple(failing[:MOST_NAMES]))
