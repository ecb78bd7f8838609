"""A YAML file as values that know where they stand, so that every problem names file, line and `$.path`.

The rule: reading collects all problems and raises them together; one mistake never hides another. Scalars stay the
text that was written ("02:42", "1e3" and "yes" mean what they look like), None stands for an empty value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bgpctl.errors import NotReadyError
from bgpctl.yaml_source import path as yaml_path
from bgpctl.yaml_source.document import Document, read_document
from bgpctl.yaml_source.nodes import NotYamlError
from bgpctl.yaml_source.path import json_path
from bgpctl.yaml_source.problem import Problem
from bgpctl.yaml_source.scalars import AS_WRITTEN
from bgpctl.yaml_source.spelling import SHORT_NAMES, nearest


class DocumentError(Exception):
    """The file is not what it should be: all problems, in the order of their lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class LabFile:
    """A document, the name of its file, and the problems found in it so far."""

    name: str
    document: Document
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class Element:
    """One value of a file: text, None, a mapping or a tuple, and the steps that lead to it."""

    data: Any
    source: LabFile
    steps: yaml_path.Path = ()

    @property
    def file(self) -> str:
        return self.source.name

    @property
    def line(self) -> int:
        """The line of the key for a field: where a reader of the file looks first."""
        return self.source.document.line_of(self.steps)

    @property
    def path(self) -> str:
        return json_path(self.steps)

    @property
    def problems(self) -> list[Problem]:
        """Of the whole file."""
        return self.source.problems

    def complain(self, message: str) -> None:
        self.problems.append(Problem(self.file, self.line, "", self.path, "", message))

    def fields(self) -> dict[str, Element]:
        """The mapping, or none with a problem. An empty value is an empty mapping."""
        if self.data is None:
            return {}
        if isinstance(self.data, dict):
            return {name: self._child(value, name) for name, value in self.data.items()}
        self.complain("a mapping is expected here")
        return {}

    def items(self) -> list[Element]:
        """The list, or none with a problem. An empty value is an empty list."""
        if self.data is None:
            return []
        if isinstance(self.data, tuple):
            return [self._child(value, index) for index, value in enumerate(self.data)]
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

    def _child(self, value: Any, step: str | int) -> Element:
        return Element(value, self.source, (*self.steps, step))


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` when one of `known` is near, otherwise nothing."""
    near = nearest(name, known, SHORT_NAMES)
    return f"; did you mean '{near}'?" if near else ""


def read_lab_file(file: Path) -> Element:
    """The root of a YAML file. Raises NotReadyError when it cannot be read, DocumentError when it is not YAML."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise NotReadyError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DocumentError([Problem(str(file), 1, "", "$", "", f"not UTF-8 text: {error.reason}")]) from error
    try:
        document = read_document(text, AS_WRITTEN)
    except NotYamlError as error:
        raise DocumentError([Problem(str(file), error.line, "", json_path(error.path), "", str(error))]) from error
    if document.root is None:
        raise DocumentError([Problem(str(file), 1, "", "$", "", "the file is empty")])
    twice = "this key stands twice in the same mapping"
    problems = [Problem(str(file), each.line, "", json_path(each.path), "", twice) for each in document.duplicates]
    return Element(document.data, LabFile(str(file), document, problems))
