"""The lines of something that a person pasted, and the one error about them: a line, and what is wrong with it.

Rule: what a terminal, `kubectl exec` and birdc add is skipped, and nothing else. A line that is not understood is an
error, for what is left out unseen would be missing in the comparison.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

MOST_SHOWN = 60
# A line of BIRD's is a route or one attribute; an AS_PATH of a thousand numbers is less.
MOST_CHARACTERS = 16384

# Beside what was asked for: banner, prompt, command, what kubectl says on the way.
_NOISE = re.compile(
    r"BIRD \S+ ready\.|Access restricted|bird>.*|[$#](?: .*)?|.*\b(?:birdcl?6?|calicoctl) [^|]*\b(?:show|status)\b.*"
    r"|Defaulted container .*|-+\s*"
)


class PastedError(ValueError):
    """`line` from 1; 0: the text as a whole. `message` is a sentence without the line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line
        self.message = message


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Numbers and lines that say something, without blanks at their ends. Raises PastedError for what is no text."""
    if "\0" in text:
        raise PastedError(text[: text.index("\0")].count("\n") + 1, "a NUL octet: this is no text")
    for number, line in enumerate(textwrap.dedent(text).split("\n"), start=1):
        found = line.rstrip()
        if len(found) > MOST_CHARACTERS:
            raise PastedError(number, f"a line of {len(found):,} characters, {quoted(found)}")
        if found and not _NOISE.fullmatch(found.strip()):
            yield number, found


def quoted(line: str) -> str:
    """A line in a sentence, cut to a length."""
    found = line.strip()
    return repr(found if len(found) <= MOST_SHOWN else f"{found[:MOST_SHOWN]}...")
