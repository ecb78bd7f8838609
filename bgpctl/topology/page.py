"""A picture as one HTML page: the drawing, then what is wrong in it as a list. No scripts, no other files."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bgpctl.topology.picture import Picture
from bgpctl.topology.svg import render_svg
from bgpctl.topology.words import about_line, about_place, headline

_STYLE = (
    "body{font-family:sans-serif;margin:1rem;color:#112233;background:#fff}"
    "svg{max-width:100%;height:auto}li{margin:.3rem 0;white-space:pre-line}"
)


def render_page(picture: Picture) -> str:
    title = escape(headline(picture))
    found = "".join(f"<li>{escape(each)}</li>\n" for each in _remarkable(picture))
    listed = f"<h2>To look at</h2>\n<ul>\n{found}</ul>\n" if found else "<p>Nothing to look at.</p>\n"
    notes = "".join(f"<p>{escape(each)}</p>\n" for each in picture.design.notes)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>BGP topology</h1>\n<p>{title}</p>\n{notes}"
        f"{render_svg(picture)}{listed}</body>\n</html>\n"
    )


def _remarkable(picture: Picture) -> Iterator[str]:
    for place in picture.places.values():
        if place.is_single_point or place.held or place.draining or place.not_asked:
            yield about_place(place)
    for line in picture.lines:
        if line.down or line.impossible:
            yield about_line(picture, line)
