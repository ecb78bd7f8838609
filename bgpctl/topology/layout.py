"""Where everything of a picture stands: zones side by side, in each its reflectors, its racks and routers outside.

    +- zone a -------------+  +- zone b -------------+
    |  rr1  rr2            |  |  rr3                 |
    |  +- rack 1 +  +- 2 + |  |  ...                 |
    +----------------------+  +----------------------+

The mesh is in the middle above all zones. A router outside stands in the zone of the nodes that it has sessions with,
and below all zones when these are several.

All lengths are in pixels; equal pictures have equal layouts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt

from bgpctl.topology.design import Role
from bgpctl.topology.picture import MESH, Picture, Place

# A place with its label; what is left free around it; the height of a heading.
WIDE, HIGH, GAP, HEADING = 110, 44, 14, 22
# Places side by side in a rack, at most; without racks a zone is one wide block.
_ACROSS_RACK, _ACROSS_ZONE = 4, 8


@dataclass(frozen=True, slots=True)
class Box:
    """A zone or a rack."""

    title: str
    left: float
    top: float
    width: float
    height: float
    is_zone: bool


@dataclass(slots=True)
class Layout:
    """`centres`: where places are, by their keys."""

    centres: dict[str, tuple[float, float]] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def lay_out(picture: Picture) -> Layout:
    layout = Layout()
    zones = _zones(picture)
    between = zones.pop(None, [])
    top = GAP + (HIGH + 2 * GAP if MESH in picture.places else 0)
    left, bottom = float(GAP), float(top)
    for zone in sorted(zones, key=str):
        width, height = _zone(layout, zone or "", zones[zone], left, top, titled=len(zones) > 1 or bool(zone))
        left += width + GAP
        bottom = max(bottom, top + height)
    layout.width = max(left, _across(len(between), _ACROSS_ZONE * 2) * (WIDE + GAP) + GAP, 2 * WIDE)
    layout.height = bottom + GAP
    if between:
        layout.height = _rows(layout, between, GAP, bottom + 2 * GAP, _ACROSS_ZONE * 2)[1] + GAP
    if MESH in picture.places:
        layout.centres[MESH] = (layout.width / 2, GAP + HIGH / 2)
    return layout


def _zones(picture: Picture) -> dict[str | None, list[Place]]:
    """Zone -> its places; None: what stands between zones."""
    found: dict[str | None, list[Place]] = {}
    for key, place in picture.places.items():
        if key == MESH:
            continue
        zone: str | None = place.first.zone
        if place.first.role is Role.OUTSIDE:
            zones = set(_zones_of_peers(picture, key))
            zone = zones.pop() if len(zones) == 1 else None
        found.setdefault(zone, []).append(place)
    return found


def _zones_of_peers(picture: Picture, key: str) -> Iterable[str]:
    for line in picture.lines:
        if key in (line.one, line.other):
            yield picture.places[line.other if line.one == key else line.one].first.zone


def _zone(
    layout: Layout, zone: str, places: Sequence[Place], left: float, top: float, *, titled: bool
) -> tuple[float, float]:
    """Width and height of a zone that begins there."""
    inner, at = left + GAP, top + (HEADING if titled else 0) + GAP
    right = inner
    reflectors = [each for each in places if each.first.role is Role.REFLECTOR]
    outside = [each for each in places if each.first.role is Role.OUTSIDE]
    racks: dict[str, list[Place]] = {}
    for each in places:
        if each.first.role is Role.NODE:
            racks.setdefault(each.first.rack, []).append(each)
    if reflectors:
        edge, at = _rows(layout, reflectors, inner, at, _ACROSS_ZONE)
        right, at = max(right, edge), at + GAP
    edge, at = _racks(layout, racks, inner, at)
    right = max(right, edge)
    if outside:
        edge, at = _rows(layout, outside, inner, at + GAP, _ACROSS_ZONE)
        right = max(right, edge)
    width, height = right - left + GAP, at - top + GAP
    if titled:
        layout.boxes.append(Box(f"zone {zone}" if zone else "no zone", left, top, width, height, is_zone=True))
    return width, height


def _racks(layout: Layout, racks: Mapping[str, Sequence[Place]], left: float, top: float) -> tuple[float, float]:
    """Racks side by side, in as many rows as make a square of them. The right edge and the bottom."""
    across = max(1, ceil(sqrt(len(racks))))
    right, bottom, at = left, top, left
    row = top
    for index, rack in enumerate(sorted(racks)):
        if index and index % across == 0:
            at, row = left, bottom + GAP
        if rack:
            edge, low = _rows(layout, racks[rack], at + GAP, row + HEADING + GAP / 2, _ACROSS_RACK)
            box = Box(f"rack {rack}", at, row, edge - at + GAP, low - row + GAP, is_zone=False)
            layout.boxes.append(box)
            edge, low = at + box.width, row + box.height
        else:
            edge, low = _rows(layout, racks[rack], at, row, _ACROSS_ZONE)
        right, bottom, at = max(right, edge), max(bottom, low), edge + GAP
    return right, bottom


def _rows(layout: Layout, places: Sequence[Place], left: float, top: float, most: int) -> tuple[float, float]:
    """Places in rows; the right edge and the bottom of them."""
    across = _across(len(places), most)
    for index, place in enumerate(places):
        row, column = divmod(index, across)
        layout.centres[place.key] = (
            left + column * (WIDE + GAP) + WIDE / 2,
            top + row * (HIGH + GAP) + HIGH / 2,
        )
    rows = ceil(len(places) / across)
    return left + across * (WIDE + GAP) - GAP, top + rows * (HIGH + GAP) - GAP


def _across(count: int, most: int) -> int:
    """As many side by side as there are rows, and not more than `most`."""
    return max(1, min(most, ceil(sqrt(count))))
