"""Texts to resources: everything that is right becomes part of the ResourceSet, everything wrong becomes a Problem.

A Loaded given back as `previous` saves reading the documents that did not change: of 5,000 Nodes only the one that
did is parsed. A resource with an ERROR of its own is left out of the set; rules between resources leave theirs in.
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


@dataclass(frozen=True)
class Loaded:
    """The good resources and every problem, in the order of files and lines. `documents` is kept for next time."""

    resources: ResourceSet = field(default_factory=ResourceSet)
    problems: tuple[Problem, ...] = ()
    documents: Mapping[str, ParsedDocument] = field(default_factory=dict, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of using the resources; warnings do not."""
        return not has_errors(self.problems)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A parsed resource with its file, and the text of its document and the line that begins on."""

    parsed: ParsedResource
    file: str
    document_line: int
    text: str

    @property
    def origin(self) -> Origin:
        return Origin(self.file, self.document_line + self.parsed.line - 1)


def parse_documents(sources: Iterable[Source], previous: Loaded | None = None) -> Loaded:
    """Resources and problems out of (file name, text) pairs."""
    known = previous.documents if previous else {}
    documents: dict[str, ParsedDocument] = {}
    placed: list[_Placed] = []
    problems: list[Problem] = []
    for file, text in sources:
        for line, document_text in split_documents(text):
            document = documents.get(document_text) or known.get(document_text) or parse_document(document_text)
            documents[document_text] = document
            placed += [_Placed(parsed, file, line, document_text) for parsed in document.resources]
            problems += [replace(each, file=file, line=line + each.line - 1) for each in document.problems]
    distinct, duplicates = _without_duplicates(placed)
    resources = build_resource_set(_with_merged_nodes(distinct))
    unreadable = frozenset(name for document in documents.values() for name in document.unreadable)
    findings = list(cluster_findings(Cluster(resources, unreadable)))
    problems += [*duplicates, *_located(findings, distinct)]
    return Loaded(resources, tuple(sorted(problems)), documents)


def _without_duplicates(placed: list[_Placed]) -> tuple[list[_Placed], list[Problem]]:
    """The first of each kind and key, and a problem for every other."""
    first: dict[tuple[str, Key, bool], _Placed] = {}
    problems = []
    for here in placed:
        resource = here.parsed.resource
        original = first.setdefault((*resource_id(resource), here.parsed.kind.kubernetes_node), here)
        if original is not here:
            there = original.origin
            message = f"this resource stands in {there.file}:{there.line} already; remove one of the two"
            line, path = here.origin.line, json_path(here.parsed.path)
            problems.append(Problem(here.file, line, _label(resource), path, "duplicate-resource", message))
    return list(first.values()), problems


def _with_merged_nodes(placed: list[_Placed]) -> Iterator[tuple[Resource, Origin]]:
    """Resources with their origins; a Calico Node comes after the Kubernetes Node of its name, and holds it."""
    kubernetes = {
        here.parsed.resource.name: here.parsed.resource
        for here in placed
        if here.parsed.kind.kubernetes_node and isinstance(here.parsed.resource, Node)
    }
    yield from ((here.parsed.resource, here.origin) for here in placed if here.parsed.kind.kubernetes_node)
    for here in placed:
        resource = here.parsed.resource
        if here.parsed.kind.kubernetes_node:
            continue
        if isinstance(resource, Node) and resource.name in kubernetes:
            resource = merge_nodes(resource, kubernetes[resource.name])
        yield resource, here.origin


def _located(findings: list[ClusterFinding], placed: list[_Placed]) -> Iterator[Problem]:
    """Findings between resources as problems with file and line; their documents are read once more for that."""
    wanted = {resource_id(finding.resource) for finding in findings}
    places: dict[tuple[str, Key], _Placed] = {}
    for here in placed if wanted else ():
        if (found := resource_id(here.parsed.resource)) in wanted:
            places.setdefault(found, here)
    for finding in findings:
        here = places[resource_id(finding.resource)]
        path = (*here.parsed.path, *here.parsed.kind.written(finding.path))
        line = here.document_line + read_document(here.text).line_of(path) - 1
        label = _label(finding.resource)
        yield Problem(here.file, line, label, json_path(path), finding.code, finding.message, finding.severity)


def _label(resource: Resource) -> str:
    """ "BGPPeer/tor-1", "Secret/kube-system/bgp"."""
    kind, key = resource_id(resource)
    return "/".join((kind, key) if isinstance(key, str) else (kind, *key))
