"""The files of a directory as octets: all read at one time, and changed all or none.

Rule: a file is replaced by another one as a whole (a temporary file, and rename), so whoever reads it sees the old or
the new one. One that is not any more what was read is never replaced; then nothing is written at all. Commands of ours
take turns by a lock on the directory; an editor takes none, and is noticed unless it writes within the same
millisecond.
"""

from __future__ import annotations

import codecs
import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bgpctl.datastore.listing import list_files, unreadable
from bgpctl.datastore.regular_file import read_any_file, read_regular_file
from bgpctl.datastore.text import text_of
from bgpctl.errors import NotReadyError

PRIVATE_FILE, PUBLIC_FILE = 0o600, 0o644
# Seconds that another command of ours may take.
PATIENCE, LOOK = 10.0, 0.02
# Where a file system has no locks, the comparison alone has to do.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


class ChangedMeanwhileError(Exception):
    """A file is not any more what was read. Its text is a sentence."""


class NotWrittenError(Exception):
    """A file that cannot be written. `done` are those that have been. Its text is a sentence."""

    def __init__(self, name: str, error: OSError, done: frozenset[str] = frozenset()) -> None:
        super().__init__(f"{name} cannot be written: {error.strerror or error}")
        self.done = done


@dataclass(frozen=True, slots=True)
class FilesRead:
    """`octets` and `texts` by the file's name; `failures` are sentences about what could not be read."""

    octets: Mapping[str, bytes] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[str, ...] = ()


def read_files(path: Path) -> FilesRead:
    """Raises NotReadyError when the path is not there."""
    listing = list_files(path)
    octets: dict[str, bytes] = {}
    texts: dict[str, str] = {}
    failures = list(listing.problems)
    for name in listing.files:
        try:
            octets[name] = read_any_file(name) if Path(name) == path else read_regular_file(name)
            texts[name] = text_of(octets[name])
        except (OSError, UnicodeDecodeError) as error:
            failures.append(unreadable(name, error))
    return FilesRead(octets, texts, tuple(map(str, failures)))


def write_files(
    path: Path,
    texts: Mapping[str, str | None],
    read: FilesRead,
    private: frozenset[str],
    patience: float = PATIENCE,
) -> None:
    """All of them, None for one that goes. `private` are new files that only their owner may read. Raises
    ChangedMeanwhileError with nothing written, NotWrittenError, and NotReadyError when another command has not ended
    its writing after `patience` seconds."""
    with _lock(path if path.is_dir() else path.parent, patience):
        for name in texts:
            _check_unchanged(name, read.octets.get(name))
        temporary: dict[str, Path | None] = {}
        done: set[str] = set()
        name = str(path)
        try:
            for name, text in texts.items():
                mode = PRIVATE_FILE if name in private else PUBLIC_FILE
                octets = None if text is None else octets_like(read.octets.get(name, b""), text)
                temporary[name] = None if octets is None else _temporary(name, octets, mode)
            for name, file in temporary.items():
                if file is None:
                    Path(name).unlink()
                else:
                    file.replace(_real(name))
                done.add(name)
        except OSError as error:
            raise NotWrittenError(name, error, frozenset(done)) from error
        finally:
            for name, file in temporary.items():
                if file is not None and name not in done:
                    file.unlink(missing_ok=True)


def octets_like(old: bytes, text: str) -> bytes:
    """Encoded, and with lines that end, as in the file before."""
    if old.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        order = "utf-16-le" if old.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
        return old[:2] + _lines_like(old.decode("utf-16"), text).encode(order)
    mark = codecs.BOM_UTF8 if old.startswith(codecs.BOM_UTF8) else b""
    return mark + _lines_like(old.decode(errors="replace"), text).encode()


def _lines_like(old: str, text: str) -> str:
    if "\r\n" in old:
        return text.replace("\n", "\r\n")
    return text.replace("\n", "\r") if "\r" in old and "\n" not in old else text


def _check_unchanged(name: str, before: bytes | None) -> None:
    try:
        now: bytes | None = read_regular_file(name)
    except FileNotFoundError:
        now = None
    if now != before:
        what = "is not there any more" if now is None else "is there now" if before is None else "was changed"
        raise ChangedMeanwhileError(f"{name} {what} since it was read; nothing is written, repeat the command")


def _temporary(name: str, octets: bytes, mode: int) -> Path:
    """A file beside the one that it will be, with its mode and owner. Its name begins with a dot: nothing reads it."""
    real = _real(name)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            _like_before(file.fileno(), real, mode)
            os.fsync(file.fileno())
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Path(temporary)


def _like_before(descriptor: int, real: Path, mode: int) -> None:
    try:
        before = real.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    with suppress(PermissionError):  # only root may give a file away; it is then of whoever has changed it
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, before.st_mode & 0o7777)


def _real(name: str) -> Path:
    """A link stays one: what it leads to is replaced."""
    return Path(os.path.realpath(name))


@contextmanager
def _lock(directory: Path, patience: float) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _take(descriptor, directory, patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, directory: Path, patience: float) -> None:
    give_up_at = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise NotReadyError(f"another command has been writing into {directory} for {patience:.0f} s") from None
            time.sleep(LOOK)
            continue
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        return
