"""A file cut into its documents: a mistake in one hides no other, and an unchanged one need not be read again."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SEPARATOR = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
# In JSON only the outermost object begins at the beginning of a line.
_OBJECT = re.compile(r"^\{", re.MULTILINE)
# What may stand before the first `---`: comments and directives such as %YAML.
_NO_DOCUMENT = re.compile(r"(?:[#%].*\n|[ \t\r]*\n)*")


def split_documents(text: str) -> Iterator[tuple[int, str]]:
    """The documents of a file with the line (from 1) each begins on. A `---` line cannot stand inside a scalar. JSON
    objects behind each other, such as one on each line, are documents as well."""
    for line, document in _between_separators(text):
        if not document.startswith("{"):
            yield line, document
            continue
        starts = [found.start() for found in _OBJECT.finditer(document)]
        counted = 0
        for start, end in zip(starts, [*starts[1:], len(document)], strict=True):
            line += document.count("\n", counted, start)
            counted = start
            yield line, document[start:end]


def _between_separators(text: str) -> Iterator[tuple[int, str]]:
    start, line = 0, 1
    for separator in _SEPARATOR.finditer(text):
        if not _NO_DOCUMENT.fullmatch(text, start, separator.start()):
            yield line, text[start : separator.start()]
        line += text.count("\n", start, separator.start())
        start = separator.start()
    if start < len(text):
        yield line, text[start:]


def is_separator(text: str, position: int) -> bool:
    """Whether a document begins at this offset with a `---` line."""
    return _SEPARATOR.match(text, position) is not None
