"""Processes of the benchmark that print lines, each in a network namespace from which a relay leads to the API server.

Rule: what passes the relay is theirs alone, so their octets are counted there; leaving the namespace ends every process
in it, also a speaker whose agent has ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bgpctl.errors import NotReadyError
from labs.bench.kubernetes.network import network_namespace
from labs.bench.kubernetes_scale.cost import cpu

PAUSE = 0.02
# A process that does less than this share of a core is at rest.
AT_REST = 0.05
PATIENCE = 300.0


class Printing:
    """A process whose lines on standard output are counted."""

    def __init__(self, namespace: str, command: Sequence[str | Path], log: Path) -> None:
        self._out = log.with_suffix(".out")
        self._log = log
        with self._out.open("wb") as out, log.open("ab") as errors:
            words = ["ip", "netns", "exec", namespace, *map(str, command)]
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)

    @property
    def pid(self) -> int:
        return self._process.pid

    def lines(self) -> list[str]:
        return self._out.read_text().splitlines()

    async def until(self, is_so: Callable[[list[str]], bool], what: str) -> None:
        """Of its lines. Raises NotReadyError when it ends, or takes longer than anybody would wait."""

        def holds() -> bool:
            if self._process.poll() is not None:
                raise NotReadyError(f"a process ended before {what}; its log: {self._log.read_text()[-2000:]}")
            return is_so(self.lines())

        await until(holds, what)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise NotReadyError(f"not within {PATIENCE:.0f} s: {what}")
        await asyncio.sleep(PAUSE)


async def until_at_rest(pid: int) -> None:
    """Until the process has done next to nothing for two seconds."""
    deadline, quiet = time.monotonic() + PATIENCE, 0
    while quiet < 2:
        before = cpu(pid)
        await asyncio.sleep(1)
        quiet = quiet + 1 if cpu(pid) - before < AT_REST else 0
        if time.monotonic() > deadline:
            raise NotReadyError(f"the process {pid} is not at rest within {PATIENCE:.0f} s")


@contextmanager
def namespace_of_processes(name: str) -> Iterator[str]:
    with network_namespace(name):
        try:
            yield name
        finally:
            listed = subprocess.run(["ip", "netns", "pids", name], stdout=subprocess.PIPE, text=True, check=True)
            for pid in map(int, listed.stdout.split()):
                _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has ended since it was listed
