"""Where a value stands in a document: the keys and indices that lead to it, and how people read them."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def json_path(path: Path) -> str:
    """("spec", "filters", 0) -> "$.spec.filters[0]"; keys that are no words stand in ['...']."""
    text = "$"
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if _PLAIN.fullmatch(step) else f"[{step!r}]"
    return text
