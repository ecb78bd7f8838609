"""The pages about problems, by code. In a wheel they are beside the code; where it runs from its sources, in docs."""

from __future__ import annotations

from pathlib import Path

_INSIDE = Path(__file__).parent / "problem_pages.d"
_SOURCES = Path(__file__).parents[1] / "docs" / "problems"
_INDEX = "index"


def _directory() -> Path:
    return _INSIDE if _INSIDE.is_dir() else _SOURCES


def codes() -> list[str]:
    """All codes that have a page, in order."""
    return sorted(each.stem for each in _directory().glob("*.md") if each.stem != _INDEX)


def page(code: str) -> str:
    """The page of a code, "" if there is none."""
    return (_directory() / f"{code}.md").read_text() if code in codes() else ""
