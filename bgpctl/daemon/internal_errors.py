"""Exceptions that are a fault of ours and that must not end a daemon: logged with their traceback, and counted.

Rule: whatever resources, files or clients can provoke stays where it happened, and the last good state goes on. Only
what ends a stage for good (a task of the daemon, a broken invariant) ends the process.
"""

from __future__ import annotations

from collections.abc import Callable

from bgpctl.daemon.logs import get_logger

log = get_logger("daemon")


# Takes what failed, such as "planning", and the exception.
Report = Callable[[str, Exception], None]


class InternalErrors:
    """`count` since the process started."""

    def __init__(self) -> None:
        self.count = 0

    def report(self, doing: str, error: Exception) -> None:
        self.count += 1
        log.error("internal error, the last good state stays", doing=doing, exc_info=error)


def describe(doing: str, error: Exception) -> str:
    """One sentence for the status."""
    return f"{doing} failed with {type(error).__name__}, a fault of bgpctl; the log has the traceback, please report it"
