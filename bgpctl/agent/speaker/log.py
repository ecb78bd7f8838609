"""The speaker's log: its standard output and error, in speaker.log, passed on to the agent's own log.

A file and not a pipe: the speaker outlives an agent that was killed, and a pipe without a reader would end it. The file
stays small: once its lines are passed on and it exceeds LARGEST, it is emptied. The speaker appends (O_APPEND), so it
goes on at the new end; a line written in that instant may be lost.

At the level debug ExaBGP logs its whole configuration. The file is for its owner only; what is passed on may go
anywhere, so keys are removed from it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

from reflector.session.session_line import BEGINNING

LARGEST = 1024 * 1024
POLL_SECONDS = 1.0
_LAST_OCTETS = 8192
_KEY = re.compile(r"(md5-password[\s|]*)\S.*")


class SpeakerLog:
    """Reads speaker.log as it grows. What was there before this value was made is not passed on again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = self._size()
        self._start = self._position

    def open_for_writing(self) -> int:
        """The descriptor that a new speaker gets as standard output and error."""
        self._start = self._size()
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def new_lines(self) -> list[str]:
        """The whole lines since the last call; a line that has no end yet is kept for the next."""
        if self._size() <= self._position:
            self._position = self._size()
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            text = file.read(LARGEST)
        if len(text) < LARGEST:
            text = text[: text.rfind(b"\n") + 1]
        self._position += len(text)
        if self._position >= LARGEST and self._position == self._size():
            os.truncate(self._path, 0)
            self._position = self._start = 0
        return [_without_key(line) for line in text.decode(errors="replace").split("\n") if line.strip()]

    def last_line(self) -> str:
        """The last line of the speaker that was started last, "" if it wrote none: why it ended. A line about a session
        is not why."""
        if self._size() <= self._start:
            return ""
        with self._path.open("rb") as file:
            file.seek(max(self._start, self._size() - _LAST_OCTETS))
            lines = file.read().decode(errors="replace").splitlines()
        lines = [line for line in lines if line.strip() and not line.startswith(BEGINNING)]
        return _without_key(lines[-1].strip()) if lines else ""

    async def follow(self, pass_on: Callable[[str], None]) -> None:
        """Calls `pass_on` with every new line, for ever."""
        while True:
            for line in self.new_lines():
                pass_on(line)
            await asyncio.sleep(POLL_SECONDS)

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0


def _without_key(line: str) -> str:
    return _KEY.sub(r"\1hidden", line)
