"""Changes a document's data and leaves the text alone wherever that did not change: comments, blank lines, order.

    a value that differs         only its own characters are replaced
    a key or an item that goes   its lines
    one that comes               lines behind the one that is wanted before it

Rule: what was written is read again, and counts only if it is what is wanted and everything else in the document is as
before. What cannot be done so, for anchors or a mapping in braces that gets another key, is written anew: the smallest
part that will do, in the end the whole document. JSON stays JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bgpctl.yaml_source.document import Document, read_document
from bgpctl.yaml_source.dump import plain, yaml_line, yaml_text
from bgpctl.yaml_source.nodes import NotYamlError, child_of, key_of
from bgpctl.yaml_source.path import Path
from bgpctl.yaml_source.scalars import KUBERNETES, MERGE

SEPARATOR = "---"


def edited(text: str, path: Path, wanted: Mapping[str, Any]) -> str:
    """The text of a document with this mapping at the path, () for the whole. Raises NotYamlError for a text that is no
    document."""
    document = read_document(text)
    expected = _with(document.data, path, wanted)
    if _is_json(text):
        return _json_like(text, expected)
    attempts: tuple[Callable[[], str], ...] = (
        lambda: _finely(text, document, path, wanted),
        lambda: _replaced(text, _node_at(document, path), wanted),
    )
    for attempt in attempts:
        try:
            new = attempt()
        except _NotSoError:
            continue
        if _reads_as(new, expected):
            return new
    separator = f"{SEPARATOR}\n" if text.startswith(SEPARATOR) else ""
    return separator + yaml_text(expected)


def same(one: Any, other: Any) -> bool:
    """Whether they mean the same: lists and tuples do, and a field that is null and one that is not there, but true
    and 1 do not."""
    return bool(_strict(_without_nulls(plain(one))) == _strict(_without_nulls(plain(other))))


class _NotSoError(Exception):
    """It cannot be done in this way."""


class _Splice(NamedTuple):
    start: int
    end: int
    text: str


def _finely(text: str, document: Document, path: Path, wanted: Mapping[str, Any]) -> str:
    node = _node_at(document, path)
    old: Any = document.data
    for step in path:
        old = old[step]
    editor = _Editor(text)
    editor.change(node, old, _without_nulls(wanted, keeps=bool(path) and path[-1] in KEPT))
    return editor.result()


def _replaced(text: str, node: Node, wanted: Mapping[str, Any]) -> str:
    start, end = node.start_mark.index, _content_end(text, node)
    if _is_flow(node):
        return text[:start] + yaml_line(wanted) + text[end:]
    indentation = " " * node.start_mark.column
    return text[:start] + _indented(yaml_text(wanted), indentation).strip() + text[end:]


class _Editor:
    """Collects what is replaced; the text itself stays until `result`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._splices: list[_Splice] = []

    def result(self) -> str:
        text, end = self._text, len(self._text) + 1
        for splice in sorted(self._splices, key=lambda each: (each.start, each.end), reverse=True):
            if splice.end > end:
                raise _NotSoError
            text, end = text[: splice.start] + splice.text + text[splice.end :], splice.start
        return text

    def change(self, node: Node, old: Any, new: Any) -> None:
        """A value that stands in the place of another one of its kind. Raises _NotSoError."""
        if same(old, new):
            return
        if _is_plain(node) and not isinstance(new, (Mapping, list, tuple)):
            self._splices.append(_Splice(node.start_mark.index, _content_end(self._text, node), yaml_line(new)))
        elif isinstance(node, MappingNode) and isinstance(new, Mapping) and new:
            self._change_mapping(node, old, new)
        elif isinstance(node, SequenceNode) and isinstance(new, (list, tuple)) and new:
            self._change_sequence(node, old, new)
        elif _is_flow(node):
            self._splices.append(_Splice(node.start_mark.index, node.end_mark.index, yaml_line(new)))
        else:
            raise _NotSoError

    def _change_mapping(self, node: MappingNode, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        pairs = {key_of(key, KUBERNETES, ()): (key, value) for key, value in node.value}
        if len(pairs) != len(node.value) or any(key.tag == MERGE for key, _ in node.value):
            raise _NotSoError
        if _is_flow(node) and pairs.keys() != new.keys():
            self._splices.append(_Splice(node.start_mark.index, node.end_mark.index, yaml_line(new)))
            return
        before = ""
        for name in [name for name in pairs if name not in new and name in old]:
            self._remove_lines(*pairs[name])
        for name, value in new.items():
            if name not in pairs:
                self._insert(node, pairs.get(before), yaml_text({name: value}))
            else:
                self._change_pair(*pairs[name], old.get(name), value, name)
                before = name

    def _change_pair(self, key: Node, node: Node, old: Any, new: Any, name: str) -> None:
        """The value of a key; with the key where it becomes a value of another kind."""
        if same(old, new):
            return
        mark = len(self._splices)
        try:
            self.change(node, old, new)
        except _NotSoError:
            del self._splices[mark:]
            if _is_flow(node) or not self._begins_line(key):
                raise
            indentation = " " * key.start_mark.column
            pair = _indented(yaml_text({name: new}), indentation).strip()
            self._splices.append(_Splice(key.start_mark.index, _content_end(self._text, node), pair))

    def _change_sequence(self, node: SequenceNode, old: Sequence[Any], new: Sequence[Any]) -> None:
        items = list(node.value)
        if len(items) != len(old):
            raise _NotSoError
        if _is_flow(node):
            self._splices.append(_Splice(node.start_mark.index, node.end_mark.index, yaml_line(list(new))))
            return
        head = _alike(old, new)
        tail = _alike(old[head:][::-1], new[head:][::-1])
        gone, come = list(range(head, len(old) - tail)), list(new[head : len(new) - tail])
        for index, value in zip(gone, come, strict=False):
            self.change(items[index], old[index], value)
        for index in gone[len(come) :]:
            self._remove_lines(items[index], items[index])
        if added := come[len(gone) :]:
            last = head + min(len(gone), len(come)) - 1
            where = (items[last], items[last]) if last >= 0 else None
            self._insert(node, where, yaml_text(added))

    def _remove_lines(self, first: Node, last: Node) -> None:
        start = self._line_start(first.start_mark.index)
        before = self._text[start : first.start_mark.index].strip(" ")
        if before not in ("", "-") or (before == "-") != (first is last):
            raise _NotSoError
        self._splices.append(_Splice(start, self._behind_line(_content_end(self._text, last)), ""))

    def _insert(self, node: Node, behind: tuple[Node, Node] | None, block: str) -> None:
        """At the indentation of the collection: behind this pair or item, or as its first."""
        lines = _indented(block, " " * node.start_mark.column)
        if behind is not None:
            place = self._behind_line(_content_end(self._text, behind[1]))
            break_before = "" if self._text[place - 1 : place] == "\n" else "\n"
        else:
            place, break_before = self._line_start(node.start_mark.index), ""
            if self._text[place : node.start_mark.index].strip(" "):
                raise _NotSoError
        self._splices.append(_Splice(place, place, break_before + lines))

    def _begins_line(self, node: Node) -> bool:
        start = self._line_start(node.start_mark.index)
        return not self._text[start : node.start_mark.index].strip(" -")

    def _line_start(self, position: int) -> int:
        return self._text.rfind("\n", 0, position) + 1

    def _behind_line(self, position: int) -> int:
        found = self._text.find("\n", position)
        return len(self._text) if found < 0 else found + 1


def _alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many of both are the same from the beginning."""
    count = 0
    for first, second in zip(one, other, strict=False):
        if not same(first, second):
            break
        count += 1
    return count


def _content_end(text: str, node: Node) -> int:
    """Behind its last character. The end that libyaml gives a block is where the next one begins."""
    if isinstance(node, ScalarNode):
        end = int(node.end_mark.index)
        return len(text[:end].rstrip("\n ")) if node.style in ("|", ">") else end
    if _is_flow(node) or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1]
    return _content_end(text, last)


def _is_plain(node: Node) -> bool:
    """A scalar on one line."""
    return isinstance(node, ScalarNode) and node.style not in ("|", ">") and bool(node.value or node.style)


def _is_flow(node: Node) -> bool:
    return isinstance(node, (MappingNode, SequenceNode)) and bool(node.flow_style)


def _indented(block: str, indentation: str) -> str:
    return "".join(f"{indentation}{line}" if line.strip() else line for line in block.splitlines(keepends=True))


def _node_at(document: Document, path: Path) -> Node:
    node = document.root
    for step in path:
        found = child_of(node, step, document.notation) if node is not None else None
        node = found[1] if found else None
    if node is None:
        raise _NotSoError
    return node


# ------------------------------------------------------------------------------------------------- data

# Mappings in which null is a value.
KEPT = frozenset({"labels", "annotations"})


def _with(data: Any, path: Path, wanted: Mapping[str, Any]) -> Any:
    if not path:
        return _without_nulls(wanted)
    step, rest = path[0], path[1:]
    if isinstance(data, Mapping):
        return {**data, step: _with(data[str(step)], rest, wanted)}
    return [_with(each, rest, wanted) if index == step else each for index, each in enumerate(data)]


def _without_nulls(data: Any, *, keeps: bool = False) -> Any:
    """As documents are read: a field that is null is one that is not there."""
    if isinstance(data, Mapping):
        kept = {name: value for name, value in data.items() if keeps or value is not None}
        return {name: _without_nulls(value, keeps=name in KEPT) for name, value in kept.items()}
    if isinstance(data, (list, tuple)):
        return [_without_nulls(each) for each in data]
    return data


def _strict(data: Any) -> Any:
    """In which true and 1 differ."""
    if isinstance(data, dict):
        return {name: _strict(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_strict(each) for each in data]
    return (isinstance(data, bool), data)


def _reads_as(text: str, expected: Any) -> bool:
    try:
        return same(read_document(text).data, expected)
    except NotYamlError:
        return False


# ------------------------------------------------------------------------------------------------- JSON


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _json_like(text: str, expected: Any) -> str:
    """In one line, or in several with the indentation of the text."""
    lines = text.strip("\n").splitlines()
    indentation = next(_indentations(lines), None) if len(lines) > 1 else None
    end = "\n" if text.endswith("\n") else ""
    return json.dumps(plain(expected), indent=indentation, ensure_ascii=False) + end


def _indentations(lines: Sequence[str]) -> Iterator[int]:
    for line in lines:
        if (blanks := len(line) - len(line.lstrip(" "))) > 0:
            yield blanks
    yield 2
