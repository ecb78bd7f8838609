"""One object with all its fields and what is around it, as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bgpctl.cli.objects.columns import age, pairs
from bgpctl.cli.objects.concerned import Concerned, concerned_by
from bgpctl.cli.objects.hidden import secret_sizes, shown
from bgpctl.cli.objects.references import Reference, references
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.guardrails import check_cluster
from bgpctl.objects.kinds import NODE_PLAN, SECRET_KIND
from bgpctl.objects.object import BOOKKEEPING, LAST_APPLIED, Data, Object
from bgpctl.resources import Loaded
from bgpctl.resources.in_force.in_force import in_force
from bgpctl.yaml_source.dump import yaml_text
from bgpctl.yaml_source.problem import Problem

WIDTH = 16
NONE = "<none>"
MOST_NAMES = 8
# What stands in the lines above the fields.
_HEAD = frozenset({"apiVersion", "kind", "metadata"})
# In the status of a Kubernetes Node: most of its octets.
_NO_AFFAIR_OF_OURS = frozenset({"images"})
_SHOWN_METADATA = frozenset({"name", "namespace", "labels", "annotations"})


class Surroundings:
    """The datastore that an object stands in, asked about it."""

    def __init__(self, loaded: Loaded, options: CompileOptions) -> None:
        self._loaded = loaded
        self._options = options

    @cached_property
    def _index(self) -> ClusterIndex:
        return ClusterIndex(in_force(self._loaded).resources)

    @cached_property
    def _problems(self) -> tuple[Problem, ...]:
        return tuple(sorted({*self._loaded.problems, *check_cluster(self._index.resources, self._options)}))

    @cached_property
    def _references(self) -> tuple[Reference, ...]:
        return tuple(references(self._index, self._options))

    def problems(self, found: Object) -> list[Problem]:
        return [each for each in self._problems if each.resource == str(found.id)]

    def concerned(self, found: Object) -> Concerned:
        key = (found.id.namespace, found.id.name) if found.id.kind.namespaced else found.id.name
        return concerned_by(self._index, found.id.kind.kind, key, self._options)

    def count_of_nodes(self) -> int:
        return len(self._index.nodes)

    def refers_to(self, found: Object) -> list[Reference]:
        return [each for each in self._references if each.source == str(found.id)]

    def referred_by(self, found: Object) -> list[Reference]:
        return [each for each in self._references if each.target == str(found.id)]


@dataclass(frozen=True, slots=True)
class Events:
    """Of an API server; `unknown` why they are not known, "" where they are."""

    items: tuple[Data, ...] = ()
    unknown: str = ""


def description(found: Object, around: Surroundings | None, events: Events | None, now: float) -> str:
    """`around` None: it is not known. `events` None: the datastore has none."""
    lines = [*_head(found, now), *_fields(found)]
    if found.id.kind is NODE_PLAN:
        lines += _plan(found)
    elif around is not None:
        lines += _around(found, around)
    if events is not None:
        lines += _events(events, now)
    return "".join(f"{line}\n" for line in lines)


def _line(title: str, text: str) -> str:
    return f"{title + ':':<{WIDTH}}{text}"


def _head(found: Object, now: float) -> Iterator[str]:
    yield _line("Name", found.id.name)
    if found.id.namespace:
        yield _line("Namespace", found.id.namespace)
    yield _line("Kind", f"{found.id.kind.kind} ({found.data.get('apiVersion', '')})")
    yield _line("Labels", pairs(found.labels) or NONE)
    annotations = {key: value for key, value in found.annotations.items() if key != LAST_APPLIED}
    yield from _several("Annotations", [f"{key}: {value}" for key, value in sorted(annotations.items())])
    if found.place.file:
        yield _line("File", f"{found.place.file}:{found.place.line}")
    if created := found.metadata.get("creationTimestamp"):
        yield _line("Created", f"{created} ({age(str(created), now)} ago)")
    if deleted := found.metadata.get("deletionTimestamp"):
        waits = ", ".join(map(str, found.metadata.get("finalizers", ()))) or "nothing"
        yield _line("Deleted", f"{deleted}; waits for {waits}")


def _several(title: str, texts: Sequence[str]) -> Iterator[str]:
    for place, text in enumerate(texts or [NONE]):
        yield _line(title, text) if not place else f"{'':<{WIDTH}}{text}"


def _fields(found: Object) -> Iterator[str]:
    """Everything else, as it is written."""
    data = shown(found)
    rest = {key: value for key, value in data.items() if key not in _HEAD}
    if found.id.kind is SECRET_KIND:
        rest = {key: value for key, value in rest.items() if key not in ("data", "stringData")}
    if isinstance(rest.get("status"), Mapping):
        rest["status"] = {key: value for key, value in rest["status"].items() if key not in _NO_AFFAIR_OF_OURS}
    if found.id.kind is NODE_PLAN and isinstance(rest.get("spec"), Mapping):
        rest["spec"] = {key: value for key, value in rest["spec"].items() if key not in ("plan", "compressed")}
    metadata = {key: value for key, value in data["metadata"].items() if key not in _SHOWN_METADATA | BOOKKEEPING}
    for key, value in (({"metadata": metadata} if metadata else {}) | rest).items():
        yield from _field(key, value)
    if found.id.kind is SECRET_KIND:
        sizes = (
            f"{key}: {'not base64' if size < 0 else f'{size} octets'}" for key, size in secret_sizes(found).items()
        )
        yield from _several("Keys", list(sizes))


def _field(key: str, value: Any) -> Iterator[str]:
    title = key[:1].upper() + key[1:]
    if isinstance(value, (Mapping, list, tuple)) and value:
        yield f"{title}:"
        yield from (f"  {line}" for line in yaml_text(value).splitlines())
    else:
        yield _line(title, yaml_text(value).strip().removesuffix("\n..."))


def _plan(found: Object) -> Iterator[str]:
    from bgpctl.cli.objects.plan_object import plan_text
    from bgpctl.node_plan.spec import UnreadablePlanError

    try:
        text = plan_text(found)
    except UnreadablePlanError as error:
        yield _line("Plan", f"not readable: {error}")
        return
    yield "Plan:"
    yield from (f"  {line}".rstrip() for line in text.splitlines())


def _around(found: Object, around: Surroundings) -> Iterator[str]:
    concerned = around.concerned(found)
    yield _line("Nodes", _nodes(concerned, around.count_of_nodes()))
    if concerned.sessions:
        sessions = [
            f"{node} to {each.peer_address}{f' ({each.peer_node})' if each.peer_node else ''}, AS {each.peer_as}"
            for node, each in concerned.sessions
        ]
        yield from _several("Sessions", _first(sessions))
    if concerned.suppressed:
        suppressed = [f"{node} to {each.peer_address}: {each.reason}" for node, each in concerned.suppressed]
        yield from _several("Suppressed", _first(suppressed))
    targets = _grouped((each.target, each.field) for each in around.refers_to(found))
    sources = _grouped((each.source, each.field) for each in around.referred_by(found))
    yield from _several("Refers to", _first(targets))
    yield from _several("Referred by", _first(sources))
    problems = [f"{each.severity}: {each.path}: {each.message} [{each.code}]" for each in around.problems(found)]
    yield from _several("Problems", problems)


def _nodes(concerned: Concerned, in_all: int) -> str:
    if not concerned.nodes:
        return f"none of {in_all}"
    names = ", ".join(concerned.nodes[:MOST_NAMES]) + (", ..." if len(concerned.nodes) > MOST_NAMES else "")
    count = f"{len(concerned.nodes)} of {in_all}"
    return f"{names} ({count})" if concerned.is_certain else f"{names} (at most {count})"


def _grouped(named: Iterable[tuple[str, str]]) -> list[str]:
    """Each of them once, with every field that names it."""
    fields: dict[str, list[str]] = {}
    for name, field in named:
        fields.setdefault(name, []).append(field)
    return [f"{name} ({', '.join(dict.fromkeys(each))})" for name, each in fields.items()]


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_NAMES
    return lines if more <= 1 else [*lines[:MOST_NAMES], f"and {more} more"]


def _events(events: Events, now: float) -> Iterator[str]:
    if events.unknown:
        yield _line("Events", f"not known: {events.unknown}")
        return
    rows = [_event(each, now) for each in sorted(events.items, key=_last_seen)]
    if not rows:
        yield _line("Events", NONE)
        return
    titles = ("LAST SEEN", "TYPE", "REASON", "FROM", "MESSAGE")
    widths = [max(len(row[place]) for row in (titles, *rows)) for place in range(len(titles))]
    yield "Events:"
    for row in (titles, *rows):
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _event(event: Data, now: float) -> tuple[str, ...]:
    count = event.get("count") or 1
    seen = age(_last_seen(event), now) + (f" (x{count})" if isinstance(count, int) and count > 1 else "")
    source = event.get("source")
    component = source.get("component") if isinstance(source, Mapping) else None
    texts = (event.get("type"), event.get("reason"), component or event.get("reportingComponent"), event.get("message"))
    return (seen, *(str(each or "-").replace("\n", " ") for each in texts))


def _last_seen(event: Data) -> str:
    metadata = event.get("metadata")
    created = metadata.get("creationTimestamp") if isinstance(metadata, Mapping) else None
    return str(event.get("lastTimestamp") or event.get("eventTime") or created or "")
