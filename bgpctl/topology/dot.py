"""A picture for Graphviz, zones and racks as clusters: `bgpctl topology PATH -o dot | dot -Tpdf`."""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.topology.colours import SINGLE_POINT, look_of_line, look_of_place
from bgpctl.topology.design import Role
from bgpctl.topology.picture import Line, Picture, Place
from bgpctl.topology.words import about_line, about_place, headline, second_line


def render_dot(picture: Picture) -> str:
    lines = [
        "graph topology {",
        f"  graph [label={_text(headline(picture))}, fontname=sans, overlap=false];",
        "  node [shape=box, style=filled, fontname=sans];",
        *_clusters(picture),
        *(_line(picture, line) for line in picture.lines),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _clusters(picture: Picture) -> Iterator[str]:
    zones: dict[str, dict[str, list[Place]]] = {}
    for place in picture.places.values():
        inside = not place.is_mesh and place.first.role is not Role.OUTSIDE
        zone, rack = (place.first.zone, place.first.rack) if inside else ("", "")
        zones.setdefault(zone, {}).setdefault(rack, []).append(place)
    for number, (zone, racks) in enumerate(sorted(zones.items())):
        if zone:
            yield f"  subgraph cluster_{number} {{ label={_text(f'zone {zone}')};"
        for inner, (rack, places) in enumerate(sorted(racks.items())):
            if rack:
                yield f"    subgraph cluster_{number}_{inner} {{ label={_text(f'rack {rack}')};"
            yield from map(_place, places)
            if rack:
                yield "    }"
        if zone:
            yield "  }"


def _place(place: Place) -> str:
    look = look_of_place(place)
    edge = f', color="{SINGLE_POINT}", penwidth=3' if place.is_single_point else ""
    label = _text(f"{place.title}\n{look.word or second_line(place)}")
    tooltip = _text(about_place(place))
    return f'    {_text(place.key)} [label={label}, fillcolor="{look.colour}"{edge}, tooltip={tooltip}];'


def _line(picture: Picture, line: Line) -> str:
    look = look_of_line(line)
    label = look.word or (f"{line.sessions:,}" if line.sessions > 1 else "")
    style = ", style=dashed" if look.dashes else ""
    tooltip = _text(about_line(picture, line))
    ends = f"{_text(line.one)} -- {_text(line.other)}"
    return f'  {ends} [label={_text(label)}, color="{look.colour}"{style}, tooltip={tooltip}];'


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
