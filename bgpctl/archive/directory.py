"""Files onto a disk, all of it or nothing: a new directory and a new file take their names by one rename.

Rule: what is there is not written over.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from bgpctl.errors import NotReadyError

# Secrets may be among the files.
PRIVATE_FILE, PRIVATE_DIRECTORY = 0o600, 0o700


def check_new(directory: Path) -> None:
    """Raises NotReadyError unless the directory is not there yet, or is empty, and what it is to be in is there."""
    try:
        if not directory.parent.is_dir():
            raise NotReadyError(f"cannot write {directory}: there is no directory {directory.parent}")
        if directory.is_symlink() or (directory.exists() and not directory.is_dir()) or _has_anything(directory):
            raise NotReadyError(f"{directory} is there and has something in it; name a new directory")
    except OSError as error:
        raise NotReadyError(f"cannot write {directory}: {error.strerror or error}") from error


def write_directory(directory: Path, files: Mapping[str, str]) -> None:
    """Texts by name. Raises NotReadyError, with nothing left behind."""
    check_new(directory)
    made = directory.with_name(f".{directory.name}.{os.getpid()}")
    try:
        made.mkdir(PRIVATE_DIRECTORY)
        for name, text in files.items():
            write_file(made / name, text.encode())
        made.rename(directory)
        _sync(directory.parent)
    except OSError as error:
        raise NotReadyError(f"cannot write {directory}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write_new_file(file: Path, octets: bytes) -> None:
    """All of it or nothing, under a name that nothing has. Raises NotReadyError."""
    made, is_ours = file.with_name(f".{file.name}.{os.getpid()}"), False
    try:
        write_file(file, b"")
        is_ours = True
        write_file(made, octets)
        made.replace(file)
        is_ours = False
        _sync(file.parent)
    except OSError as error:
        raise NotReadyError(f"cannot write {file}: {error.strerror or error}") from error
    finally:
        made.unlink(missing_ok=True)
        if is_ours:
            file.unlink(missing_ok=True)


def write_file(path: Path, octets: bytes) -> None:
    """A new file, on the disk when this returns. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(descriptor)


def _has_anything(directory: Path) -> bool:
    return directory.is_dir() and any(directory.iterdir())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
