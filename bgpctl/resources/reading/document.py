"""What one YAML document contains: its resources, and everything that is wrong with them by themselves.

Rule: the result depends on the document's text alone, so it can be kept for as long as the text stays the same.
Lines count from 1 within the document, and problems name no file yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bgpctl.resources.annotations.table import refused_annotations
from bgpctl.resources.checks.advice import advise
from bgpctl.resources.reading.kind_table import KINDS, Kind, explain_unsupported
from bgpctl.resources.reading.meant import key_of, stand_in
from bgpctl.resources.reading.refusals import refusals
from bgpctl.resources.reading.unusable import UNKNOWN, Unusable
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.document import Document, read_document
from bgpctl.yaml_source.nodes import NotYamlError
from bgpctl.yaml_source.pasted import value_advice
from bgpctl.yaml_source.path import Path, json_path
from bgpctl.yaml_source.problem import Problem, Severity

# The fields that say which resource it is.
NAMING: tuple[Path, ...] = (("metadata",), ("metadata", "name"), ("metadata", "namespace"))


@dataclass(frozen=True, slots=True)
class ParsedResource:
    """A resource, how it was written, and where in its document it stands (`path` is () or that of a List item)."""

    resource: Resource
    kind: Kind
    line: int
    path: Path = ()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """`unusable`: what was given but has errors."""

    resources: tuple[ParsedResource, ...] = ()
    problems: tuple[Problem, ...] = ()
    unusable: tuple[Unusable, ...] = ()


def parse_document(text: str) -> ParsedDocument:
    """Reads one document; every mistake in it becomes a Problem."""
    try:
        document = read_document(text)
    except NotYamlError as error:
        problem = Problem("", error.line, "", json_path(error.path), "not-yaml", str(error))
        return ParsedDocument(problems=(problem,), unusable=(Unusable(UNKNOWN, None, error.line),))
    parts = [_duplicate_keys(document)]
    if document.data is not None:
        parts += [_Item(document, path, data).parse() for data, path in items_of(document.data, ())]
    return ParsedDocument(
        tuple(found for part in parts for found in part.resources),
        tuple(found for part in parts for found in part.problems),
        tuple(found for part in parts for found in part.unusable),
    )


def _duplicate_keys(document: Document) -> ParsedDocument:
    message = "this key is here twice; remove one"
    second = _second_resource(document)
    twice = [each for each in document.duplicates if second is None or len(each.path) > 1]
    problems = [Problem("", each.line, "", json_path(each.path), "duplicate-key", message) for each in twice]
    if second is not None:
        message = "a second resource begins here, without a line --- before it; add one"
        problems.append(Problem("", second, "", "$", "duplicate-key", message))
    return ParsedDocument(problems=tuple(problems))


def _second_resource(document: Document) -> int | None:
    """Where one begins whose --- was forgotten: both of these keys are not written a second time by mistake."""
    lines = {
        each.path: each.line for each in reversed(document.duplicates) if each.path in (("apiVersion",), ("kind",))
    }
    return min(lines.values()) if len(lines) > 1 else None


def items_of(data: Any, path: Path) -> Iterator[tuple[Any, Path]]:
    """The document, or the items of a List; those of a BGPPeerList and the like need not repeat their kind. A list at
    the top is one of resources, too."""
    if isinstance(data, tuple) and not path and data and all(isinstance(item, dict) for item in data):
        for index, item in enumerate(data):
            yield from items_of(item, (index,))
        return
    if not (isinstance(data, dict) and str(data.get("kind", "")).endswith("List")):
        yield data, path
        return
    items = data.get("items", ())
    if not isinstance(items, tuple):
        yield items, (*path, "items")
        return
    kind = str(data["kind"]).removesuffix("List")
    inherited = {"apiVersion": data.get("apiVersion"), "kind": kind} if kind else {}
    for index, item in enumerate(items):
        yield from items_of({**inherited, **item} if isinstance(item, dict) else item, (*path, "items", index))


def with_advice(message: str, fields: Mapping[str, Any], path: Path) -> str:
    """The message, and what stands in the value or the name of the field that people cannot see or did not mean."""
    value: Any = fields
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return message
    name = path[-1] if path and isinstance(path[-1], str) else ""
    advice = value_advice(name) or (value_advice(value) if isinstance(value, str) else "")
    return f"{message}; {advice}" if advice else message


@dataclass(frozen=True, slots=True)
class _Item:
    """One object of a document."""

    document: Document
    path: Path
    data: Any

    def parse(self) -> ParsedDocument:
        data = self.data
        if not isinstance(data, dict) or not all(isinstance(data.get(key), str) for key in ("apiVersion", "kind")):
            message = "this is not a resource: it needs apiVersion and kind, both text"
            return self._unrecognised(self._problem((), "not-a-resource", message))
        kind = KINDS.get((data["apiVersion"], data["kind"]))
        if kind is None:
            severity, field, message = explain_unsupported(data["apiVersion"], data["kind"])
            problem = self._problem((field,), "unsupported-kind", message, severity)
            is_meant = severity is Severity.ERROR
            return self._unrecognised(problem) if is_meant else ParsedDocument(problems=(problem,))
        return self._parse_as(kind)

    def _unrecognised(self, problem: Problem) -> ParsedDocument:
        return ParsedDocument(problems=(problem,), unusable=(Unusable(UNKNOWN, None, problem.line),))

    def _parse_as(self, kind: Kind) -> ParsedDocument:
        fields = {key: value for key, value in self.data.items() if key not in ("apiVersion", "kind")}
        shaped = kind.shape(fields)
        resource, refused = refusals(kind.model, shaped)
        refused = (*refused, *refused_annotations(kind.model, shaped))
        if resource is None or refused:
            problems = tuple(
                self._problem(kind.written(each.path), each.code, with_advice(each.message, shaped, each.path))
                for each in refused
            )
            return ParsedDocument((), problems, (self._unusable(kind, shaped, [each.path for each in refused]),))
        if twice := self._twice():
            return ParsedDocument(unusable=(self._unusable(kind, shaped, twice),))
        warnings = tuple(
            self._problem(kind.written(each.path), each.code, each.message, Severity.WARNING)
            for each in advise(resource)
        )
        line = self.document.line_of(self.path)
        return ParsedDocument((ParsedResource(resource, kind, line, self.path),), warnings)

    def _twice(self) -> list[Path]:
        """The keys that stand twice in it. Above all items they may concern each."""
        depth = len(self.path)
        return [
            each.path[depth:]
            for each in self.document.duplicates
            if each.path[:depth] == self.path or len(each.path) <= depth
        ]

    def _unusable(self, kind: Kind, shaped: dict[str, Any], fields: Iterable[Path]) -> Unusable:
        """`fields` are those with errors: a name that is none names no resource."""
        is_named = not any(path in NAMING or path == () for path in fields)
        key = key_of(kind, shaped) if is_named else None
        name = kind.model.__name__
        return Unusable(name, key, self.document.line_of(self.path), stand_in=stand_in(kind, key, shaped))

    def _problem(self, field: Path, code: str, message: str, severity: Severity = Severity.ERROR) -> Problem:
        path = (*self.path, *field)
        return Problem("", self.document.line_of(path), self._subject, json_path(path), code, message, severity)

    @property
    def _name(self) -> str:
        return self._metadata("name")

    @property
    def _subject(self) -> str:
        kind = self.data.get("kind", "") if isinstance(self.data, dict) else ""
        return "/".join(part for part in (str(kind), self._metadata("namespace"), self._name) if part)

    def _metadata(self, key: str) -> str:
        metadata = self.data.get("metadata") if isinstance(self.data, dict) else None
        return str(metadata.get(key, "")) if isinstance(metadata, dict) else ""
