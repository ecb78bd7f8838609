"""Texts to what stands in them: keys of etcd with their values, and documents of resources.

    {"kvs": [...]}                 etcdctl get --prefix KEY -w json: keys and values in base64
    {"action": .., "node": ..}     the API of etcd v2, with ?recursive=true
    {"/calico/...": ...}           keys and values as they are
    {"key": .., "value": ..}       one of them, in base64 or not; lists and lines of them
    {"block_affinities": ..}       the third part of calicoctl datastore migrate export
    YAML, or JSON with apiVersion  resources

Rule: a dump that is evidently not whole is refused, for what it lacks would silently be missing.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bgpctl.migration.fate import Origin, shown
from bgpctl.migration.source.json_text import TOO_DEEP, NotJsonError, is_json, json_values
from bgpctl.resources.reading.document import items_of
from bgpctl.yaml_source.document import Document, read_document
from bgpctl.yaml_source.documents import split_documents
from bgpctl.yaml_source.nodes import NotYamlError
from bgpctl.yaml_source.path import Path, json_path
from bgpctl.yaml_source.problem import Problem
from bgpctl.yaml_source.shown import name_shown

# Between documents, which may be JSON.
DOCUMENTS = re.compile(r"^---[ \t]*$", re.MULTILINE)
# Between the three parts of what calicoctl datastore migrate export prints.
PARTS = re.compile(r"^===[ \t]*$", re.MULTILINE)
IPAM_LISTS = ("block_affinities", "blocks", "handles")
IPAM_PART = frozenset({*IPAM_LISTS, "config"})
HINT = "dump it with: etcdctl get --prefix /calico -w json"
PLAIN_DUMP = f"this is etcdctl's output for people, of which it is not certain where a value ends; {HINT}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of etcd with its value; in `origin` is the key as it is shown."""

    origin: Origin
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """A resource, or what stands where one should: `path` leads to it in its document, which begins on `line`."""

    file: str
    line: int
    document: Document
    path: Path
    data: Any

    def line_of(self, path: Path) -> int:
        """Of a field of it."""
        return self.line - 1 + self.document.line_of((*self.path, *path))


@dataclass(slots=True)
class Sources:
    entries: list[Entry] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_sources(texts: Mapping[str, str]) -> Sources:
    """Of files by name."""
    found = Sources()
    for file, text in texts.items():
        for line, part in _parts(text, PARTS):
            _Part(found, file, line).read(part)
    return found


def _parts(text: str, separator: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """With the line (from 1) that each begins on."""
    start, line = 0, 1
    for end in separator.finditer(text):
        yield line, text[start : end.start()]
        line += text.count("\n", start, end.end())
        start = end.end()
    yield line, text[start:]


class _Part:
    """A file, or a part of one that begins on `line`."""

    def __init__(self, found: Sources, file: str, line: int) -> None:
        self._found = found
        self._file = file
        self._line = line

    def read(self, text: str) -> None:
        begin = text.lstrip()
        if begin.startswith(("/calico/", "calico/")):
            self._refuse("not-a-dump", PLAIN_DUMP)
        elif is_json(begin):
            for within, part in _parts(text, DOCUMENTS):
                self._read_json(part, self._line + within - 1)
        elif begin:
            self._read_documents(text, self._line)

    # ------------------------------------------------------------------------------------ resources

    def _read_documents(self, text: str, line: int) -> None:
        for within, part in split_documents(text):
            first = line + within - 1
            try:
                document = read_document(part)
            except NotYamlError as error:
                place = first + error.line - 1
                problem = Problem(self._file, place, "", json_path(error.path), "not-yaml", str(error))
                self._found.problems.append(problem)
                continue
            for twice in document.duplicates:
                place, message = first + twice.line - 1, "this key is here twice; remove one"
                problem = Problem(self._file, place, "", json_path(twice.path), "duplicate-key", message)
                self._found.problems.append(problem)
            if document.data is not None:
                items = (Item(self._file, first, document, path, data) for data, path in items_of(document.data, ()))
                self._found.items += items

    # ----------------------------------------------------------------------------------------- dumps

    def _read_json(self, text: str, first: int) -> None:
        """Of a part that begins on line `first`."""
        try:
            for within, value, written in json_values(text):
                line = first + within - 1
                if _is_resource(value) or (isinstance(value, list) and any(map(_is_resource, value))):
                    self._read_documents(written, line)
                else:
                    self._take(value, line)
        except NotJsonError as error:
            self._refuse("not-json", str(error), first + error.line - 1)
        except RecursionError:
            self._refuse("not-json", TOO_DEEP, first)

    def _take(self, value: Any, line: int) -> None:
        """One JSON value of the file."""
        if isinstance(value, list):
            for each in value:
                self._take(each, line)
        elif not isinstance(value, dict):
            self._refuse("not-a-dump", f"{shown(value)} stands where a dump of etcd should; {HINT}", line)
        elif "kvs" in value or {"header", "count"} & value.keys():
            self._take_answer(value, line)
        elif isinstance(value.get("node"), dict):
            self._take_tree(value["node"], line)
        elif {"key", "value"} >= value.keys() and "key" in value:
            self._take_pair(value, line)
        elif value.keys() <= IPAM_PART:
            self._take_ipam(value, line)
        elif all(key.startswith(("/", "calico/")) for key in value):
            for key, each in value.items():
                self._add(key, each if isinstance(each, str) else json.dumps(each))
        else:
            keys = ", ".join(shown(key) for key in list(value)[:3])
            self._refuse("not-a-dump", f"a mapping with {keys} is no dump of etcd; {HINT}", line)

    def _take_answer(self, answer: dict[str, Any], line: int) -> None:
        """Of etcd v3. Protocol Buffers as JSON: numbers that are zero and texts that are empty are not there."""
        pairs = answer.get("kvs") or []
        if not isinstance(pairs, list):
            self._refuse("not-a-dump", f"kvs is {shown(pairs)}, and must be a list", line)
            return
        count = answer.get("count", len(pairs))
        if answer.get("more") or count != len(pairs):
            message = f"this dump has {len(pairs)} of {shown(count)} keys; dump it without --limit"
            self._refuse("incomplete-dump", message, line)
        for each in pairs:
            self._take_pair(each, line)

    def _take_pair(self, pair: Any, line: int) -> None:
        try:
            key, value = (_octets(pair.get(name, ""), pair) for name in ("key", "value"))
        except (AttributeError, TypeError, binascii.Error, ValueError) as error:
            name = shown(pair.get("key")) if isinstance(pair, dict) else shown(pair)
            self._refuse("not-a-dump", f"a key or value is neither text nor base64: {name} ({error})", line)
            return
        self._add(key.decode(errors="backslashreplace"), value)

    def _take_tree(self, root: dict[str, Any], line: int) -> None:
        """Of etcd v2. Without recursion: keys can be as deep as they like."""
        waiting, has_values, has_directories = [root], False, False
        while waiting:
            node = waiting.pop()
            key, nodes = node.get("key", "/"), node.get("nodes") or []
            if not isinstance(key, str) or not isinstance(nodes, list) or not all(isinstance(n, dict) for n in nodes):
                self._refuse("not-a-dump", f"{shown(key)} is not a node of etcd with key, value or nodes", line)
            elif node.get("dir") or nodes:
                has_directories = True
                waiting += reversed(nodes)
            elif not isinstance(node.get("value"), str):
                self._refuse("not-a-dump", f"the value of {shown(key)} is {shown(node.get('value'))}, not text", line)
            else:
                has_values = True
                self._add(key, node["value"])
        if has_directories and not has_values:
            message = "this has directories and no values; read it with ?recursive=true"
            self._refuse("incomplete-dump", message, line)

    def _take_ipam(self, part: dict[str, Any], line: int) -> None:
        """Of calicoctl datastore migrate export."""
        for name in IPAM_LISTS:
            for pair in part.get(name) or []:
                if not isinstance(pair, dict) or not isinstance(pair.get("Key"), str):
                    self._refuse("not-a-dump", f"{name} has {shown(pair)}, which has no Key", line)
                else:
                    self._add(pair["Key"], json.dumps(pair.get("Value")))

    def _add(self, key: str, value: str | bytes) -> None:
        octets = value if isinstance(value, bytes) else value.encode(errors="surrogatepass")
        key = key if key.startswith("/") else f"/{key}"
        self._found.entries.append(Entry(Origin(self._file, 0, name_shown(key)), key, octets))

    def _refuse(self, code: str, message: str, line: int = 0) -> None:
        self._found.problems.append(Problem(self._file, line or self._line, "", "$", code, message))


def _octets(written: Any, pair: Mapping[str, Any]) -> bytes:
    """In base64, unless the key of the pair is evidently not. Raises ValueError, TypeError."""
    if str(pair.get("key", "")).startswith("/"):
        return written.encode() if isinstance(written, str) else json.dumps(written).encode()
    if not isinstance(written, str):
        raise TypeError(f"{shown(written)} is no text")
    return base64.b64decode(written, validate=True)


def _is_resource(value: Any) -> bool:
    return isinstance(value, dict) and "apiVersion" in value
