"""The kernel's inotify on an asyncio loop: wakes when something happens in a set of directories, and only then.

Written here and not taken from watchfiles because that library looks into its queue many times a second: 0.2 % of a
core for each idle process, a whole core for the 500 agents of a large lab. This costs nothing while nothing
happens. See inotify(7).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

_IN_MODIFY = 0x2
_IN_ATTRIB = 0x4
_IN_CLOSE_WRITE = 0x8
_IN_MOVED = 0xC0
_IN_CREATE = 0x100
_IN_DELETE = 0x200
_IN_DELETE_SELF = 0x400
_IN_MOVE_SELF = 0x800
_IN_ONLYDIR = 0x1000000
_CHANGES = (
    _IN_MODIFY
    | _IN_ATTRIB
    | _IN_CLOSE_WRITE
    | _IN_MOVED
    | _IN_CREATE
    | _IN_DELETE
    | _IN_DELETE_SELF
    | _IN_MOVE_SELF
    | _IN_ONLYDIR
)
_EVENT = struct.Struct("iIII")
_BUFFER = 64 * 1024

# After one of these a file that was being written is as its writer left it.
_FINISHED = _IN_CLOSE_WRITE | _IN_MOVED | _IN_DELETE
# Everything may have changed: the queue overflowed, or a watched directory itself went away.
ANYTHING = ""


class Inotify:
    """Watches directories, not what lies below them. Raises OSError when the machine has no inotify to give
    (fs.inotify.max_user_instances, 128 by default) or no watch (max_user_watches)."""

    def __init__(self, rest: float) -> None:
        """`rest`: seconds without a write after which a file counts as complete though its writer has it open."""
        self._rest = rest
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        # Several names where links lead to one directory.
        self._directories: dict[int, list[str]] = {}
        self._changed: set[str] = set()
        # Files that were written to and not closed yet, with the time of the last write.
        self._unfinished: dict[str, float] = {}
        self._awake = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def __enter__(self) -> Inotify:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def watch(self, directories: Iterable[str]) -> None:
        """Watch exactly these from now on. One that is not there or closed is passed over: its parent reports it."""
        before = self._directories
        self._directories = {}
        for directory in directories:
            watch = self._libc.inotify_add_watch(self._fd, os.fsencode(directory), _CHANGES)
            if watch >= 0:
                self._directories.setdefault(watch, []).append(directory)
            elif not isinstance(
                error := _last_error(directory), FileNotFoundError | NotADirectoryError | PermissionError
            ):
                raise error
        for watch in before.keys() - self._directories.keys():
            # Fails when the directory is gone, and its watch with it.
            self._libc.inotify_rm_watch(self._fd, watch)

    async def changed(self, quiet: float, limit: float, is_awaited: Callable[[str], bool]) -> set[str]:
        """Waits for a change, then until nothing happened for `quiet` seconds or `limit` seconds passed, and then for
        the files that are being written and `is_awaited`: until they are closed, or are at rest.

        Returns the paths that changed; ANYTHING among them when they are not known.
        """
        await self._awake.wait()
        await self._until_quiet(quiet, limit)
        while (remaining := self._until_rest(is_awaited)) > 0:
            await self._woken(remaining)
        self._awake.clear()
        changed, self._changed = self._changed, set()
        return changed

    async def _until_quiet(self, quiet: float, limit: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit
        while (remaining := deadline - loop.time()) > 0:
            if not await self._woken(min(quiet, remaining)):
                return

    async def _woken(self, seconds: float) -> bool:
        """Whether anything happened within this time."""
        self._awake.clear()
        try:
            await asyncio.wait_for(self._awake.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _until_rest(self, is_awaited: Callable[[str], bool]) -> float:
        """Seconds until all awaited files count as at rest; not more than 0 when they do."""
        now = asyncio.get_running_loop().time()
        self._unfinished = {path: at for path, at in self._unfinished.items() if at + self._rest > now}
        return max((at + self._rest - now for path, at in self._unfinished.items() if is_awaited(path)), default=0.0)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, _BUFFER)
        except BlockingIOError:
            return
        offset = 0
        while offset < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, offset)
            offset += _EVENT.size
            name = os.fsdecode(data[offset : offset + length].rstrip(b"\0"))
            offset += length
            directories = self._directories.get(watch, ()) if name else ()
            paths = [str(Path(directory, name)) for directory in directories] or [ANYTHING]
            self._changed.update(paths)
            self._note_writing(paths, mask)
        self._awake.set()

    def _note_writing(self, paths: list[str], mask: int) -> None:
        for path in paths:
            if mask & _FINISHED:
                self._unfinished.pop(path, None)
            elif mask & _IN_MODIFY and path != ANYTHING:
                self._unfinished[path] = asyncio.get_running_loop().time()

    def _checked(self, result: int) -> int:
        if result < 0:
            raise _last_error("inotify")
        return result


def _last_error(subject: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), subject)
