"""The objects in a file's text, each with its place: what is read from a directory, and what `-f` names.

Rule: only what makes an object one is looked at, apiVersion, kind and name; whether it is valid is not asked here, for
an invalid object is one that has to be shown and mended. What is none of our kinds is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bgpctl.objects.object import Object, object_of
from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.documents import split_documents
from bgpctl.yaml_source.nodes import NotYamlError
from bgpctl.yaml_source.path import Path, json_path
from bgpctl.yaml_source.problem import Location, Problem

LIST = "List"


@dataclass(frozen=True, slots=True)
class Standing:
    """`document` counts from 0 in its file; `path` is () or that of an item of a list."""

    object: Object
    document: int
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Other:
    """What is none of our objects."""

    data: Any
    document: int
    place: Location


@dataclass(frozen=True, slots=True)
class PlacedDocument:
    """`line` counts from 1 in the file. `data` is None for one without any, and for one that is no YAML."""

    text: str
    line: int
    data: Any


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """`before`: what stands before the first document."""

    name: str
    before: str = ""
    documents: tuple[PlacedDocument, ...] = ()
    objects: tuple[Standing, ...] = ()
    others: tuple[Other, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_objects(name: str, text: str) -> ObjectFile:
    parts = list(split_documents(text))
    documents: list[PlacedDocument] = []
    objects: list[Standing] = []
    others: list[Other] = []
    problems: list[Problem] = []
    for index, (line, part) in enumerate(parts):
        try:
            document = read_document(part)
        except NotYamlError as error:
            where = line + error.line - 1
            problems.append(Problem(name, where, "", json_path(error.path), "not-yaml", str(error)))
            documents.append(PlacedDocument(part, line, None))
            continue
        documents.append(PlacedDocument(part, line, document.data))
        for data, path in _items(document.data):
            place = Location(name, line + document.line_of(path) - 1)
            found = object_of(data, place) if isinstance(data, dict) else None
            if found is not None:
                objects.append(Standing(found, index, path))
            else:
                others.append(Other(data, index, place))
    before = text[: len(text) - sum(len(part) for _, part in parts)]
    return ObjectFile(name, before, tuple(documents), tuple(objects), tuple(others), tuple(problems))


def _items(data: Any, path: Path = ()) -> Iterator[tuple[Any, Path]]:
    """A document, or the items of a List. Those of a BGPPeerList need not repeat their kind, and a list at the top is
    one of objects, too."""
    if data is None:
        return
    if isinstance(data, tuple) and not path:
        for index, item in enumerate(data):
            yield from _items(item, (index,))
        return
    if not (
        isinstance(data, dict) and str(data.get("kind", "")).endswith(LIST) and isinstance(data.get("items"), tuple)
    ):
        yield data, path
        return
    for index, item in enumerate(data["items"]):
        yield ({**inherited(data), **item} if isinstance(item, dict) else item), (*path, "items", index)


def inherited(data: Any) -> dict[str, Any]:
    """What the items of a BGPPeerList and the like need not repeat."""
    kind = str(data.get("kind", "")).removesuffix(LIST) if isinstance(data, dict) else ""
    return {"apiVersion": data.get("apiVersion"), "kind": kind} if kind else {}


def document_of(standing: Standing, file: ObjectFile) -> str:
    """The text of the object's document, where it stands in it alone; "" where it does not."""
    return file.documents[standing.document].text if standing.path == () else ""
