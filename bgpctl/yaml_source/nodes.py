"""Text to the tree of nodes that libyaml finds, each with its line: what documents are made of.

Rule: nesting is limited while the tree is built. The composer recurses in C, and text that opens thirty thousand
brackets would otherwise end the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from bgpctl.yaml_source.pasted import line_advice, quoted
from bgpctl.yaml_source.path import Path
from bgpctl.yaml_source.scalars import MERGE, TEXT, Notation, Resolver, scalar_text

MAX_NESTING = 100
# Words of libyaml.
UNFINISHED = "unexpected end of stream"
SECOND_DOCUMENT = "did not find expected <document start>"
INDENTATION = "mapping values are not allowed"
TOO_DEEP = "too deeply nested, or its aliases unfold without end"


class NotYamlError(ValueError):
    """The text is not a document. `line` counts from 1 within the document's text."""

    def __init__(self, message: str, line: int, path: Path = ()) -> None:
        super().__init__(message)
        self.line = line
        self.path = path


class _Composer(CParser, Resolver):
    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Resolver.__init__(self)
        self._depth = 0

    def descend_resolver(self, current_node: Node | None, _: Any) -> None:
        """Called before each node, `current_node` being the one that contains it. The root stands at depth 0."""
        if self._depth > MAX_NESTING:
            raise NotYamlError(TOO_DEEP, line_of_node(current_node) if current_node else 1)
        self._depth += 1

    def ascend_resolver(self) -> None:
        self._depth -= 1


def compose(text: str) -> Node | None:
    """The root of the only document in the text; None when there is none. Raises NotYamlError."""
    composer = _Composer(text)
    try:
        return composer.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _explained(text, error) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYamlError(f"not YAML: {error.reason}", line) from error
    finally:
        composer.dispose()


def _explained(text: str, error: yaml.MarkedYAMLError) -> NotYamlError:
    """With what to write instead, where the line, or the one before it that YAML takes with it, shows what is meant."""
    reason = " ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    if UNFINISHED in (error.problem or "") and error.context_mark:
        mark, reason = error.context_mark, "a quotation mark that is opened on this line is not closed"
    lines = text.splitlines() or [""]
    # What is missing at the end is noticed behind it.
    last = max(len(text.rstrip().splitlines()), 1)
    line = min(mark.line + 1, last) if mark else 1
    for number in (line, line - 1):
        advice = line_advice(lines[number - 1]) if number >= 1 else ""
        if advice:
            return NotYamlError(f"not YAML: {advice}", number)
    if SECOND_DOCUMENT in reason:
        reason = "a second document begins here, without a line --- before it; add one"
    if INDENTATION in reason:
        reason += "; is this line indented like those around it, and are texts with a colon in quotes?"
    return NotYamlError(f"not YAML: {reason}", line)


def line_of_node(node: Node) -> int:
    """The line, from 1, on which it begins."""
    return int(node.start_mark.line) + 1


def key_of(node: Node, notation: Notation, path: Path) -> str:
    """The key of a mapping, which is always text. Raises NotYamlError."""
    if not isinstance(node, ScalarNode):
        is_template = isinstance(node, MappingNode) and node.flow_style
        hint = "; {{ begins a template: render it first (helm template, kustomize, envsubst)" if is_template else ""
        raise NotYamlError(f"a key must be text{hint}", line_of_node(node), path)
    return str(node.value if node.tag == TEXT else scalar_text(scalar_of(node, notation, path)))


def scalar_of(node: Node, notation: Notation, path: Path) -> object:
    """The value of a scalar. Raises NotYamlError."""
    try:
        return notation.scalar(node)
    except ValueError as error:
        tag = str(node.tag)
        meant = f"{tag} {node.value}".rstrip()
        message = f"{meant} begins a tag of YAML; write it in quotes: {quoted(meant)}" if tag[:1] == "!" else str(error)
        raise NotYamlError(message, line_of_node(node), path) from error


def merged_mappings(node: Node, path: Path) -> Iterator[MappingNode]:
    """The mappings named by `<<`, one or several; earlier ones win. Raises NotYamlError."""
    for mapping in node.value if isinstance(node, SequenceNode) else [node]:
        if not isinstance(mapping, MappingNode):
            raise NotYamlError("<< must name a mapping", line_of_node(mapping), path)
        yield mapping


def child_of(node: Node, step: str | int, notation: Notation) -> tuple[int, Node] | None:
    """The line and the node one step down the path; a field that comes by `<<` has its line where it is written."""
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return line_of_node(node.value[step]), node.value[step]
    if not isinstance(node, MappingNode):
        return None
    for key, value in node.value:
        if key.tag != MERGE and key_of(key, notation, ()) == step:
            return line_of_node(key), value
    for key, value in node.value:
        for mapping in merged_mappings(value, ()) if key.tag == MERGE else ():
            found = child_of(mapping, step, notation)
            if found is not None:
                return found
    return None
