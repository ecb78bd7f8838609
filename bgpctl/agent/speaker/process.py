"""One speaker process: started by us, or adopted from an agent that is gone; waited for and stopped the same way.

Both are held by a pidfd, which no other process can take over when the number is used again (pidfd_open(2)). The
speaker gets a session of its own: it outlives the agent, and a Ctrl-C at the agent's terminal does not reach it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from bgpctl.errors import NotReadyError
from reflector.process.account import Account

# -P: the speaker is that of this installation, whatever lies in the directory where the agent was started.
SPEAKER_COMMAND = (sys.executable, "-P", "-m", "reflector")
# How long a speaker may take over closing its sessions before it is killed.
STOP_PATIENCE = 5.0


class Child(Protocol):
    """What a process is to its parent."""

    pid: int

    def wait(self) -> int: ...


# Ways to start one that a host of agents has prepared (bgpctl/lab/running/warm_speaker.py), asked before a command is
# run; one that has none left answers None.
prepared: list[Callable[[tuple[str, ...], int], Child | None]] = []


def speaker_command(account: Account) -> tuple[str, ...]:
    """Starts a speaker that becomes this user."""
    return (*SPEAKER_COMMAND, "--user", str(account))


class SpeakerProcess:
    """A running process. Make it inside the event loop that waits for it."""

    def __init__(self, pid: int, child: Child | None) -> None:
        """Use `start` or `adopt`. Raises ProcessLookupError when the process is gone already."""
        self.pid = pid
        self._child = child
        self._pidfd = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int | None] = self._loop.create_future()
        self._loop.add_reader(self._pidfd, self._reap)

    @classmethod
    def start(cls, run_directory: Path, output: int, command: tuple[str, ...] = SPEAKER_COMMAND) -> Self:
        """Starts `command RUN_DIRECTORY` with `output` as its standard output and error. Raises NotReadyError when the
        system does not let us."""
        words = (*command, str(run_directory))
        child = next((child for start in prepared if (child := start(words, output)) is not None), None)
        child = child or _run_command(words, output)
        return cls(child.pid, child)

    @classmethod
    def adopt(cls, pid: int) -> Self | None:
        """Takes over a process that another agent has started; None when it is gone already."""
        try:
            return cls(pid, None)
        except ProcessLookupError:
            return None

    @property
    def adopted(self) -> bool:
        return self._child is None

    @property
    def running(self) -> bool:
        return not self._ended.done()

    async def ended(self) -> int | None:
        """Waits for the end: the exit status, minus the signal's number, or None of an adopted process (only a
        parent gets it)."""
        return await asyncio.shield(self._ended)

    async def stop(self, patience: float = STOP_PATIENCE) -> None:
        """SIGTERM, and after `patience` seconds SIGKILL. Returns when the process is gone."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(patience):
                await self.ended()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.ended()

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            signal.pidfd_send_signal(self._pidfd, number)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._ended.set_result(None if self._child is None else self._child.wait())


def _run_command(words: tuple[str, ...], output: int) -> Child:
    try:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    except OSError as error:
        raise NotReadyError(f"the speaker cannot be started: {words[0]}: {error.strerror}") from error


def runs_for(pid: int, run_directory: Path) -> bool:
    """Whether a process with this number is alive and was started with `run_directory` as its last argument."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return False
    return arguments[-1] == os.fsencode(run_directory)
