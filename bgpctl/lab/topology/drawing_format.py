"""The languages in which a topology can be drawn."""

from __future__ import annotations

from enum import StrEnum


class DrawingFormat(StrEnum):
    """What `bgpctl lab graph --format` can say."""

    DOT = "dot"
    MERMAID = "mermaid"
    TEXT = "text"
