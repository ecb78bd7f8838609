"""Texts to resources: everything that is right becomes part of the ResourceSet, everything wrong becomes a Problem.

A Loaded given back as `previous` saves work: an unchanged file is not cut up again, and of a changed file only the
documents that differ are read. A resource with an ERROR of its own is left out of the set; rules between resources
leave theirs in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bgpctl.resources.cluster_rules import Cluster, ClusterFinding, cluster_findings
from bgpctl.resources.document import ParsedDocument, ParsedResource, parse_document
from bgpctl.resources.kubernetes_node import merge_nodes
from bgpctl.resources.model import Resource
from bgpctl.resources.node import Node
from bgpctl.resources.problem import Problem, has_errors
from bgpctl.resources.refusals import json_path
from bgpctl.resources.resource_set import Key, Origin, ResourceSet, build_resource_set, resource_id
from bgpctl.resources.yaml_text import read_document, split_documents

Source = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PlacedResource:
    """A resource with its place among all files. `identity` tells a Kubernetes Node from a Calico Node."""

    parsed: ParsedResource
    origin: Origin
    document: PlacedDocument
    identity: tuple[str, Key, bool]


@dataclass(frozen=True, slots=True)
class PlacedDocument:
    """A document's text, the line of its file that it begins on, and what it says."""

    text: str
    line: int
    parsed: ParsedDocument


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """All that one file says, with the file's name and lines."""

    text: str
    documents: tuple[PlacedDocument, ...]
    resources: tuple[PlacedResource, ...]
    problems: tuple[Problem, ...]
    unreadable: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Loaded:
    """The good resources and every problem, in the order of files and lines. `files` is kept for next time."""

    resources: ResourceSet = field(default_factory=ResourceSet)
    problems: tuple[Problem, ...] = ()
    files: Mapping[str, ParsedFile] = field(default_factory=dict, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of using the resources; warnings do not."""
        return not has_errors(self.problems)


def parse_documents(sources: Iterable[Source], previous: Loaded | None = None) -> Loaded:
    """Resources and problems out of (file name, text) pairs; each file name stands once."""
    before = previous.files if previous else {}
    files = {name: _parse_file(name, text, before.get(name)) for name, text in sources}
    distinct, duplicates = _without_duplicates(files.values())
    resources = build_resource_set(_with_merged_nodes(distinct))
    unreadable = frozenset(name for file in files.values() for name in file.unreadable)
    findings = list(cluster_findings(Cluster(resources, unreadable)))
    problems = [problem for file in files.values() for problem in file.problems]
    problems += [*duplicates, *_located(findings, distinct)]
    return Loaded(resources, tuple(sorted(problems)), files)


def _parse_file(name: str, text: str, before: ParsedFile | None) -> ParsedFile:
    if before and before.text == text:
        return before
    known = {document.text: document.parsed for document in before.documents} if before else {}
    documents = tuple(
        PlacedDocument(part, line, known.get(part) or parse_document(part)) for line, part in split_documents(text)
    )
    return ParsedFile(
        text,
        documents,
        tuple(_placed(name, document, each) for document in documents for each in document.parsed.resources),
        tuple(
            replace(each, file=name, line=document.line + each.line - 1)
            for document in documents
            for each in document.parsed.problems
        ),
        tuple(unreadable for document in documents for unreadable in document.parsed.unreadable),
    )


def _placed(file: str, document: PlacedDocument, parsed: ParsedResource) -> PlacedResource:
    origin = Origin(file, document.line + parsed.line - 1)
    return PlacedResource(parsed, origin, document, (*resource_id(parsed.resource), parsed.kind.kubernetes_node))


def _without_duplicates(files: Iterable[ParsedFile]) -> tuple[list[PlacedResource], list[Problem]]:
    """The first of each kind and key, and a problem for every other."""
    first: dict[tuple[str, Key, bool], PlacedResource] = {}
    problems = []
    for file in files:
        for here in file.resources:
            there = first.setdefault(here.identity, here)
            if there is not here:
                place = f"{there.origin.file}:{there.origin.line}"
                message = f"this resource stands in {place} already; remove one of the two"
                label, path = _label(here.parsed.resource), json_path(here.parsed.path)
                origin = here.origin
                problems.append(Problem(origin.file, origin.line, label, path, "duplicate-resource", message))
    return list(first.values()), problems


def _with_merged_nodes(placed: list[PlacedResource]) -> Iterator[tuple[Resource, Origin]]:
    """Resources with their origins; a Calico Node comes after the Kubernetes Node of its name, and holds it."""
    kubernetes: dict[str, Node] = {}
    for here in placed:
        resource = here.parsed.resource
        if here.parsed.kind.kubernetes_node and isinstance(resource, Node):
            kubernetes[resource.name] = resource
            yield resource, here.origin
    for here in placed:
        resource = here.parsed.resource
        if not here.parsed.kind.kubernetes_node:
            if kubernetes and isinstance(resource, Node) and resource.name in kubernetes:
                resource = merge_nodes(resource, kubernetes[resource.name])
            yield resource, here.origin


def _located(findings: list[ClusterFinding], placed: list[PlacedResource]) -> Iterator[Problem]:
    """Findings between resources as problems with file and line; their documents are read once more for that."""
    wanted = {resource_id(finding.resource) for finding in findings}
    places: dict[tuple[str, Key], PlacedResource] = {}
    for here in placed if wanted else ():
        if here.identity[:2] in wanted:
            places.setdefault(here.identity[:2], here)
    for finding in findings:
        here = places[resource_id(finding.resource)]
        path = (*here.parsed.path, *here.parsed.kind.written(finding.path))
        line = here.document.line + read_document(here.document.text).line_of(path) - 1
        label = _label(finding.resource)
        yield Problem(
            here.origin.file, line, label, json_path(path), finding.code, finding.message, finding.severity
        )


def _label(resource: Resource) -> str:
    """ "BGPPeer/tor-1", "Secret/kube-system/bgp"."""
    kind, key = resource_id(resource)
    return "/".join((kind, key) if isinstance(key, str) else (kind, *key))
