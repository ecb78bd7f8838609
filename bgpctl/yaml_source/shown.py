"""Texts of an input as they are shown to people: bounded, and without what a terminal would obey.

Rule: whatever stands in a file, a sentence about it fits a screen and says nothing to the terminal. `Problem` applies
it to all that is reported about resources.
"""

from __future__ import annotations

# Characters of a sentence, and of a name or the path of a field.
LONGEST_MESSAGE, LONGEST_NAME = 1000, 400
# Of a text that is too long these are left at its end, where the advice is.
_END = 0.4


def shortened(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Its beginning and its end, and how long it was."""
    if len(text) <= longest:
        return text
    end = int(longest * _END)
    return f"{text[: longest - end]} ... ({len(text)} characters) ... {text[-end:]}"


def printable(text: str) -> str:
    """What a terminal does not show is written as \\x1b or \\ud800."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def name_shown(name: str) -> str:
    """A name that is safe to show."""
    return shortened(printable(name), LONGEST_NAME)
