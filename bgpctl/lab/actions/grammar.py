"""The words of an action become fields of a value, as its usage defines: `impair LINK [delay TIME] [loss PERCENT]`.

In a usage a word in small letters stands for itself. A word in capitals (a placeholder, placeholders.py) is read into
the field of its name. What is in brackets may be absent; such options come last, in any order. `COMMAND` takes all
words that are left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

Reader = Callable[[str, str], Any]
_TOKEN = re.compile(r"\[[^\]]*\]|\S+")
REST = "COMMAND"


class ActionError(ValueError):
    """The words are no action; the text has the reason."""


class OtherUsageError(ActionError):
    """The words do not have the form of this usage, but perhaps that of another one with the same verb."""


def verb(usage: str) -> tuple[str, ...]:
    """The words with which it begins."""
    words = []
    for token in _TOKEN.findall(usage):
        if not token.islower():
            break
        words.append(token)
    return tuple(words)


def match(usage: str, words: Sequence[str], read: Reader) -> dict[str, Any]:
    """The fields by name. `read` makes a value of a placeholder and a word. Raises ActionError."""
    tokens = _TOKEN.findall(usage)
    required = [token for token in tokens if not token.startswith("[")]
    options = [token[1:-1].split() for token in tokens if token.startswith("[")]
    found, rest = _take(required, list(words), usage)
    while rest:
        option = next((option for option in options if not option[0].islower() or option[0] == rest[0]), None)
        if option is None:
            raise OtherUsageError(f"{' '.join(rest)!r} is not expected; the form is `{usage}`")
        options.remove(option)
        more, rest = _take(option, rest, usage)
        found |= more
    # Read last: where the form is wrong, that is the problem to report, not an unknown name in it.
    return {name.lower(): word if name == REST else read(name, str(word)) for name, word in found.items()}


def _take(tokens: list[str], words: list[str], usage: str) -> tuple[dict[str, Any], list[str]]:
    """The words by placeholder, and the words that are left."""
    found: dict[str, Any] = {}
    for token in tokens:
        if not words:
            raise OtherUsageError(f"{token} is missing; the form is `{usage}`")
        if token == REST:
            return found | {token: tuple(words)}, []
        word = words.pop(0)
        if not token.islower():
            found[token] = word
        elif token != word:
            raise OtherUsageError(f"{token!r} is expected in place of {word!r}; the form is `{usage}`")
    return found, words


def render(usage: str, value: Any) -> str:
    """The words of an action, from a value whose fields have the names of the placeholders. What has its default is
    left out."""
    defaults = {each.name: each.default for each in fields(value)}
    words: list[str] = []
    for token in _TOKEN.findall(usage):
        parts = token.strip("[]").split()
        names = [part.lower() for part in parts if not part.islower()]
        if token.startswith("[") and all(getattr(value, name) == defaults[name] for name in names):
            continue
        words += [part if part.islower() else _text(getattr(value, part.lower())) for part in parts]
    return " ".join(words)


def _text(value: Any) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)
