"""Which documents of a file that was changed are as they were, at its beginning and at its end.

Who edits one resource of a file of thousands leaves the others alone: what stands before and behind the change need
not be cut up and looked up again. The rule: this is an economy only. Cutting the whole text (`split_documents`) gives
the same documents, so wherever that is not certain nothing counts as unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bgpctl.yaml_source.documents import is_separator


class Unchanged(NamedTuple):
    """`head` documents from the beginning and `tail` documents from the end are as before; between them lies
    text[start:end] of the new text."""

    head: int
    tail: int
    start: int
    end: int


def unchanged_documents(before: Sequence[str], first: int, text: str) -> Unchanged:
    """`before` holds the texts of the former documents, of which the first began at offset `first` of its file."""
    head, start = _head(before, first, text)
    if head == 0:
        return Unchanged(0, 0, 0, len(text))
    tail, end = _tail(before[head:], start, text)
    return Unchanged(head, tail, start, end)


def _head(before: Sequence[str], first: int, text: str) -> tuple[int, int]:
    """A document is as before if its text is there and the next one begins behind it."""
    if first:
        return 0, 0
    position = 0
    for count, document in enumerate(before):
        end = position + len(document)
        if not text.startswith(document, position) or not is_separator(text, end):
            return count, position
        position = end
    return len(before), position


def _tail(before: Sequence[str], start: int, text: str) -> tuple[int, int]:
    """The same from the end, not beyond `start`."""
    end = len(text)
    for count, document in enumerate(reversed(before)):
        position = end - len(document)
        if position < start or not text.startswith(document, position) or not is_separator(text, position):
            return count, end
        end = position
    return len(before), end
