"""A picture as SVG: one document, without scripts or other files. What is pointed at is explained by its title."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, log2
from xml.sax.saxutils import escape, quoteattr

from bgpctl.topology.colours import PLAIN_LINE, SINGLE_POINT, legend, look_of_line, look_of_place
from bgpctl.topology.layout import GAP, HEADING, HIGH, WIDE, Box, Layout, lay_out
from bgpctl.topology.picture import Line, Picture, Place
from bgpctl.topology.words import about_line, about_place, headline, second_line

# Letters of a label that fit into a place.
_FITTING = 15
_LEGEND_WIDTH = 190
# Text that stays readable on a line.
_OUTLINED = 'stroke="#ffffff" stroke-width="3" paint-order="stroke"'


def render_svg(picture: Picture) -> str:
    layout = lay_out(picture)
    width = max(layout.width, _LEGEND_WIDTH * 2 + GAP)
    across = max(1, int((width - GAP) // _LEGEND_WIDTH))
    entries = legend(picture.states)
    height = layout.height + HEADING + ceil(len(entries) / across) * HEADING + GAP
    title = headline(picture)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' height="{height:.0f}" role="img" aria-label={quoteattr(title)} font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        *(_box(box) for box in layout.boxes if box.is_zone),
        *(_box(box) for box in layout.boxes if not box.is_zone),
        *(
            _line(picture, line, layout)
            for line in sorted(picture.lines, key=lambda line: look_of_line(line) != PLAIN_LINE)
        ),
        *map(_heading, layout.boxes),
        *(_place(place, *layout.centres[key]) for key, place in picture.places.items()),
        f'<text x="{GAP}" y="{layout.height + HEADING / 2:.0f}" font-weight="bold">{escape(title)}</text>',
        *_legend(entries, layout.height + HEADING, across),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _box(box: Box) -> str:
    fill = "#f7f7f9" if box.is_zone else "#ffffff"
    return (
        f'<rect x="{box.left:.0f}" y="{box.top:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="6"'
        f' fill="{fill}" stroke="#aab4be"/>'
    )


def _heading(box: Box) -> str:
    """Over the lines."""
    at = f'x="{box.left + GAP / 2:.0f}" y="{box.top + 15:.0f}"'
    return f'<text {at} fill="#334455" {_OUTLINED}>{escape(box.title)}</text>'


def _line(picture: Picture, line: Line, layout: Layout) -> str:
    look = look_of_line(line)
    (left, top), (right, bottom) = layout.centres[line.one], layout.centres[line.other]
    dashes = f' stroke-dasharray="{look.dashes}"' if look.dashes else ""
    about = escape(about_line(picture, line))
    width = 1 + log2(max(line.sessions, 1)) / 4
    opacity = 0.4 if look == PLAIN_LINE else 0.9
    stroke = f'stroke="{look.colour}" stroke-width="{width:.1f}" stroke-opacity="{opacity}"{dashes}'
    if line.one == line.other:
        drawn = f'<circle cx="{left + WIDE / 2:.0f}" cy="{top - HIGH / 2:.0f}" r="9" fill="none" {stroke}>'
        return f"{drawn}<title>{about}</title></circle>"
    label = ""
    if look.word:
        label = (
            f'<text x="{(left + right) / 2:.0f}" y="{(top + bottom) / 2:.0f}" text-anchor="middle" font-size="11"'
            f' fill="{look.colour}" {_OUTLINED}>{escape(look.word)}</text>'
        )
    ends = f'x1="{left:.0f}" y1="{top:.0f}" x2="{right:.0f}" y2="{bottom:.0f}"'
    return f"<g><line {ends} {stroke}><title>{about}</title></line>{label}</g>"


def _place(place: Place, x: float, y: float) -> str:
    look = look_of_place(place)
    edge, width = (SINGLE_POINT, 3) if place.is_single_point else ("#556677", 1)
    below = look.word or second_line(place)
    return (
        f'<g text-anchor="middle"><title>{escape(about_place(place))}</title>'
        f'<rect x="{x - WIDE / 2:.0f}" y="{y - HIGH / 2:.0f}" width="{WIDE}" height="{HIGH}" rx="5"'
        f' fill="{look.colour}" stroke="{edge}" stroke-width="{width}"/>'
        f'<text x="{x:.0f}" y="{y - 3:.0f}">{escape(_fitting(place.title))}</text>'
        f'<text x="{x:.0f}" y="{y + 13:.0f}" font-size="10" fill="#223344">{escape(_fitting(below, 20))}</text></g>'
    )


def _fitting(text: str, most: int = _FITTING) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def _legend(entries: Sequence[tuple[str, str]], top: float, across: int) -> Iterator[str]:
    for index, (colour, words) in enumerate(entries):
        row, column = divmod(index, across)
        left, at = GAP + column * _LEGEND_WIDTH, top + row * HEADING
        yield (
            f'<g><rect x="{left}" y="{at:.0f}" width="14" height="14" fill="{colour}" stroke="#556677"/>'
            f'<text x="{left + 20}" y="{at + 12:.0f}">{escape(words)}</text></g>'
        )
