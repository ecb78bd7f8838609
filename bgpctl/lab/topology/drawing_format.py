"""The languages in which a topology can be drawn; apart from the drawing, which takes longer to import."""

from __future__ import annotations

from enum import StrEnum


class DrawingFormat(StrEnum):
    """The values of `bgpctl lab graph --format`."""

    DOT = "dot"
    MERMAID = "mermaid"
    TEXT = "text"
