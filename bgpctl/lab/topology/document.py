"""A YAML file as values that know where they stand, so that every problem names file, line and `$.path`.

The rule: reading collects all problems and raises them together; one mistake never hides another. Scalars stay the
text that was written ("02:42", "1e3" and "yes" mean what they look like), None stands for an empty value.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from bgpctl.errors import NotReadyError

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong (or, as a note, ignored) in a file of a lab. `line` counts from 1."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path}: {self.message}"


class DocumentError(Exception):
    """The file is not what it should be: all problems, in the order of their lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Element:
    """One YAML value: text, None, a mapping or a list of elements; `problems` is shared by the whole document."""

    data: str | dict[str, Element] | list[Element] | None
    file: str
    line: int
    path: str
    problems: list[Problem]

    def complain(self, message: str) -> None:
        self.problems.append(Problem(self.file, self.line, self.path, message))

    def fields(self) -> dict[str, Element]:
        """The mapping, or none with a problem. An empty value is an empty mapping."""
        if self.data is None:
            return {}
        if isinstance(self.data, dict):
            return self.data
        self.complain("a mapping is expected here")
        return {}

    def items(self) -> list[Element]:
        """The list, or none with a problem. An empty value is an empty list."""
        if self.data is None:
            return []
        if isinstance(self.data, list):
            return self.data
        self.complain("a list is expected here")
        return []

    def text(self) -> str:
        """The scalar as written, "" for an empty one or, with a problem, for anything else."""
        if self.data is None:
            return ""
        if isinstance(self.data, str):
            return self.data
        self.complain("a single value is expected here")
        return ""

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def text_fields(self) -> dict[str, str]:
        return {key: value.text() for key, value in self.fields().items()}

    def number(self) -> int:
        """A whole number, 0 with a problem for anything else."""
        text = self.text()
        if text.isascii() and text.isdecimal():
            return int(text)
        self.complain(f"{text!r} is not a whole number")
        return 0

    def known_fields(self, known: Iterable[str]) -> Iterator[tuple[str, Element]]:
        """The fields whose name is in `known`; each other one is a problem with the name that was perhaps meant."""
        names = tuple(known)
        for name, value in self.fields().items():
            if name in names:
                yield name, value
            else:
                value.complain(f"unknown field {name!r}{suggestion(name, names)}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` when one of `known` is near, otherwise nothing."""
    near = difflib.get_close_matches(name, tuple(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def read_document(file: Path) -> Element:
    """The root of a YAML file. Raises NotReadyError when it cannot be read, DocumentError when it is not YAML."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise NotReadyError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DocumentError([Problem(str(file), 1, "$", f"not UTF-8 text: {error.reason}")]) from error
    try:
        root = yaml.compose(text, yaml.CSafeLoader)
        if root is None:
            raise DocumentError([Problem(str(file), 1, "$", "the file is empty")])
        return _Reader(str(file)).element(root, "$", root.start_mark.line + 1)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DocumentError([Problem(str(file), line, "$", f"not YAML: {error.problem}")]) from error
    except RecursionError as error:
        raise DocumentError([Problem(str(file), 1, "$", "an anchor contains itself")]) from error


class _Reader:
    """Turns composed YAML nodes into elements of one document."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: list[Problem] = []

    def element(self, node: yaml.Node, path: str, line: int) -> Element:
        """`line` is that of the key for a field: where a reader of the file looks first."""
        return Element(self._data(node, path), self._file, line, path, self._problems)

    def _data(self, node: yaml.Node, path: str) -> str | dict[str, Element] | list[Element] | None:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.element(item, f"{path}[{index}]", item.start_mark.line + 1)
                for index, item in enumerate(node.value)
            ]
        return None if node.tag == _NULL else str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Element]:
        own: dict[str, Element] = {}
        merged: dict[str, Element] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == _MERGE:
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in reversed(sources):
                    merged |= self.element(source, path, line).fields()
                continue
            name = str(key.value)
            child = self.element(value, f"{path}.{name}", line)
            if name in own:
                child.complain("this key stands twice in the same mapping")
            own[name] = child
        return merged | own
