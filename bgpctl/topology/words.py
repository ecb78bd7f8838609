"""What is said about a place and about a line, in a few words: labels and what is shown when pointed at."""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.topology.design import Role
from bgpctl.topology.picture import Line, Picture, Place


def second_line(place: Place) -> str:
    """Below the title of a place."""
    first = place.first
    if place.is_mesh:
        return f"{len(place.routers) * (len(place.routers) - 1) // 2:,} sessions"
    if first.role is Role.REFLECTOR:
        return f"cluster ID {first.cluster_id}"
    return f"AS {first.as_number}" if first.as_number else "AS not known"


def about_place(place: Place) -> str:
    return "\n".join(_about_place(place))


def _about_place(place: Place) -> Iterator[str]:
    first = place.first
    yield f"{place.title}: {second_line(place)}"
    if len(place.routers) > 1:
        yield place.names
    elif first.role is Role.REFLECTOR:
        yield f"reflector, AS {first.as_number}"
    if place.is_single_point:
        yield (
            "its failure cuts off other nodes" if len(place.routers) == 1 else "the failure of one cuts off other nodes"
        )
    counts = ((place.down, "with a session down"), (place.held, "with a held change"), (place.draining, "drained"))
    for count, words in counts:
        if count:
            yield f"{count} {words}"
    if place.not_asked:
        yield f"{place.not_asked} did not answer, so nothing is known of how they are"


def about_line(picture: Picture, line: Line) -> str:
    one, other = picture.places[line.one], picture.places[line.other]
    sentences = [f"{one.title} - {other.title}: {line.sessions:,} session{'s' * (line.sessions != 1)}"]
    if line.impossible:
        sentences.append(f"{line.impossible} cannot come up as the resources are")
    sentences += line.reasons
    return "\n".join(sentences)


def headline(picture: Picture) -> str:
    """What the whole picture shows."""
    routers = picture.design.routers.values()
    roles = [router.role for router in routers]
    nodes = len(roles) - roles.count(Role.OUTSIDE)
    sessions = len(picture.design.sessions) + picture.design.mesh_sessions
    parts = [
        f"{nodes} node{'s' * (nodes != 1)}",
        f"{roles.count(Role.REFLECTOR)} of them reflectors" if Role.REFLECTOR in roles else "",
        f"{roles.count(Role.OUTSIDE)} routers outside" if Role.OUTSIDE in roles else "",
        f"{sessions:,} sessions",
    ]
    down = sum(line.down for line in picture.lines)
    single = sum(router.is_single_point for router in routers)
    parts += [f"{down} of them down"] if picture.states.is_live else []
    parts += [f"{single} single point{'s' * (single != 1)} of failure"] if single else []
    return ", ".join(filter(None, parts))
