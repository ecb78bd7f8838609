"""A directory into which an archive is restored. One that is not there is made, all of it or nothing; in one that is
there, objects are changed where they stand, with all else in their files left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from bgpctl.archive.directory import check_new, write_directory
from bgpctl.archive.files import files_of
from bgpctl.archive.for_cluster import PRUNED
from bgpctl.archive.kept import is_reduced, kept
from bgpctl.archive.step import Action, Rehearsal, Result, Step
from bgpctl.errors import NotReadyError
from bgpctl.objects import KINDS, NODE_PLAN, Change, Object, Outcome, Prepared, PreparedChange, Query, open_store
from bgpctl.yaml_source.edit import same

_ACTIONS = {
    Outcome.CREATED: Action.CREATED,
    Outcome.CONFIGURED: Action.CONFIGURED,
    Outcome.DELETED: Action.DELETED,
    Outcome.UNCHANGED: Action.UNCHANGED,
    Outcome.ABSENT: Action.UNCHANGED,
}


class DirectoryTarget:
    """`path` is a directory."""

    def __init__(self, path: Path) -> None:
        """Raises NotReadyError."""
        self.name = str(path)
        self._path = path
        self.is_new = not path.exists()
        if self.is_new:
            check_new(path)
        elif not path.is_dir():
            raise NotReadyError(f"{path} is no directory")
        self._files: Mapping[str, str] = {}
        self._prepared = Prepared()

    def rehearse(self, archived: Iterable[Object], *, prune: bool) -> Rehearsal:
        """Raises NotReadyError."""
        found = list(archived)
        if self.is_new:
            self._files = files_of(kept(each) for each in found)
            steps = tuple(Step(each.id, Action.CREATED, None, kept(each), kept(each)) for each in found)
            return Rehearsal(steps, {str(self._path / name): text for name, text in self._files.items()})
        self._prepared = asyncio.run(self._prepare(found, prune=prune))
        return Rehearsal(tuple(map(_step, self._prepared.changes)), self._prepared.sources)

    def write(self, rehearsal: Rehearsal) -> tuple[Result, ...]:
        """Raises NotReadyError where nothing can be written."""
        if self.is_new:
            write_directory(self._path, self._files)
            return tuple(Result(step) for step in rehearsal.written)
        written = asyncio.run(self._write())
        return tuple(
            Result(step, failed) for step, failed in zip(rehearsal.steps, written, strict=True) if step.is_written
        )

    async def _prepare(self, archived: list[Object], *, prune: bool) -> Prepared:
        async with open_store(self._path) as store:
            found = await store.read(Query(tuple(kind for kind in KINDS if kind is not NODE_PLAN)))
            if found.failures:
                raise NotReadyError(f"{self.name} cannot be read as a whole: {'; '.join(found.failures)}")
            wanted = {each.id for each in archived}
            gone = (each.id for each in found.objects if each.id not in wanted and each.id.kind.kind in PRUNED)
            deletions = [Change(each, None) for each in dict.fromkeys(gone)] if prune else []
            now = {each.id: each for each in found.objects}
            return await store.prepare([*(_change(each, now.get(each.id)) for each in archived), *deletions])

    async def _write(self) -> list[str]:
        async with open_store(self._path) as store:
            return [each.failed for each in await store.write(self._prepared)]


def _change(archived: Object, now: Object | None) -> Change:
    """Of an object that an archive has in part only, what the file has more is not touched."""
    wanted = kept(archived)
    if now is not None and same(kept(now), wanted):
        return Change(archived.id, now.data)
    return Change(archived.id, wanted, adds=is_reduced(archived.id.kind))


def _step(prepared: PreparedChange) -> Step:
    was, becomes = (found.data if found else None for found in (prepared.was, prepared.becomes))
    return Step(prepared.id, _ACTIONS[prepared.outcome], was, becomes, becomes, refused=prepared.refused)
