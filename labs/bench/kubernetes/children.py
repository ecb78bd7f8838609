"""Processes that end with the tests, all in one network namespace.

The kernel ends a process when the thread that started it ends (PR_SET_PDEATHSIG), and a process is in the network
namespace of that thread. So one thread starts them all, whichever asks: it stays where it was made until `close`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

T = TypeVar("T")
_TAIL = 30


class ExitedError(RuntimeError):
    """A process that is needed has ended."""


class Children:
    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starts-processes")
        self.call(lambda: None)  # the thread is made now, and here

    def call(self, function: Callable[[], T]) -> T:
        """The function's result, in the namespace. What blocks in it keeps every other caller waiting."""
        return self._thread.submit(function).result()

    def start(self, command: Sequence[str | Path], **options: Any) -> subprocess.Popen[str]:
        words = ["setpriv", "--pdeathsig", "KILL", *map(str, command)]
        return self.call(lambda: subprocess.Popen(words, text=True, **options))

    def close(self) -> None:
        """Ends the thread, and by that whatever still runs."""
        self._thread.shutdown()


class Child:
    """One process with its log, which begins anew with every start."""

    def __init__(self, children: Children, command: Sequence[str | Path], log: Path) -> None:
        self.name = Path(command[0]).name
        self.log = log
        self._children = children
        self._command = command
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    def start(self) -> None:
        assert not self.is_running(), f"{self.name} runs already"
        out: IO[str]
        with self.log.open("w") as out:
            self._process = self._children.start(self._command, stdout=out, stderr=subprocess.STDOUT)

    def kill(self) -> None:
        """SIGKILL; it has ended when this returns."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def must_run(self) -> None:
        if not self.is_running():
            status = "never started" if self._process is None else f"exit status {self._process.returncode}"
            tail = "\n".join(self.log.read_text().splitlines()[-_TAIL:])
            raise ExitedError(f"{self.name} does not run ({status}); the end of {self.log}:\n{tail}")
