"""Objects printed once, or as they change.

Rule: what cannot be read is a line on standard error, and the rest is shown; the exit status says which it was.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from bgpctl.cli.declare import echo
from bgpctl.cli.objects.asked import Asked
from bgpctl.cli.objects.columns import OF_METADATA, Around, Labels, columns_of
from bgpctl.cli.objects.forms import Form, data_text, names_text, objects_text
from bgpctl.cli.objects.hidden import shown
from bgpctl.cli.objects.table import GrowingTable
from bgpctl.cli.program import program_name
from bgpctl.kubernetes.access import Access
from bgpctl.objects.kinds import ObjectKind, kinds_named
from bgpctl.objects.object import Object
from bgpctl.objects.opening import open_store
from bgpctl.objects.store import Event, Found, Query, Seen, Store

NOT_FOUND, NOT_READY = 1, 2
# An object and what has happened to it, as the cells of a row.
Row = Callable[[Object, Around, str], list[str]]


@dataclass(frozen=True, slots=True)
class Look:
    """How objects are printed. `events`: with a column for what has happened to each."""

    form: Form
    headers: bool = True
    labels: bool = False
    managed_fields: bool = False
    events: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    asked: Asked
    query: Query


class Showing:
    """`ignores_absent`: a name that is not there is no error."""

    def __init__(self, place: Path | Access, look: Look, *, ignores_absent: bool) -> None:
        self._place = place
        self._look = look
        self._ignores_absent = ignores_absent

    async def once(self, questions: Sequence[Question]) -> int:
        """The exit status."""
        async with open_store(self._place) as store:
            answers = [await store.read(self._query(each.query)) for each in questions]
            objects = [
                found
                for question, answer in zip(questions, answers, strict=True)
                for found in in_order(answer.objects, question.query.kinds)
            ]
            around = await self._around(store, objects)
        is_one = len(questions) == 1 and len(questions[0].asked.names) == 1
        form = self._look.form
        if form.is_data:
            if objects or not is_one:
                _write(objects_text(objects, form, is_one=is_one, managed_fields=self._look.managed_fields))
        elif form is Form.NAME:
            _write(names_text(objects))
        else:
            self._print_tables(objects, around, names_kinds=any(each.asked.is_several for each in questions))
        return self._status(questions, answers)

    async def watched(self, question: Question, *, changes_only: bool) -> int:
        """Until it is interrupted; the exit status where it does not come to that."""
        async with (
            open_store(self._place) as store,
            aclosing(store.watch(question.query)) as events,
        ):
            first, failures = await _first(events)
            if status := self._status([question], [Found(tuple(first), tuple(failures))]):
                return status
            printing = _Printing(self._look, names_kinds=question.asked.is_several)
            if not changes_only:
                around = await self._around(store, first)
                printing.print([(Event.ADDED, each) for each in in_order(first, question.query.kinds)], around)
            async for seen in events:
                if seen.object is None:
                    echo(f"{program_name()}: {seen.failure}", err=True)
                else:
                    printing.print([(seen.event, seen.object)], await self._around(store, [seen.object]))
        return 0

    def _query(self, query: Query) -> Query:
        """A cluster sends no more than is shown: Nodes of Kubernetes are large, and their columns are annotations."""
        if self._look.form.is_data:
            return query
        enough = query.kinds if self._look.form is Form.NAME else OF_METADATA
        return replace(query, metadata_only=frozenset(enough))

    async def _around(self, store: Store, objects: Iterable[Object]) -> Around:
        """Nodes are asked for where a column counts them."""
        is_cluster, nodes = isinstance(self._place, Access), None
        is_table = self._look.form in (Form.TABLE, Form.WIDE)
        if is_table and any(each.id.kind.kind == "BGPPeer" for each in objects):
            nodes = await node_labels(store)
        return Around(nodes, time.time(), is_cluster)

    def _print_tables(self, objects: Sequence[Object], around: Around, *, names_kinds: bool) -> None:
        kinds = list(dict.fromkeys(each.id.kind for each in objects))
        for place, kind in enumerate(kinds):
            if place:
                echo("")
            table, row = _table(kind, self._look, around, names_kinds=names_kinds or len(kinds) > 1)
            table.add([row(each, around, "") for each in objects if each.id.kind is kind])

    def _status(self, questions: Sequence[Question], answers: Sequence[Found]) -> int:
        """What is not there, and what cannot be read, is named."""
        status = 0
        for failure in dict.fromkeys(failure for answer in answers for failure in answer.failures):
            echo(f"{program_name()}: {failure}", err=True)
            status = NOT_READY
        for question, answer in zip(questions, answers, strict=True):
            there = {each.id.name for each in answer.objects}
            for name in question.asked.names:
                if name not in there and not self._ignores_absent and not answer.failures:
                    echo(f"{program_name()}: {question.asked.kinds[0].kind}/{name} not found", err=True)
                    status = status or NOT_FOUND
        is_empty = not any(answer.objects for answer in answers) and not any(each.asked.names for each in questions)
        if is_empty and not status and not self._look.form.is_data:
            echo("No resources found", err=True)
        return status


async def _first(events: AsyncGenerator[Seen, None]) -> tuple[list[Object], list[str]]:
    """What there is at the beginning, and what cannot be read of it."""
    objects: list[Object] = []
    failures: list[str] = []
    async for seen in events:
        if seen.event is Event.SYNCED:
            break
        if seen.object is not None:
            objects.append(seen.object)
        else:
            failures.append(seen.failure)
    return objects, failures


class _Printing:
    """Objects as they come, in the form that is asked for."""

    def __init__(self, look: Look, *, names_kinds: bool) -> None:
        self._look = look
        self._names_kinds = names_kinds
        self._tables: dict[ObjectKind, tuple[GrowingTable, Row]] = {}

    def print(self, seen: Sequence[tuple[Event, Object]], around: Around) -> None:
        form = self._look.form
        if form is Form.NAME:
            _write(names_text(found for _, found in seen))
        elif form.is_data:
            for event, found in seen:
                _write(self._data(event, found))
        else:
            for kind in dict.fromkeys(found.id.kind for _, found in seen):
                if kind not in self._tables:
                    self._tables[kind] = _table(kind, self._look, around, names_kinds=self._names_kinds)
                table, row = self._tables[kind]
                table.add([row(found, around, event.value) for event, found in seen if found.id.kind is kind])

    def _data(self, event: Event, found: Object) -> str:
        data = shown(found, managed_fields=self._look.managed_fields)
        text = data_text({"type": event.value, "object": data} if self._look.events else data, self._look.form)
        return text if self._look.form is Form.JSON else f"---\n{text}"


async def node_labels(store: Store) -> Mapping[str, Labels] | None:
    """Of every Node by name; None where they cannot be read."""
    kinds = kinds_named("nodes")
    answer = await store.read(Query(kinds, metadata_only=frozenset(kinds)))
    if answer.failures:
        return None
    nodes: dict[str, dict[str, str]] = {}
    for node in answer.objects:  # Calico's Node comes second, and its labels win
        nodes[node.id.name] = {**nodes.get(node.id.name, {}), **node.labels}
    return nodes


def in_order(objects: Iterable[Object], kinds: Sequence[ObjectKind]) -> list[Object]:
    """In the order of these kinds, by name."""
    return sorted(objects, key=lambda each: (kinds.index(each.id.kind), each.id.namespace, each.id.name))


def _table(kind: ObjectKind, look: Look, around: Around, *, names_kinds: bool) -> tuple[GrowingTable, Row]:
    columns = columns_of(kind, around, is_wide=look.form is Form.WIDE, labels=look.labels)
    name = next(place for place, column in enumerate(columns) if column.title == "NAME")
    titles = [*(["EVENT"] if look.events else []), *(column.title for column in columns)]

    def row(found: Object, around: Around, event: str) -> list[str]:
        cells = [column.cell(found, around) for column in columns]
        if names_kinds:
            cells[name] = found.id.resource
        return [event, *cells] if look.events else cells

    return GrowingTable(titles, has_headers=look.headers), row


def _write(text: str) -> None:
    if text:
        echo(text.rstrip("\n"))
