"""A wall clock that is wrong for chosen processes, between which and the true one libfaketime stands.

Monotonic clocks stay true, as on a machine whose wall clock somebody sets; so do the times at which files were written.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HOUR, DAY = 3600, 86400


class FakedClock:
    """`environment` is for the processes that go by it."""

    def __init__(self, file: Path, library: Path) -> None:
        self._file = file
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """From now on it is wrong by so many."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}")
        fresh.chmod(0o644)
        fresh.rename(self._file)


@contextmanager
def faked_clock() -> Iterator[FakedClock]:
    """Its file can be read by speakers as well, which are another user's."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not libraries:
        pytest.skip("libfaketime is not installed (Debian package faketime)")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield FakedClock(Path(directory, "offset"), libraries[0])
