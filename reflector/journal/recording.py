"""Whether this speaker's events are recorded: while they are, a Recorder stands in the engine's place.

Rule: while nothing is recorded, events go to the engine itself. A recording that begins in the middle of a speaker's
life begins with a checkpoint of what it has (checkpoint.py), made in one turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from reflector.engine import Engine
from reflector.events import Events
from reflector.journal.checkpoint import checkpoint
from reflector.journal.journal_file import JournalFile
from reflector.journal.journal_format import event_frame
from reflector.journal.kernel_views import RecordingKernelView
from reflector.journal.recorder import Recorder
from reflector.kernel.lookup import KernelView
from reflector.messages import JournalStatus


class Recording:
    """`use` is called with what takes the events from now on. `failures` counts journals that could not be written."""

    def __init__(self, path: Path, engine: Engine, use: Callable[[Events], None]) -> None:
        self._path = path
        self._engine = engine
        self._use = use
        self._file: JournalFile | None = None
        self.failures = 0

    def start(self, limit: int, now: float) -> JournalStatus:
        """Raises OSError, with nothing recorded, when the file cannot be made."""
        self.stop("another recording was started")
        self._file = JournalFile.begin(self._path, limit, self._end)
        for event in checkpoint(self._engine, now, time.time()):
            self._file.write(event_frame(event))
        recorder = Recorder(self._engine, self._file)
        if (table := self._kernel_table()) is not None:
            recorder.kernel_changed(table)
        self._file.commit()
        if not self._file.ended:
            self._use(recorder)
        return self.status()

    def stop(self, reason: str = "it was stopped on request") -> JournalStatus:
        """Nothing happens if nothing is recorded."""
        self._use(self._engine)
        if isinstance(self._engine.next_hops.table, RecordingKernelView):
            self._engine.kernel_changed(self._kernel_table())
        if self._file is not None:
            self._file.close(reason)
        return self.status()

    def _kernel_table(self) -> KernelView | None:
        """What the engine looks in, without the view of a recording."""
        table = self._engine.next_hops.table
        return table.table if isinstance(table, RecordingKernelView) else table

    def status(self) -> JournalStatus:
        file = self._file
        if file is None:
            return JournalStatus(str(self._path.absolute()), is_recording=False)
        return JournalStatus(str(self._path.absolute()), not file.ended, file.octets, file.limit, file.ended)

    def _end(self) -> None:
        """The file has ended by itself."""
        self._use(self._engine)
        self.failures += self._file is not None and self._file.has_failed
