"""RUN_DIRECTORY/journal: where a speaker keeps its events (journal.py), mode 0600; the one before is journal.old.

Rule: routing never fails for the journal's sake, and the journal never outgrows its limit. A disk that is full, or a
limit that is reached, ends the recording: the log has the reason, and it counts as a failure unless it was the limit.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from reflector.journal.journal_format import HEADER

# What may wait in memory for the end of the turn.
_LARGEST_PENDING = 256 * 1024


class JournalFile:
    """A sink of frames. Make one with `begin`. `ended` says why nothing is written any more, "" while it is;
    `on_end` is called once when the recording ends by itself."""

    def __init__(self, descriptor: int, limit: int, on_end: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._on_end = on_end
        self._pending = bytearray(HEADER)
        self.limit = limit
        self.octets = len(HEADER)
        self.ended = ""
        self.has_failed = False

    @classmethod
    def begin(cls, path: Path, limit: int, on_end: Callable[[], None]) -> JournalFile:
        """Raises OSError when there can be no such file."""
        with contextlib.suppress(FileNotFoundError):
            path.rename(path.with_name(path.name + ".old"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        return cls(os.open(path, flags, 0o600), limit, on_end)

    def write(self, data: bytes) -> None:
        if self.ended:
            return
        if self.octets + len(data) > self.limit:
            self._end(f"its limit of {self.limit} octets is reached")
            return
        self.octets += len(data)
        self._pending += data
        if len(self._pending) > _LARGEST_PENDING:
            self.commit()

    def commit(self) -> None:
        """Hand what waits to the kernel: it survives this process, not the machine."""
        if self.ended:
            return
        try:
            self._write_pending()
        except OSError as error:
            self.has_failed = True
            self._end(f"it cannot be written: {error.strerror}")

    def close(self, reason: str = "stopped on request") -> None:
        """Everything that was written is kept. Nothing happens if it has ended already."""
        self.commit()
        if not self.ended:
            self.ended = reason
            os.close(self._descriptor)

    def _write_pending(self) -> None:
        pending = self._pending
        while pending:
            written = os.write(self._descriptor, pending)
            del pending[:written]

    def _end(self, reason: str) -> None:
        # After a failure what waits is lost with the rest; at the limit all of it is kept.
        with contextlib.suppress(OSError):
            self._write_pending()
        self.ended = reason
        os.close(self._descriptor)
        # The speaker's log is on the same disk.
        with contextlib.suppress(OSError):
            print(f"speaker: the journal ends: {reason}", file=sys.stderr, flush=True)  # noqa: T201  its log
        self._on_end()
