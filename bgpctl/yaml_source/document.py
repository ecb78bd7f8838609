"""One YAML document: its data, the keys that stand twice, and the line of every field.

Sequences become tuples, mapping keys are text, and a key that stands twice is reported (the first one counts). What
scalars become is the notation's affair (scalars.py). Documents that are nested without end, or whose aliases unfold
without end, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yaml.nodes import Node, ScalarNode, SequenceNode

from bgpctl.yaml_source.nodes import (
    MAX_NESTING,
    TOO_DEEP,
    NotYamlError,
    child_of,
    compose,
    key_of,
    line_of_node,
    merged_mappings,
    scalar_of,
)
from bgpctl.yaml_source.path import Path
from bgpctl.yaml_source.scalars import KUBERNETES, MERGE, TEXT, Notation


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A key that stands twice in one mapping; the first one was kept."""

    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """One document's data: mappings, tuples and scalars; None when it is empty."""

    data: Any
    duplicates: tuple[Duplicate, ...]
    root: Node | None
    notation: Notation = KUBERNETES

    def line_of(self, path: Path) -> int:
        """The line (from 1) where the field stands, or what is there of the way to it."""
        if self.root is None:
            return 1
        line, node = line_of_node(self.root), self.root
        for step in path:
            found = child_of(node, step, self.notation)
            if found is None:
                break
            line, node = found
        return line


def read_document(text: str, notation: Notation = KUBERNETES) -> Document:
    """Raises NotYamlError."""
    root = compose(text)
    if root is None:
        return Document(None, (), None, notation)
    construction = _Construction(len(text), notation)
    data = construction.data(root, ())
    return Document(data, tuple(construction.duplicates), root, notation)


class _Construction:
    """Turns one document's nodes into data, collecting the keys that stand twice."""

    def __init__(self, size: int, notation: Notation) -> None:
        self.duplicates: list[Duplicate] = []
        self._notation = notation
        # Without aliases a node takes at least a character; far more nodes than text is an alias bomb.
        self._budget = 1000 + 10 * size

    def data(self, node: Node, path: Path) -> Any:
        self._spend(node, path)
        if isinstance(node, ScalarNode):
            return node.value if node.tag == TEXT else scalar_of(node, self._notation, path)
        if isinstance(node, SequenceNode):
            return tuple([self.data(item, (*path, index)) for index, item in enumerate(node.value)])
        return self._mapping(node, path)

    def _spend(self, node: Node, path: Path, merges: int = 0) -> None:
        self._budget -= 1
        if len(path) + merges > MAX_NESTING or self._budget < 0:
            raise NotYamlError(TOO_DEEP, line_of_node(node), path)

    def _mapping(self, node: Node, path: Path, merges: int = 0) -> dict[str, Any]:
        """`merges`: how many `<<` led here from the mapping at `path`."""
        found: dict[str, Any] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                merged.append(value_node)
                continue
            key = key_of(key_node, self._notation, path)
            if key in found:
                self.duplicates.append(Duplicate((*path, key), line_of_node(key_node)))
                continue
            found[key] = self.data(value_node, (*path, key))
        for value_node in merged:
            for mapping in merged_mappings(value_node, path):
                self._spend(mapping, path, merges + 1)
                found = {**self._mapping(mapping, path, merges + 1), **found}
        if self._notation.keeps_null(path):
            return found
        return {key: value for key, value in found.items() if value is not None}
