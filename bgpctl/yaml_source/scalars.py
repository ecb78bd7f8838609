"""What an unquoted scalar is: text, a number, a boolean or nothing.

`Resolver` finds the type as Kubernetes does, not as PyYAML does: no sexagesimal integers (`5663:12` is text), no dates,
`1e3` is a number. A Notation is what a reader makes of it: KUBERNETES the value, AS_WRITTEN the text in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import BaseResolver

from bgpctl.yaml_source.path import Path

_TAG = "tag:yaml.org,2002:"
TEXT = f"{_TAG}str"
NULL = f"{_TAG}null"
MERGE = f"{_TAG}merge"
_STRUCTURES = {MappingNode: f"{_TAG}map", SequenceNode: f"{_TAG}seq", ScalarNode: TEXT}
# Mappings of free text, in which a null is the empty text and not an absent field.
TEXT_MAPPINGS = frozenset({"labels", "annotations"})


class Resolver(BaseResolver):
    """Finds the scalars that are not text. Called for every node, so it does no more than that."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        if kind is ScalarNode and implicit[0]:
            for tag, form in self.yaml_implicit_resolvers.get(value[:1], ()):
                if form.match(value):
                    return str(tag)
        return _STRUCTURES[kind]


# Of a whole number: one of 64 bits in binary has fewer. Python neither reads nor writes numbers of thousands of digits.
MOST_DIGITS = 100

_NUMBER_STARTS = list("-+.0123456789")
_SCALARS: tuple[tuple[str, str, list[str]], ...] = (
    ("bool", r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", list("yYnNtTfFoO")),
    ("int", r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)", _NUMBER_STARTS),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", _NUMBER_STARTS),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", ["<"]),
)
for _name, _form, _starts in _SCALARS:
    Resolver.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"^(?:{_form})$"), _starts)


@dataclass(frozen=True, slots=True)
class Notation:
    """How scalars become values.

    scalar       the value of a scalar that is not plain text. Raises ValueError with a sentence
    keeps_null   whether a null value in the mapping at this path is kept; elsewhere it is an absent field
    """

    scalar: Callable[[Node], Any]
    keeps_null: Callable[[Path], bool]


def scalar_text(value: Any) -> Any:
    """Booleans and numbers as Kubernetes writes them where text is wanted: yes -> "true", 1.10 -> "1.1"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(value, ".17g") if float(format(value, ".15g")) != value else format(value, ".15g")
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else value


def _integer(text: str) -> int:
    digits = text.replace("_", "").lower()
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"{len(digits)} digits")
    unsigned = digits.lstrip("+-")
    if len(unsigned) > 1 and unsigned[0] == "0" and unsigned[1].isdigit():
        return int(digits, 8)
    return int(digits, 0)


_CONSTRUCTORS: dict[str, Callable[[str], Any]] = {
    TEXT: str,
    NULL: lambda _: None,
    f"{_TAG}bool": lambda text: text.lower() in ("yes", "true", "on"),
    f"{_TAG}int": _integer,
    f"{_TAG}float": float,
    f"{_TAG}timestamp": str,
    MERGE: str,
}


def _typed(node: Node) -> Any:
    construct = _CONSTRUCTORS.get(node.tag)
    if construct is None:
        raise ValueError(f"the tag {node.tag} has no meaning here")
    try:
        return construct(node.value)
    except ValueError as error:
        raise ValueError(f"{node.value!r} does not fit its tag") from error


def _as_written(node: Node) -> Any:
    return None if node.tag == NULL else node.value


KUBERNETES = Notation(_typed, lambda path: bool(path) and path[-1] in TEXT_MAPPINGS)
AS_WRITTEN = Notation(_as_written, lambda _: True)
