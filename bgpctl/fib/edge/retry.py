"""When what the kernel refused is tried again: after a pause that doubles up to a minute while anything is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class Retry:
    """Calls `retry` in the event loop; what is refused then again asks for the next pause."""

    def __init__(self, loop: asyncio.AbstractEventLoop, retry: Callable[[], None]) -> None:
        self._loop = loop
        self._retry = retry
        self._pause = FIRST_PAUSE
        self._timer: asyncio.TimerHandle | None = None

    def plan(self, *, is_needed: bool) -> None:
        if not is_needed:
            self._pause = FIRST_PAUSE
        elif self._timer is None:
            self._timer = self._loop.call_later(self._pause, self._now)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _now(self) -> None:
        self._timer = None
        self._retry()
