"""Resources out of a file, a directory tree or standard input: *.yaml, *.yml and *.json, in the order of their names.

Names that begin with a dot are passed over (editors' and Kubernetes' own), and so are topology files (*.clab.yml).
Symbolic links are followed. A file that cannot be read is a Problem like any other, and so is what is no regular file,
or is too large (regular_file.py), by itself or all together; a path that is not there at all means that the world is
not ready. Reading again costs a look at every file and the reading of those that changed.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from bgpctl.datastore.regular_file import (
    NotReadableError,
    check_readable,
    check_together,
    read_any_file,
    read_regular_file,
)
from bgpctl.datastore.text import not_utf8, text_of
from bgpctl.errors import NotReadyError
from bgpctl.resources import Loaded, parse_documents
from bgpctl.resources.reading.unusable import UNKNOWN, Unusable
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

# A file written to this short a time (in ns) before it was read may change again without looking changed.
UNSETTLED = 1_000_000_000


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


def read_directory(path: str | Path) -> Loaded:
    """All resources and problems of a file or a tree. Raises NotReadyError when the path is not there."""
    return DirectoryReader(path).read()


def read_directories(paths: Iterable[str | Path]) -> Loaded:
    """Several paths as one set. Raises NotReadyError when one of them is not there."""
    return DirectoryReader(*paths).read()


class DirectoryReader:
    """Reads the same paths again and again; remembers what it read.

    lacks_resources   something was not read the last time for want of descriptors or memory, and will be later
    """

    def __init__(self, *paths: str | Path) -> None:
        self.paths = tuple(map(Path, paths))
        self.listing = Listing({}, (), (), ())
        self.lacks_resources = False
        self._loaded = Loaded()
        self._signatures: dict[str, Signature] = {}

    def read(self) -> Loaded:
        """The path as it is now. Raises NotReadyError when it is not there."""
        now = time.time_ns()
        self.listing = listing = _together([list_files(path) for path in self.paths])
        sources: list[tuple[str, str]] = []
        problems = list(listing.problems)
        self.lacks_resources, octets = listing.lacks_resources, 0
        for name, signature in listing.files.items():
            octets += signature[2]
            try:
                check_together(octets)
                sources.append((name, self._text(name, signature)))
            except (OSError, UnicodeDecodeError) as error:
                problems.append(_unreadable(name, error))
                self.lacks_resources |= _is_transient(error)
        loaded = parse_documents(sources, self._loaded)
        self._signatures = {
            name: signature for name, signature in listing.files.items() if now - max(signature[3:]) > UNSETTLED
        }
        unusable = (*loaded.unusable, *(unusable_file(each.file) for each in problems))
        self._loaded = replace(loaded, problems=tuple(sorted((*loaded.problems, *problems))), unusable=unusable)
        return self._loaded

    def _text(self, name: str, signature: Signature) -> str:
        if self._signatures.get(name) == signature and name in self._loaded.files:
            return self._loaded.files[name].text
        # An operator may name a pipe; what stands in a directory may never have been looked at.
        octets = read_any_file(name) if Path(name) in self.paths else read_regular_file(name)
        return text_of(octets)


def is_resource_file(name: str) -> bool:
    """Whether a file of this name in a directory is read."""
    is_hidden, ending = name.startswith("."), name.lower()
    return not is_hidden and ending.endswith(SUFFIXES) and not ending.endswith(TOPOLOGY_SUFFIXES)


def _together(listings: list[Listing]) -> Listing:
    """One listing; a file that is reached by two paths of the same name counts once."""
    return Listing(
        {name: signature for listing in listings for name, signature in listing.files.items()},
        tuple(directory for listing in listings for directory in listing.directories),
        tuple(link for listing in listings for link in listing.links),
        tuple(problem for listing in listings for problem in listing.problems),
        any(listing.lacks_resources for listing in listings),
    )


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
        self.problems.append(_unreadable(path, error))
        self.lacks_resources |= _is_transient(error)


def _is_transient(error: Exception) -> bool:
    """The file is not to blame."""
    return isinstance(error, OSError) and error.errno in OUT_OF_RESOURCES


def unusable_file(name: str) -> Unusable:
    """A file or directory of which nothing is known."""
    return Unusable(UNKNOWN, None, 0, name)


def _signature(status: os.stat_result) -> Signature:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _unreadable(name: str, error: Exception) -> Problem:
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
