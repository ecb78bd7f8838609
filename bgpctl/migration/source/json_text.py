"""JSON that others have written: every value of a text with its line, and nothing that JSON leaves open.

A key that stands twice, NaN, half of a character and values that are nested without end are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bgpctl.migration.fate import shown
from bgpctl.yaml_source.nodes import MAX_NESTING

TOO_DEEP = "not JSON that can be read: it is nested too deeply"
# Where a text may stand without quotes it is YAML.
_BEGIN = re.compile(r"[{\[]\s*[\"{\[}\]]")
_BLANKS = re.compile(r"\s*")


class NotJsonError(ValueError):
    """`line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def is_json(text: str) -> bool:
    """Whether it begins as a mapping or a list in JSON does."""
    return bool(_BEGIN.match(text))


def json_values(text: str) -> Iterator[tuple[int, Any, str]]:
    """The values that stand one after the other, each with its line and its text. Raises NotJsonError."""
    decoder = json.JSONDecoder(object_pairs_hook=_distinct, parse_constant=_no_constant)
    end, line = 0, 1
    while True:
        blanks = _BLANKS.match(text, end)
        start = blanks.end() if blanks else end
        line += text.count("\n", end, start)
        if start == len(text):
            return
        try:
            value, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            raise NotJsonError(f"not JSON: {error.msg}, at character {error.colno}", error.lineno) from None
        except RecursionError:
            raise NotJsonError(TOO_DEEP, line) from None
        except ValueError as error:
            raise NotJsonError(f"not JSON that can be read: {error}", line) from None
        yield line, value, text[start:end]
        line += text.count("\n", start, end)


def json_value(text: str) -> Any:
    """The one value in the text. Raises ValueError with a sentence."""
    values = [value for _, value, _ in json_values(text)]
    if len(values) != 1:
        raise ValueError("not JSON: it is empty" if not values else "not JSON: something follows the value")
    if _is_deep(values[0]):
        raise ValueError(TOO_DEEP)
    try:
        json.dumps(values[0], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("not JSON that can be read: it has half of a character (a surrogate)") from None
    return values[0]


def _is_deep(value: Any) -> bool:
    """Whether it is nested deeper than a document of resources may be."""
    level = [value]
    for _ in range(MAX_NESTING):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {shown(name)} is there twice")
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")
