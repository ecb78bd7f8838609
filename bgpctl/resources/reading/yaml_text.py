"""YAML text as Kubernetes reads it: one document at a time, with the line of every field.

Differences from PyYAML's own loaders, all of them Kubernetes': no sexagesimal integers (`5663:12` is text), no
dates, `1e3` is a number, a key that stands twice is an error, mapping keys are text. Sequences become tuples. A
null value is an absent field, except that inside `labels` and `annotations` it is left for the model to read as "".

A file is cut at its `---` lines first, so that a mistake in one document hides no other, and so that an unchanged
document need not be read again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError
from yaml.resolver import BaseResolver

from bgpctl.resources.values.notations import scalar_text

Path = tuple[str | int, ...]

MAX_NESTING = 100
_SEPARATOR = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
# What may stand before the first `---`: comments and directives such as %YAML.
_NO_DOCUMENT = re.compile(r"(?:[#%].*\n|[ \t\r]*\n)*")
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
# Mappings of free text, in which a null is the empty text and not an absent field.
TEXT_MAPPINGS = frozenset({"labels", "annotations"})


_TEXT = f"{_TAG}str"
_STRUCTURES = {MappingNode: f"{_TAG}map", SequenceNode: f"{_TAG}seq", ScalarNode: _TEXT}


class _Resolver(BaseResolver):
    """Tells the scalars that are not text. Called for every node, so it does no more than that."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        if kind is ScalarNode and implicit[0]:
            for tag, form in self.yaml_implicit_resolvers.get(value[:1], ()):
                if form.match(value):
                    return str(tag)
        return _STRUCTURES[kind]

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Tags that depend on the path are not used."""

    def ascend_resolver(self) -> None:
        """Tags that depend on the path are not used."""


_NUMBER_STARTS = list("-+.0123456789")
_SCALARS: tuple[tuple[str, str, list[str]], ...] = (
    ("bool", r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", list("yYnNtTfFoO")),
    ("int", r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)", _NUMBER_STARTS),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", _NUMBER_STARTS),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", ["<"]),
)
for _name, _form, _starts in _SCALARS:
    _Resolver.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"^(?:{_form})$"), _starts)


class _Composer(CParser, _Resolver):
    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        _Resolver.__init__(self)


class DocumentError(ValueError):
    """The text is not a document. `line` counts from 1 within the document's text."""

    def __init__(self, message: str, line: int, path: Path = (), code: str = "not-yaml") -> None:
        super().__init__(message)
        self.line = line
        self.path = path
        self.code = code


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A key that stands twice in one mapping; the first one was kept."""

    path: Path
    line: int


def split_documents(text: str) -> Iterator[tuple[int, str]]:
    """The documents of a file with the line (from 1) each begins on. A `---` line cannot stand inside a scalar."""
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


@dataclass(frozen=True, slots=True)
class Document:
    """One document's data: mappings, tuples, text, numbers and booleans; None when it is empty."""

    data: Any
    duplicates: tuple[Duplicate, ...]
    root: Node | None

    def line_of(self, path: Path) -> int:
        """The line (from 1) where the field stands, or what is there of the way to it."""
        if self.root is None:
            return 1
        line, node = _line(self.root), self.root
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line


def read_document(text: str) -> Document:
    """Raises DocumentError."""
    root = _compose(text)
    if root is None:
        return Document(None, (), None)
    construction = _Construction(len(text))
    data = construction.data(root, ())
    return Document(data, tuple(construction.duplicates), root)


def _child(node: Node, step: str | int) -> tuple[int, Node] | None:
    """The line and the node one step down the path."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if _key(key, ()) == step:
                return _line(key), value
    elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return _line(node.value[step]), node.value[step]
    return None


def _compose(text: str) -> Node | None:
    composer = _Composer(text)
    try:
        return composer.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(part for part in (error.context, error.problem) if part)
        # What is missing at the end is noticed behind it.
        last = text.rstrip().count("\n") + 1
        raise DocumentError(f"not YAML: {reason}", min(mark.line + 1, last) if mark else 1) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(f"not YAML: {error.reason}", line) from error
    finally:
        composer.dispose()


# ------------------------------------------------------------------------------------ nodes to data


class _Construction:
    """Turns one document's nodes into data, collecting the keys that stand twice."""

    def __init__(self, size: int) -> None:
        self.duplicates: list[Duplicate] = []
        # Without aliases a node takes at least a character; far more nodes than text is an alias bomb.
        self._budget = 1000 + 10 * size

    def data(self, node: Node, path: Path) -> Any:
        self._budget -= 1
        if len(path) > MAX_NESTING or self._budget < 0:
            raise DocumentError("too deeply nested, or its aliases unfold without end", _line(node), path)
        if isinstance(node, ScalarNode):
            return node.value if node.tag == _TEXT else _scalar(node, path)
        if isinstance(node, SequenceNode):
            return tuple([self.data(item, (*path, index)) for index, item in enumerate(node.value)])
        return self._mapping(node, path)

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[tuple[Node, Node]] = []
        keep_null = bool(path) and path[-1] in TEXT_MAPPINGS
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged.append((key_node, value_node))
                continue
            key = _key(key_node, path)
            if key in found:
                self.duplicates.append(Duplicate((*path, key), _line(key_node)))
                continue
            found[key] = self.data(value_node, (*path, key))
        for _, value_node in merged:
            for inherited in self._merged(value_node, path):
                found = {**inherited, **found}
        return found if keep_null else {key: value for key, value in found.items() if value is not None}

    def _merged(self, node: Node, path: Path) -> Iterator[dict[str, Any]]:
        """The mappings named by `<<`, one or several; earlier ones win."""
        for mapping in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(mapping, MappingNode):
                raise DocumentError("<< wants a mapping", _line(mapping), path)
            yield self._mapping(mapping, path)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _key(node: Node, path: Path) -> str:
    if not isinstance(node, ScalarNode):
        raise DocumentError("a key must be text", _line(node), path)
    return str(node.value if node.tag == _TEXT else scalar_text(_scalar(node, path)))


def _integer(text: str) -> int:
    digits = text.replace("_", "").lower()
    unsigned = digits.lstrip("+-")
    if len(unsigned) > 1 and unsigned[0] == "0" and unsigned[1].isdigit():
        return int(digits, 8)
    return int(digits, 0)


_CONSTRUCTORS: dict[str, Callable[[str], Any]] = {
    f"{_TAG}str": str,
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": lambda text: text.lower() in ("yes", "true", "on"),
    f"{_TAG}int": _integer,
    f"{_TAG}float": float,
    f"{_TAG}timestamp": str,
    _MERGE: str,
}


def _scalar(node: Node, path: Path) -> Any:
    if node.tag not in _CONSTRUCTORS:
        raise DocumentError(f"the tag {node.tag} has no meaning here", _line(node), path)
    try:
        return _CONSTRUCTORS[node.tag](node.value)
    except ValueError as error:
        raise DocumentError(f"{node.value!r} does not fit its tag", _line(node), path) from error
