"""A drawing as Graphviz (dot), as Mermaid, and as text for a terminal.

Links are lines with the interfaces and addresses of both ends, sessions dashed ones; a role has its own shape. A dummy
interface leads nowhere and is in the text only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bgpctl.lab.topology.drawing import Drawing, DrawnSession
from bgpctl.lab.topology.drawing_format import DrawingFormat
from bgpctl.lab.topology.links import Endpoint
from bgpctl.lab.topology.roles import Role

# Role -> shape of Graphviz, and what stands around a label in Mermaid.
_SHAPES: dict[Role, tuple[str, str, str]] = {
    Role.NODE: ("box", "[", "]"),
    Role.REFLECTOR: ("hexagon", "{{", "}}"),
    Role.ROUTER: ("ellipse", "(", ")"),
    Role.POD: ("plaintext", "([", "])"),
    Role.BRIDGE: ("box3d", "[[", "]]"),
}
_DAEMON = ("octagon", "[/", "/]")
_SESSION_COLOUR, _ONE_SIDED_COLOUR = "steelblue", "red"


def render(drawing: Drawing, form: DrawingFormat) -> str:
    return "\n".join(_FORMATS[form](drawing)) + "\n"


def _dot(drawing: Drawing) -> Iterator[str]:
    yield f"graph {_quoted(drawing.name)} {{"
    yield "  graph [splines=line, ranksep=1.2, nodesep=0.7];"
    yield "  node [fontname=Helvetica]; edge [fontname=Helvetica, fontsize=9];"
    for node in drawing.nodes:
        shape = _SHAPES.get(node.role, _DAEMON)[0]
        label = _quoted(f"{node.name}\n{node.role}")
        yield f"  {_quoted(node.name)} [label={label}, shape={shape}];"
    for first, last in _pairs(drawing):
        labels = f"taillabel={_quoted(_end(first))}, headlabel={_quoted(_end(last))}"
        yield f"  {_quoted(first.node)} -- {_quoted(last.node)} [{labels}];"
    for session in drawing.sessions:
        colour = _ONE_SIDED_COLOUR if drawing.one_sided(session) else _SESSION_COLOUR
        style = f"style=dashed, constraint=false, color={colour}, label={_quoted(_session(drawing, session))}"
        yield f"  {_quoted(session.one)} -- {_quoted(session.other)} [{style}];"
    yield "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _mermaid(drawing: Drawing) -> Iterator[str]:
    """Identifiers are numbers: a name of containerlab may be a word of Mermaid."""
    identifiers = {node.name: f"n{number}" for number, node in enumerate(drawing.nodes)}
    yield "flowchart LR"
    for node in drawing.nodes:
        _, opening, closing = _SHAPES.get(node.role, _DAEMON)
        yield f'  {identifiers[node.name]}{opening}"{node.name}<br/>{node.role}"{closing}'
    for first, last in _pairs(drawing):
        label = f"{_end(first)} · {_end(last)}"
        yield f'  {identifiers[first.node]} ---|"{label}"| {identifiers[last.node]}'
    for session in drawing.sessions:
        label = _session(drawing, session)
        yield f'  {identifiers[session.one]} -.-|"{label}"| {identifiers[session.other]}'


def _text(drawing: Drawing) -> Iterator[str]:
    counts = f"{len(drawing.nodes)} nodes, {len(drawing.links)} links, {len(drawing.sessions)} sessions"
    yield f"lab {drawing.name}: {counts}"
    for node in drawing.nodes:
        yield f"{node.name} ({node.role})"
        for link in drawing.links:
            yield from (f"  {line}" for line in _lines_of(node.name, link.endpoints))
        for session in drawing.sessions:
            if node.name in (session.one, session.other):
                peer = session.other if node.name == session.one else session.one
                yield f"  {_session(drawing, session)} == {peer}"


def _lines_of(node: str, ends: tuple[Endpoint, ...]) -> Iterator[str]:
    for number, end in enumerate(ends):
        if end.node == node:
            others = [f"{other.node}:{_end(other)}" for at, other in enumerate(ends) if at != number]
            yield " -- ".join([_end(end), *others])


def _pairs(drawing: Drawing) -> Iterator[tuple[Endpoint, Endpoint]]:
    for link in drawing.links:
        if len(link.endpoints) > 1:
            yield link.endpoints[0], link.endpoints[1]


def _end(end: Endpoint) -> str:
    return " ".join((end.interface, *end.addresses))


def _session(drawing: Drawing, session: DrawnSession) -> str:
    return f"{session.kind}, only at {session.at[0]}" if drawing.one_sided(session) else session.kind


_FORMATS: dict[DrawingFormat, Callable[[Drawing], Iterator[str]]] = {
    DrawingFormat.DOT: _dot,
    DrawingFormat.MERMAID: _mermaid,
    DrawingFormat.TEXT: _text,
}
