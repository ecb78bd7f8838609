"""Which resource files there are at a path: *.yaml, *.yml and *.json, in the order of their names.

Names that begin with a dot are passed over (editors' and Kubernetes' own), and so are topology files (*.clab.yml).
Symbolic links are followed. What cannot be looked at is a Problem like any other; a path that is not there at all means
that the world is not ready.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from bgpctl.datastore.regular_file import NotReadableError, check_readable
from bgpctl.datastore.text import not_utf8
from bgpctl.errors import NotReadyError
from bgpctl.yaml_source.problem import Problem
from reflector.event_loop import OUT_OF_RESOURCES

# A path that is read from there, once; a file of that name is ./-
STANDARD_INPUT = "-"
SUFFIXES = (".yaml", ".yml", ".json")
TOPOLOGY_SUFFIXES = (".clab.yml", ".clab.yaml")

# What a link that is no resource file may end with: there is no directory behind it that might have some.
GONE = frozenset({errno.ENOENT})
LEADS_NOWHERE = GONE | {errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}

# A link may lead to the root of a file system.
MOST_DIRECTORIES = 10_000

# What changes when a file does: device, inode, size, and the times (in ns) of its data and of its inode.
Signature = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Listing:
    """What there is to read: files with their signatures, the directories in which they were looked for (with
    device and inode, for another one may come by the same name), and which of the files are symbolic links."""

    files: dict[str, Signature]
    directories: tuple[tuple[str, int, int], ...]
    links: tuple[str, ...]
    problems: tuple[Problem, ...]
    lacks_resources: bool = False


def is_resource_file(name: str) -> bool:
    """Whether a file of this name in a directory is read."""
    is_hidden, ending = name.startswith("."), name.lower()
    return not is_hidden and ending.endswith(SUFFIXES) and not ending.endswith(TOPOLOGY_SUFFIXES)


def list_files(path: Path) -> Listing:
    """The resource files at a path, sorted by name. Raises NotReadyError when the path is not there."""
    if str(path) == STANDARD_INPUT:
        return Listing({STANDARD_INPUT: (0, 0, 0, 0, 0)}, (), (), ())
    try:
        status = path.stat()
    except OSError as error:
        raise NotReadyError(f"cannot read resources from {path}: {error.strerror or error}") from error
    if not stat.S_ISDIR(status.st_mode):
        return Listing({str(path): _signature(status)}, (), (), ())
    walk = _Walk()
    walk.through(str(path))
    return Listing(
        dict(sorted(walk.files.items())),
        tuple(walk.directories),
        tuple(walk.links),
        tuple(walk.problems),
        walk.lacks_resources,
    )


class _Walk:
    """What was found so far in a tree; through links, but into each directory once."""

    def __init__(self) -> None:
        self.files: dict[str, Signature] = {}
        self.directories: list[tuple[str, int, int]] = []
        self.links: list[str] = []
        self.problems: list[Problem] = []
        self.lacks_resources = False
        self._seen: set[tuple[int, int]] = set()

    def through(self, path: str) -> None:
        """The tree at this path. Without recursion: directories can lie thousands deep."""
        waiting = [path]
        while waiting:
            if len(self._seen) == MOST_DIRECTORIES:
                reason = f"it has more than {MOST_DIRECTORIES} directories; does a link lead out of it?"
                self._report(path, NotReadableError(errno.EFBIG, reason))
                return
            waiting += self._enter(waiting.pop())

    def _enter(self, directory: str) -> list[str]:
        """Takes the files of a directory. Returns the directories in it."""
        try:
            status = Path(directory).stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return []
            self._seen.add((status.st_dev, status.st_ino))
            self.directories.append((directory, status.st_dev, status.st_ino))
            with os.scandir(directory) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            self._report(directory, error)
            return []
        return [entry.path for entry in visible if self._is_directory(entry)]

    def _is_directory(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is to be entered; a resource file is taken. Links may loop, or lead where we may not look."""
        is_file = is_resource_file(entry.name)
        if not (is_file or entry.is_symlink() or entry.is_dir(follow_symlinks=False)):
            return False
        try:
            if is_file and entry.is_symlink():
                self.links.append(entry.path)
            status = entry.stat()
            is_directory = stat.S_ISDIR(status.st_mode)
            if is_directory or is_file:
                entry.path.encode()
            if is_file and not is_directory:
                check_readable(status)
                self.files[entry.path] = _signature(status)
        except (OSError, UnicodeEncodeError) as error:
            leads_nowhere = LEADS_NOWHERE if entry.is_symlink() else GONE
            if is_file or not (isinstance(error, OSError) and error.errno in leads_nowhere):
                self._report(entry.path, error)
            return False
        return is_directory

    def _report(self, path: str, error: OSError | UnicodeEncodeError) -> None:
        self.problems.append(unreadable(path, error))
        self.lacks_resources |= is_transient(error)


def is_transient(error: Exception) -> bool:
    """The file is not to blame."""
    return isinstance(error, OSError) and error.errno in OUT_OF_RESOURCES


def _signature(status: os.stat_result) -> Signature:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def unreadable(name: str, error: Exception) -> Problem:
    """The name of a file is octets, and is shown as text: those that are none as \\xff."""
    name, line = os.fsencode(name).decode(errors="backslashreplace"), 0
    if isinstance(error, UnicodeEncodeError):
        message = "its name is not UTF-8; rename it"
    elif isinstance(error, UnicodeDecodeError):
        line, message = not_utf8(error)
    else:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"cannot be read: {reason}"
    return Problem(name, line, "", "$", "unreadable-file", message)
