"""A directory of files, or a single one, as a Store.

An object that is applied is what the directory has of it from then on: what is not in it is not in the file any more.
One that is new gets a file of its own, KIND-NAME.yaml, or comes behind the others where the datastore is one file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from bgpctl.datastore.listing import STANDARD_INPUT
from bgpctl.errors import NotReadyError
from bgpctl.objects.directory.file_edit import Replacement, added_text, changed_text, document_text
from bgpctl.objects.directory.files import (
    PATIENCE,
    ChangedMeanwhileError,
    FilesRead,
    NotWrittenError,
    read_files,
    write_files,
)
from bgpctl.objects.documents import ObjectFile, Standing, read_objects
from bgpctl.objects.kinds import SECRET_KIND
from bgpctl.objects.object import Data, Object, ObjectId, meaning, merged
from bgpctl.objects.store import Change, Event, Found, Outcome, Prepared, PreparedChange, Query, Seen, Written
from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.edit import same
from bgpctl.yaml_source.problem import Location

ENDING = ".yaml"
UNREADABLE = "unreadable-file"


@dataclass(frozen=True)
class _PreparedFiles(Prepared):
    """`read`: what the directory was then. `private`: new files that have secrets in them."""

    read: FilesRead = field(default_factory=FilesRead)
    private: frozenset[str] = frozenset()


class DirectoryStore:
    """`path` is a directory or a file, or standard input (-), which is only read."""

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        """`patience`: seconds that another command of ours may take to write."""
        self._path = path
        self._patience = patience
        self._files: dict[str, tuple[str, ObjectFile]] = {}
        self._given: FilesRead | None = None

    @property
    def name(self) -> str:
        return str(self._path)

    async def close(self) -> None:
        """Nothing is held open."""

    async def read(self, query: Query) -> Found:
        return await asyncio.to_thread(self._read, query)

    async def events(self, about: ObjectId) -> tuple[tuple[Data, ...], str]:  # noqa: ARG002  files have none
        return (), ""

    async def prepare(self, changes: Sequence[Change], *, rehearsed: bool = True, force: bool = False) -> Prepared:  # noqa: ARG002  files belong to whoever may write them
        return await asyncio.to_thread(self._prepare, changes)

    async def write(self, prepared: Prepared) -> tuple[Written, ...]:
        return await asyncio.to_thread(self._write, prepared)

    async def watch(self, query: Query) -> AsyncGenerator[Seen, None]:
        from bgpctl.datastore.watch import watch_directory

        self._check_is_kept("watched")
        faults: list[Exception] = []
        seeing = _Seeing(query)
        is_first = True
        async with aclosing(watch_directory(self._path, faults.append)) as values:
            async for loaded in values:
                if faults:
                    raise faults[0]
                unread = [str(each) for each in loaded.problems if each.code == UNREADABLE]
                for seen in seeing.take({name: file.text for name, file in loaded.files.items()}, unread):
                    yield seen
                if is_first:
                    yield Seen(Event.SYNCED)
                    is_first = False

    # -------------------------------------------------------------------------------------------- inside

    def _read(self, query: Query) -> Found:
        read, files = self._now()
        failures = (*read.failures, *(str(problem) for file in files.values() for problem in file.problems))
        return Found(tuple(_selected((each for file in files.values() for each in file.objects), query)), failures)

    def _check_is_kept(self, what: str) -> None:
        if str(self._path) == STANDARD_INPUT:
            raise NotReadyError(f"standard input cannot be {what}; name a file or a directory")

    def _now(self) -> tuple[FilesRead, dict[str, ObjectFile]]:
        """The files as they are; what has not changed is not looked through again."""
        read = self._given or read_files(self._path)
        if str(self._path) == STANDARD_INPUT:
            self._given = read
        self._files = _looked_through(read.texts, self._files)
        return read, {name: file for name, (_, file) in self._files.items()}

    def _prepare(self, changes: Sequence[Change]) -> Prepared:
        self._check_is_kept("written")
        read, files = self._now()
        standing: dict[ObjectId, list[Standing]] = {}
        for file in files.values():
            for each in file.objects:
                standing.setdefault(each.object.id, []).append(each)
        prepared = [_prepared(change, standing.get(change.id, [])) for change in changes]
        edits = _Edits(self._path, read, files)
        for change in prepared:
            if not change.refused:
                edits.take(change, standing.get(change.id, []))
        return _PreparedFiles(tuple(map(edits.placed, prepared)), edits.texts(), read, frozenset(edits.private))

    def _write(self, prepared: Prepared) -> tuple[Written, ...]:
        if not isinstance(prepared, _PreparedFiles):
            raise TypeError("what a directory writes is what it has prepared")
        failed, done = "", frozenset[str]()
        try:
            write_files(self._path, prepared.sources, prepared.read, prepared.private, self._patience)
        except ChangedMeanwhileError as error:
            failed = str(error)
        except NotWrittenError as error:
            failed, done = str(error), error.done
        return tuple(
            Written(each, each.refused or (failed if _file_of(each) not in done and _is_written(each) else ""))
            for each in prepared.changes
        )


class _Edits:
    """Changes gathered file by file."""

    def __init__(self, path: Path, read: FilesRead, files: Mapping[str, ObjectFile]) -> None:
        self.private: set[str] = set()
        self._path, self._read, self._files = path, read, files
        self._replaced: dict[str, list[Replacement]] = {}
        self._added: dict[str, list[str]] = {}
        self._places: dict[ObjectId, Location] = {}

    def take(self, change: PreparedChange, standing: Sequence[Standing]) -> None:
        wanted = change.becomes.data if change.becomes else None
        if change.outcome in (Outcome.CONFIGURED, Outcome.DELETED):
            for each in standing:
                self._replaced.setdefault(each.object.place.file, []).append((each, wanted))
        elif change.outcome is Outcome.CREATED and wanted is not None:
            self._add(change.change, wanted)

    def placed(self, change: PreparedChange) -> PreparedChange:
        """With the place of a new object."""
        if change.becomes is None or change.id not in self._places:
            return change
        becomes = Object(change.id, change.becomes.data, self._places[change.id])
        return PreparedChange(change.change, change.outcome, change.was, becomes, change.refused)

    def texts(self) -> dict[str, str | None]:
        texts: dict[str, str | None] = {
            name: changed_text(self._files[name], replaced) for name, replaced in self._replaced.items()
        }
        for name, documents in self._added.items():
            before = texts[name] if name in texts else self._read.texts.get(name, "")
            texts[name] = added_text(before or "", name, documents)
        return {name: text for name, text in texts.items() if text != self._read.texts.get(name)}

    def _add(self, change: Change, wanted: Data) -> None:
        name = self._new_name(change.id)
        if change.id.kind is SECRET_KIND and name not in self._read.octets:
            self.private.add(name)
        is_as_given = change.text and name.endswith(ENDING) and same(read_document(change.text).data, wanted)
        self._added.setdefault(name, []).append(change.text if is_as_given else document_text(wanted, name))
        self._places[change.id] = Location(name, 0)

    def _new_name(self, wanted: ObjectId) -> str:
        if not self._path.is_dir():
            return str(self._path)
        parts = (wanted.kind.singular, wanted.namespace, wanted.name.replace("/", "_"))
        stem = "-".join(part for part in parts if part)
        names = (f"{stem}{ENDING}", *(f"{stem}-{number}{ENDING}" for number in range(2, 10_000)))
        paths = (self._path / name for name in names)
        return next(str(path) for path in paths if not path.exists() and str(path) not in self._added)


def _prepared(change: Change, standing: Sequence[Standing]) -> PreparedChange:
    was = standing[0].object if standing else None
    if change.wanted is None:
        return PreparedChange(change, Outcome.DELETED if was else Outcome.ABSENT, was)
    data = meaning(change.wanted)
    if was is None:
        return PreparedChange(change, Outcome.CREATED, None, Object(change.id, data))
    becomes = Object(change.id, merged(was.data, data) if change.adds else data, was.place)
    if len(standing) > 1:
        places = " and ".join(f"{each.object.place.file}:{each.object.place.line}" for each in standing)
        return PreparedChange(
            change, Outcome.UNCHANGED, was, was, f"{change.id} stands in {places}; remove all but one of them"
        )
    outcome = Outcome.UNCHANGED if same(meaning(was.data), meaning(becomes.data)) else Outcome.CONFIGURED
    return PreparedChange(change, outcome, was, becomes)


def _file_of(change: PreparedChange) -> str:
    found = change.becomes or change.was
    return found.place.file if found else ""


def _is_written(change: PreparedChange) -> bool:
    return change.outcome in (Outcome.CREATED, Outcome.CONFIGURED, Outcome.DELETED)


def _looked_through(
    texts: Mapping[str, str], before: Mapping[str, tuple[str, ObjectFile]]
) -> dict[str, tuple[str, ObjectFile]]:
    """Texts with what is in them."""
    return {
        name: before[name] if name in before and before[name][0] == text else (text, read_objects(name, text))
        for name, text in texts.items()
    }


def _selected(standing: Iterable[Standing], query: Query) -> list[Object]:
    return [each.object for each in standing if query.selects(each.object)]


class _Seeing:
    """What was seen of a directory the last time."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._files: dict[str, tuple[str, ObjectFile]] = {}
        self._objects: dict[tuple[ObjectId, str], Object] = {}
        self._failures: frozenset[str] = frozenset()

    def take(self, texts: Mapping[str, str], unread: Iterable[str]) -> list[Seen]:
        """What is different now."""
        self._files = _looked_through(texts, self._files)
        files = [file for _, file in self._files.values()]
        found = _selected((each for file in files for each in file.objects), self._query)
        failures = frozenset((*unread, *(str(problem) for file in files for problem in file.problems)))
        seen = [
            *self._changed({(each.id, each.place.file): each for each in found}),
            *(Seen(Event.MODIFIED, failure=failure) for failure in sorted(failures - self._failures)),
        ]
        self._failures = failures
        return seen

    def _changed(self, now: dict[tuple[ObjectId, str], Object]) -> Iterator[Seen]:
        before, self._objects = self._objects, now
        for key, found in now.items():
            if key not in before:
                yield Seen(Event.ADDED, found)
            elif not same(before[key].data, found.data):
                yield Seen(Event.MODIFIED, found)
        yield from (Seen(Event.DELETED, found) for key, found in before.items() if key not in now)
