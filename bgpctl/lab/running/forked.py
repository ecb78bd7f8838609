"""A fork of this program that is a daemon: how it becomes one, how its parent waits for it and reaps it.

A daemon has a session of its own, no input, its output in a file, no other file of its parent open, default signals,
and a name and a command line that show people what it is. A child that has ended is a zombie until its parent has
asked for its exit status (wait(2)): every part that ends processes of a lab calls `reap`.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

_PR_SET_NAME = 15
# Fields of /proc/PID/stat, counted from 0 behind the name: where the command line is in memory (proc(5)).
_ARG_START, _ARG_END = 45, 46
_libc = ctypes.CDLL(None)


class Forked:
    """The child as its parent sees it; `returncode` is None while it runs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        _running.add(self)

    def poll(self) -> int | None:
        """The exit status once it has ended; minus the number of the signal that ended it."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int:
        status = self._wait(0)
        assert status is not None  # noqa: S101  waitpid(2) without WNOHANG
        return status

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
                _running.discard(self)
        return self.returncode


# The children of this process whose exit status has not been asked for.
_running: set[Forked] = set()


def reap(killed: Collection[int]) -> None:
    """Of these processes, which are ending, those that are children of this one: none remains a zombie."""
    for child in tuple(_running):
        if child.pid in killed:
            child.wait()


def become_daemon(name: str, output: int) -> None:
    """In the child; `output` is an open file."""
    _running.clear()  # the parent's
    name_process(name)
    os.setsid()
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nothing = os.open("/dev/null", os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    # The parent may have put something else in their places (a progress bar, a test's capture).
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, errors="backslashreplace")  # noqa: SIM115
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def name_process(name: str) -> None:
    """What `ps -o comm` and `top` show; Linux takes 15 octets of it."""
    _libc.prctl(_PR_SET_NAME, name.encode())


def set_command_line(words: Sequence[str]) -> None:
    """What `ps -o args` shows, written over the command line of the parent. Left alone if that was shorter: behind it
    in memory is the environment."""
    numbers = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(numbers[_ARG_START]), int(numbers[_ARG_END])
    text = "\0".join(words).encode() + b"\0"
    if 0 < start < end and len(text) <= end - start:
        ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)
