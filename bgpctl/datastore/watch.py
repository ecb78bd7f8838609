"""Follows a file or a directory tree: a new Loaded after every change that makes a difference.

The directories of the tree are watched, and beside them the directory of every symbolic link that leads to it, so
that a tree which is swapped as a whole (Kubernetes does so with ConfigMaps, deployments with a `current` link) is
noticed as well. After a change the whole path is read anew; nothing is concluded from events, but for one thing: a file
that is being written is read when it is closed, or at rest. Half a file is valid YAML more often than not.

inotify does not report that a file system is mounted, so every few seconds the directories' device and inode are
compared.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from pathlib import Path

from bgpctl.datastore.directory import DirectoryReader, unusable_file
from bgpctl.datastore.inotify import ANYTHING, Inotify
from bgpctl.datastore.listing import is_resource_file, list_files
from bgpctl.errors import NotReadyError
from bgpctl.resources import Loaded
from bgpctl.yaml_source.problem import Problem

# Seconds: a change is taken up after this long without another, and after LIMIT in any case.
QUIET = 0.03
LIMIT = 0.15

# Seconds without a write after which a file counts as complete though its writer has it open still.
REST = 30.0

# Seconds between looks whether the directories are still the same ones.
IDENTITY_INTERVAL = 5.0

# Seconds between looks where inotify cannot be had; looking takes at most this share of the time.
POLL_INTERVAL = 0.2
POLL_SHARE = 0.02

# Seconds until what failed is read again, and at most after several times.
FIRST_RETRY, LONGEST_RETRY = 0.5, 30.0

# The directories with device and inode, those whose entries matter, and single entries that matter.
_Found = tuple[tuple[tuple[str, int, int], ...], frozenset[str], frozenset[str]]
# None for what cannot be looked at.
_Identity = tuple[int, int] | None


# Takes an exception that reading raised and that is a fault of ours.
Report = Callable[[Exception], None]


async def watch_directory(
    path: str | Path, report: Report, *, patient: bool = False, rest: float = REST
) -> AsyncGenerator[Loaded, None]:
    """Yields the path as it is, then again whenever its resources or problems changed.

    Raises NotReadyError when the path is not there at the start, unless `patient`; later its absence is a Problem, and
    so is, at any time, an exception in reading, which `report` is given. After one, and for want of descriptors or
    memory, the path is read again though nothing has changed. A file that stays open is complete after `rest` seconds
    without a write.
    """
    path = Path(path)
    reader = DirectoryReader(path)
    last, failed = await asyncio.to_thread(_read, reader, path, report, patient=patient)
    yield last
    pause = FIRST_RETRY
    changes = _changes(path, reader, rest)
    change: asyncio.Future[None] | None = None
    try:
        while True:
            change = change or asyncio.ensure_future(anext(changes))
            await asyncio.wait({change}, timeout=pause if failed else None)
            if change.done():
                change.result()
                change = None
            loaded, failed = await asyncio.to_thread(_read, reader, path, report, patient=True)
            pause = min(2 * pause, LONGEST_RETRY) if failed else FIRST_RETRY
            if loaded != last:
                last = loaded
                yield loaded
    finally:
        if change is not None:
            change.cancel()
            await asyncio.wait({change})
        await changes.aclose()


def _read(reader: DirectoryReader, path: Path, report: Report, *, patient: bool) -> tuple[Loaded, bool]:
    """What is there, and whether reading it again may give more. Raises NotReadyError unless `patient`."""
    try:
        return reader.read(), reader.lacks_resources
    except NotReadyError as error:
        if not patient:
            raise
        return _unusable(path, "unreadable-file", str(error)), False
    except Exception as error:  # whatever it is, who follows the path goes on with what was read before
        report(error)
        message = f"reading failed with {type(error).__name__}, a fault of bgpctl"
        return _unusable(path, "internal-error", message), True


def _unusable(path: Path, code: str, message: str) -> Loaded:
    return Loaded(problems=(Problem(str(path), 0, "", "$", code, message),), unusable=(unusable_file(str(path)),))


async def _changes(path: Path, reader: DirectoryReader, rest: float) -> AsyncGenerator[None, None]:
    """Yields whenever the path should be read again; `reader` has what it consisted of the last time.

    Where inotify cannot be had (fs.inotify.max_user_instances is 128 by default, less than the agents of a large
    lab on one machine) the path is looked at from time to time instead.
    """
    with suppress(OSError), Inotify(rest) as inotify:
        async with aclosing(_notified_changes(path, reader, inotify)) as changes:
            async for _ in changes:
                yield
    async with aclosing(_polled_changes(path)) as changes:
        async for _ in changes:
            yield


async def _notified_changes(path: Path, reader: DirectoryReader, inotify: Inotify) -> AsyncGenerator[None, None]:
    """Raises OSError when there are no watches left."""
    watched: _Found | None = None
    while True:
        directories, entries = _what_matters(path, reader)
        found = (reader.listing.directories, directories, entries)
        if found != watched:
            # Something may have happened before the watch stood: read again at once.
            inotify.watch((*directories, *map(_parent, entries)))
            watched = found
        else:
            await _until_changed(path, reader, inotify, found)
        yield


async def _until_changed(path: Path, reader: DirectoryReader, inotify: Inotify, found: _Found) -> None:
    """Until an event that matters, or another directory has come by a name of ours. Raises OSError."""
    hearing = asyncio.ensure_future(_heard(inotify, found))
    try:
        while not (await asyncio.wait({hearing}, timeout=IDENTITY_INTERVAL))[0]:
            if await asyncio.to_thread(_identities, path, reader) != _identities_read(path, reader):
                return
        hearing.result()
    finally:
        hearing.cancel()


async def _heard(inotify: Inotify, found: _Found) -> None:
    _, directories, entries = found

    def is_read(path: str) -> bool:
        """A neighbour of a watched entry may be a log that is written for ever."""
        return path in entries or (_parent(path) in directories and is_resource_file(Path(path).name))

    while not _concerns(await inotify.changed(QUIET, LIMIT, is_read), directories, entries):
        pass


def _identities_read(path: Path, reader: DirectoryReader) -> dict[str, _Identity]:
    """Device and inode of what was read the last time."""
    file = reader.listing.files.get(str(path))
    directories = {name: (device, inode) for name, device, inode in reader.listing.directories}
    return {str(path): file[:2] if file else None} | directories


def _identities(path: Path, reader: DirectoryReader) -> dict[str, _Identity]:
    """The same of what is there now; this may wait for a network."""
    return {name: _identity(name) for name in _identities_read(path, reader)}


def _identity(name: str) -> _Identity:
    try:
        status = Path(name).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino)


async def _polled_changes(path: Path) -> AsyncGenerator[None, None]:
    """Two looks have to be the same before what they see is read."""
    loop = asyncio.get_running_loop()
    before: object = None
    taken: object = None
    while True:
        started = loop.time()
        now = await asyncio.to_thread(_look, path)
        if now == before and now != taken:
            taken = now
            yield
        before = now
        await asyncio.sleep(max(POLL_INTERVAL, (loop.time() - started) / POLL_SHARE))


def _look(path: Path) -> object:
    try:
        return list_files(path)
    except NotReadyError as error:
        return str(error)


def _what_matters(path: Path, reader: DirectoryReader) -> tuple[frozenset[str], frozenset[str]]:
    """The directories whose entries matter, and single entries that matter: the path and all links to it."""
    linked = {_parent(os.path.realpath(link)) for link in reader.listing.links}
    directories = frozenset(directory for directory, _, _ in reader.listing.directories)
    return directories | linked, _entries(path)


def _entries(path: Path) -> frozenset[str]:
    """The path and every link on the way to what it stands for, as absolute text."""
    entries: set[str] = set()
    waiting = [path.absolute()]
    while waiting:
        here = waiting.pop()
        entries.add(str(here))
        for part in (here, *here.parents):
            target = _target(part)
            if target is not None and (part == here or str(part) not in entries):
                entries.add(str(part))
                if str(target) not in entries:
                    waiting.append(target)
    return frozenset(entries)


def _target(part: Path) -> Path | None:
    """What a link leads to; None for what is no link, or may not be looked at."""
    try:
        return part.parent / part.readlink()
    except OSError:
        return None


def _concerns(changed: set[str], directories: frozenset[str], links: frozenset[str]) -> bool:
    """Whether any changed path is one of ours; the neighbours of a watched link are not."""
    return any(path == ANYTHING or path in links or _parent(path) in directories for path in changed)


def _parent(path: str) -> str:
    return str(Path(path).parent)
