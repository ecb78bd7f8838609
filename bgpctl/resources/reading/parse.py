"""Texts to resources: everything that is right becomes part of the ResourceSet, everything wrong becomes a Problem.

A Loaded given back as `previous` saves work: an unchanged file is not cut up again, and of a changed file only the
documents that differ are read. A resource with an ERROR of its own is left out of the set; rules between resources
leave theirs in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bgpctl.resources.checks.cluster_rules import ClusterFinding, Judged, RuleScope, judge_cluster
from bgpctl.resources.kinds.kubernetes_node import merge_nodes
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.reading.document import ParsedDocument, ParsedResource, parse_document
from bgpctl.resources.reading.unusable import Unusable
from bgpctl.resources.resource_set import ResourceSet, build_resource_set, resource_id
from bgpctl.resources.values.model import Key, Resource
from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.documents import split_documents
from bgpctl.yaml_source.path import json_path
from bgpctl.yaml_source.problem import Location, Problem, has_errors
from bgpctl.yaml_source.unchanged_text import unchanged_documents

Source = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PlacedResource:
    """A resource with its place among all files, and the text of its document with the line that begins on.

    `identity` is kind, key, and whether it is the Kubernetes way of writing a Node.
    """

    parsed: ParsedResource
    location: Location
    document_text: str
    document_line: int
    identity: tuple[str, Key, bool]


# A resource, and the one of its kind and key that stands first.
Duplicate = tuple[PlacedResource, PlacedResource]


@dataclass(frozen=True, slots=True)
class PlacedDocument:
    """What a document contains, with the file's name and lines."""

    text: str
    line: int
    parsed: ParsedDocument
    resources: tuple[PlacedResource, ...]
    problems: tuple[Problem, ...]
    unusable: tuple[Unusable, ...]


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """All that one file contains."""

    text: str
    documents: tuple[PlacedDocument, ...]
    resources: tuple[PlacedResource, ...]
    problems: tuple[Problem, ...]
    unusable: tuple[Unusable, ...]


@dataclass(frozen=True)
class Loaded:
    """The good resources and every problem, in the order of files and lines.

    `unusable` is what was given and is not, or not for certain, among the resources. `files` and `judged` are kept for
    next time; `plain`: every resource stood in one place only.
    """

    resources: ResourceSet = field(default_factory=ResourceSet)
    problems: tuple[Problem, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    files: Mapping[str, ParsedFile] = field(default_factory=dict, repr=False, compare=False)
    judged: Judged | None = field(default=None, repr=False, compare=False)
    plain: bool = field(default=False, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of using the resources; warnings do not."""
        return not has_errors(self.problems)


def parse_documents(sources: Iterable[Source], previous: Loaded | None = None) -> Loaded:
    """Resources and problems out of (file name, text) pairs; each file name stands once."""
    before = previous.files if previous else {}
    files = {name: _parse_file(name, text, before.get(name)) for name, text in sources}
    unusable = [each for file in files.values() for each in file.unusable]
    unreadable = frozenset((each.kind, each.key) for each in unusable)
    changed = _changed_in_place(previous, files) if previous else None
    moved = _added_and_removed(previous, files) if previous and changed is None else None
    duplicates: list[Duplicate] = []
    if previous and changed is not None:
        resources, plain = previous.resources.with_changed(changed), True
    elif previous and moved is not None:
        resources, plain = previous.resources.with_versions(moved), True
    else:
        distinct, duplicates = _without_duplicates(files.values())
        resources = build_resource_set(with_merged_nodes(distinct))
        plain = not duplicates and len(distinct) == len(resources)
    judged = judge_cluster(RuleScope(resources, unreadable), previous.judged if previous else None)
    problems = [problem for file in files.values() for problem in file.problems]
    problems += [*(_duplicate_problem(*each) for each in duplicates), *_located(judged.findings, files.values())]
    unusable += [_duplicate(here) for here, _ in duplicates]
    return Loaded(resources, tuple(sorted(problems)), tuple(unusable), files, judged, plain)


def _changed_in_place(previous: Loaded, files: Mapping[str, ParsedFile]) -> list[tuple[Resource, Location]] | None:
    """The resources of all changed files, if these hold the same kinds and keys as before; otherwise None.

    Most changes are of this kind: one resource has other values. Then nothing has to be sorted or compared anew.
    """
    if not previous.plain or previous.files.keys() != files.keys():
        return None
    changed: list[tuple[Resource, Location]] = []
    for name, file in files.items():
        before = previous.files[name]
        if before is file:
            continue
        if [here.identity for here in before.resources] != [here.identity for here in file.resources]:
            return None
        changed += [
            (here.parsed.resource, here.location)
            for here, there in zip(file.resources, before.resources, strict=True)
            if here is not there
        ]
    return changed


def _added_and_removed(
    previous: Loaded, files: Mapping[str, ParsedFile]
) -> dict[tuple[str, Key], tuple[Resource, Location] | None] | None:
    """What the resources of all files that changed, came or went are now, None for gone; if each of them still stands
    in one place only. Otherwise None: then the places have to be compared."""
    if not previous.plain:
        return None
    gone: dict[tuple[str, Key], None] = {}
    came: list[PlacedResource] = []
    for name, file in files.items():
        before = previous.files.get(name)
        if before is not file:
            came += file.resources
            gone |= dict.fromkeys(here.identity[:2] for here in before.resources) if before else {}
    for name in previous.files.keys() - files.keys():
        gone |= dict.fromkeys(here.identity[:2] for here in previous.files[name].resources)
    now = {here.identity[:2]: (here.parsed.resource, here.location) for here in came}
    if len(now) < len(came) or any(each not in gone and previous.resources.version(*each) for each in now):
        return None
    return {**gone, **now}


def _parse_file(name: str, text: str, before: ParsedFile | None) -> ParsedFile:
    if before and before.text == text:
        return before
    documents = _documents(name, text, before)
    return ParsedFile(
        text,
        documents,
        tuple(resource for document in documents for resource in document.resources),
        tuple(problem for document in documents for problem in document.problems),
        tuple(unusable for document in documents for unusable in document.unusable),
    )


def _documents(name: str, text: str, before: ParsedFile | None) -> tuple[PlacedDocument, ...]:
    """The documents of a file; those that stand as they did in the file before are the same objects."""
    if not before or not before.documents:
        return tuple(_place_document(name, line, part, None) for line, part in split_documents(text))
    old = before.documents
    first = len(before.text) - sum(len(document.text) for document in old)
    head, tail, start, end = unchanged_documents([document.text for document in old], first, text)
    middle, rest = old[head : len(old) - tail], old[len(old) - tail :]
    known = {document.text: document for document in middle}
    line = text.count("\n", 0, start)
    placed = [
        _place_document(name, line + within, part, known.get(part)) for within, part in split_documents(text[start:end])
    ]
    shift = text.count("\n", start, end) - sum(document.text.count("\n") for document in middle)
    moved = (
        rest
        if not shift or not head
        else tuple(_place_document(name, document.line + shift, document.text, document) for document in rest)
    )
    return (*old[:head], *placed, *moved)


def _place_document(file: str, line: int, text: str, before: PlacedDocument | None) -> PlacedDocument:
    if before and before.line == line:
        return before
    parsed = before.parsed if before else parse_document(text)
    resources = tuple(
        PlacedResource(
            each,
            Location(file, line + each.line - 1),
            text,
            line,
            (*resource_id(each.resource), each.kind.kubernetes_node),
        )
        for each in parsed.resources
    )
    problems = tuple(replace(each, file=file, line=line + each.line - 1) for each in parsed.problems)
    unusable = tuple(replace(each, file=file, line=line + each.line - 1) for each in parsed.unusable)
    return PlacedDocument(text, line, parsed, resources, problems, unusable)


def _without_duplicates(files: Iterable[ParsedFile]) -> tuple[list[PlacedResource], list[Duplicate]]:
    """The first of each kind and key, and every other."""
    first: dict[tuple[str, Key, bool], PlacedResource] = {}
    duplicates = []
    for file in files:
        for here in file.resources:
            there = first.setdefault(here.identity, here)
            if there is not here:
                duplicates.append((here, there))
    return list(first.values()), duplicates


def _duplicate_problem(here: PlacedResource, there: PlacedResource) -> Problem:
    place = f"{there.location.file}:{there.location.line}"
    message = f"this resource is defined in {place} already; remove one of the two"
    label, path, location = _label(here.parsed.resource), json_path(here.parsed.path), here.location
    return Problem(location.file, location.line, label, path, "duplicate-resource", message)


def _duplicate(here: PlacedResource) -> Unusable:
    kind, key = resource_id(here.parsed.resource)
    return Unusable(kind, key, here.location.line, here.location.file, is_duplicate=True)


def with_merged_nodes(placed: Sequence[PlacedResource]) -> Iterator[tuple[Resource, Location]]:
    """Resources with their locations; a Calico Node comes after the Kubernetes Node of its name, and holds it."""
    kubernetes: dict[str, Node] = {}
    for here in placed:
        resource = here.parsed.resource
        if here.parsed.kind.kubernetes_node and isinstance(resource, Node):
            kubernetes[resource.name] = resource
            yield resource, here.location
    for here in placed:
        resource = here.parsed.resource
        if not here.parsed.kind.kubernetes_node:
            if kubernetes and isinstance(resource, Node) and resource.name in kubernetes:
                resource = merge_nodes(resource, kubernetes[resource.name])
            yield resource, here.location


def _located(findings: list[ClusterFinding], files: Iterable[ParsedFile]) -> Iterator[Problem]:
    """Findings between resources as problems with file and line; their documents are read once more for that."""
    wanted = {resource_id(finding.resource) for finding in findings}
    places: dict[tuple[str, Key], PlacedResource] = {}
    for here in (here for file in (files if wanted else ()) for here in file.resources):
        if here.identity[:2] in wanted and (not here.identity[2] or here.identity[:2] not in places):
            places[here.identity[:2]] = here
    for finding in findings:
        here = places[resource_id(finding.resource)]
        path = (*here.parsed.path, *here.parsed.kind.written(finding.path))
        line = here.document_line + read_document(here.document_text).line_of(path) - 1
        label = _label(finding.resource)
        yield Problem(here.location.file, line, label, json_path(path), finding.code, finding.message, finding.severity)


def _label(resource: Resource) -> str:
    """ "BGPPeer/tor-1", "Secret/kube-system/bgp"."""
    kind, key = resource_id(resource)
    return "/".join((kind, key) if isinstance(key, str) else (kind, *key))
