"""The known name that a misspelt one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable

# A ratio of difflib: long words are still the same with one wrong letter in five, short names with one in three.
LONG_WORDS, SHORT_NAMES = 0.8, 0.6


def nearest(name: str, known: Iterable[str], alike: float = LONG_WORDS) -> str:
    """The one of `known` that is most like `name`, whatever the case of letters; "" when none is."""
    from difflib import get_close_matches

    by_lower_case = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), by_lower_case, n=1, cutoff=alike)
    return by_lower_case[found[0]] if found else ""
