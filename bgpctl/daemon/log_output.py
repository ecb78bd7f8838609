"""Standard error as the place of the log. Writing may fail: its disk is full, or the journal that reads it restarts.

Rule: a line that cannot be written does not end the agent. Such lines are lost; a line before the next one reports it.
"""

from __future__ import annotations

import sys


class LogOutput:
    """As much of a text stream as a logger needs."""

    def __init__(self) -> None:
        self._line = ""
        self._failure = ""

    def write(self, text: str) -> int:
        self._line += text
        return len(text)

    def flush(self) -> None:
        line, self._line = self._line, ""
        lost = f"log lines before this one are missing: {self._failure}\n" if self._failure else ""
        try:
            sys.stderr.write(lost + line)
            sys.stderr.flush()
            self._failure = ""
        except OSError as error:
            self._failure = error.strerror or str(error)
