"""Files that only their owner reads, replaced as a whole: a reader finds what was there before, or what is there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

OWNER_ONLY, _OWNER_AND_GROUP = 0o600, 0o640


def write_private(path: Path, content: bytes) -> None:
    """Replaces `path` in one step by a file that only its owner can read. Raises OSError, with nothing changed."""
    with written(path, content) as temporary:
        temporary.rename(path)


@contextlib.contextmanager
def written(path: Path, content: bytes, reader: int | None = None) -> Iterator[Path]:
    """A file beside `path` with what is to be there, gone in the end unless it is renamed; half of it on a full disk
    would only take more of what is missing. `reader` is a group that can read it as well."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        _write(temporary, content, reader)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _write(temporary: Path, content: bytes, reader: int | None) -> None:
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if reader is not None:
            os.fchown(file.fileno(), -1, reader)
            os.fchmod(file.fileno(), _OWNER_AND_GROUP)
