"""The guard of a daemon's stages: what one of them raises ends neither the daemon nor another stage.

    a fault of ours               reported with its traceback and counted; the last good state goes on
    no descriptors or memory      a warning; no fault of bgpctl
    the world is not ready        at the first attempt it ends the daemon, which names what is missing

In each case the stage begins anew after a pause, which grows as long as it fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

from bgpctl.daemon.backoff import Backoff
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.daemon.logs import get_logger
from bgpctl.errors import NotReadyError
from reflector.event_loop import OUT_OF_RESOURCES

log = get_logger("daemon")


class Guard:
    """One for all stages; each stage has its own pauses."""

    def __init__(self, internal_errors: InternalErrors) -> None:
        self._internal_errors = internal_errors

    async def keep(self, doing: str, stage: Callable[[], Awaitable[None]]) -> NoReturn:
        """Runs the stage, which has no end of its own, for ever. Raises NotReadyError of its first attempt."""
        backoff, is_first = Backoff(), True
        while True:
            since = time.monotonic()
            try:
                await stage()
                raise AssertionError(f"{doing} has no end of its own")
            except Exception as error:
                causes = failures(error)
                if is_first and any(isinstance(cause, NotReadyError) for cause in causes):
                    raise
            is_first = False
            for cause in causes:
                self._report(doing, cause)
            await asyncio.sleep(backoff.after_failure(time.monotonic() - since))

    def _report(self, doing: str, cause: Exception) -> None:
        if isinstance(cause, OSError) and cause.errno in OUT_OF_RESOURCES:
            log.warning("a stage waits for descriptors or memory", doing=doing, reason=cause.strerror)
        elif isinstance(cause, NotReadyError):
            log.error("a stage waits", doing=doing, reason=str(cause))
        else:
            self._internal_errors.report(doing, cause)


def failures(error: Exception) -> tuple[Exception, ...]:
    """What really failed, of exception groups all that is in them."""
    if isinstance(error, ExceptionGroup):
        return tuple(each for part in error.exceptions for each in failures(part))
    return (error,)
