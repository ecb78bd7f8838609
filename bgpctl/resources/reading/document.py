"""What one YAML document contains: its resources, and everything that is wrong with them by themselves.

Rule: the result depends on the document's text alone, so it can be kept for as long as the text stays the same.
Lines count from 1 within the document, and problems name no file yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bgpctl.resources.annotations.table import refused_annotations
from bgpctl.resources.checks.advice import advise
from bgpctl.resources.reading.kind_table import KINDS, Kind, explain_unsupported
from bgpctl.resources.reading.refusals import refusals
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.document import Document, read_document
from bgpctl.yaml_source.nodes import NotYamlError
from bgpctl.yaml_source.path import Path, json_path
from bgpctl.yaml_source.problem import Problem, Severity


@dataclass(frozen=True, slots=True)
class ParsedResource:
    """A resource, how it was written, and where in its document it stands (`path` is () or that of a List item)."""

    resource: Resource
    kind: Kind
    line: int
    path: Path = ()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """`unreadable` names what was given but has errors: (kind, name)."""

    resources: tuple[ParsedResource, ...] = ()
    problems: tuple[Problem, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()


def parse_document(text: str) -> ParsedDocument:
    """Reads one document; every mistake in it becomes a Problem."""
    try:
        document = read_document(text)
    except NotYamlError as error:
        return _only(Problem("", error.line, "", json_path(error.path), "not-yaml", str(error)))
    parts = [_duplicate_keys(document)]
    if document.data is not None:
        parts += [_Item(document, path, data).parse() for data, path in _items(document.data, ())]
    return ParsedDocument(
        tuple(found for part in parts for found in part.resources),
        tuple(found for part in parts for found in part.problems),
        tuple(name for part in parts for name in part.unreadable),
    )


def _only(problem: Problem) -> ParsedDocument:
    return ParsedDocument(problems=(problem,))


def _duplicate_keys(document: Document) -> ParsedDocument:
    message = "this key is here twice; remove one"
    return ParsedDocument(
        problems=tuple(
            Problem("", twice.line, "", json_path(twice.path), "duplicate-key", message)
            for twice in document.duplicates
        )
    )


def _items(data: Any, path: Path) -> Iterator[tuple[Any, Path]]:
    """The document, or the items of a List; those of a BGPPeerList and the like need not repeat their kind."""
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
        yield from _items({**inherited, **item} if isinstance(item, dict) else item, (*path, "items", index))


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
            return _only(self._problem((), "not-a-resource", message))
        kind = KINDS.get((data["apiVersion"], data["kind"]))
        if kind is None:
            severity, field, message = explain_unsupported(data["apiVersion"], data["kind"])
            return _only(self._problem((field,), "unsupported-kind", message, severity))
        return self._parse_as(kind)

    def _parse_as(self, kind: Kind) -> ParsedDocument:
        fields = {key: value for key, value in self.data.items() if key not in ("apiVersion", "kind")}
        shaped = kind.shape(fields)
        resource, refused = refusals(kind.model, shaped)
        refused = (*refused, *refused_annotations(kind.model, shaped))
        if resource is None or refused:
            problems = tuple(self._problem(kind.written(each.path), each.code, each.message) for each in refused)
            return ParsedDocument((), problems, ((self.data["kind"], self._name),))
        warnings = tuple(
            self._problem(kind.written(each.path), each.code, each.message, Severity.WARNING)
            for each in advise(resource)
        )
        line = self.document.line_of(self.path)
        return ParsedDocument((ParsedResource(resource, kind, line, self.path),), warnings)

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
