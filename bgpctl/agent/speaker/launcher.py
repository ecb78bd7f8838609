"""How a speaker comes to run for a run directory: the one that an earlier agent has left, or a new one.

    adopt    one that answers on speaker.sock, or that was started for this run directory and does not listen yet; one
             that does not answer, or has another version of the protocol, is ended
    start    with speaker.log as its standard output and error, and its number in speaker.pid
    ready    when it answers, and runs the plan in place

Rule: never two. What was adopted or started here is held by a pidfd (process.py), so that is never another process.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

from bgpctl.agent.host.listener import listener_pid
from bgpctl.agent.host.run_directory import SPEAKER_LOG, SPEAKER_PID_FILE, RunDirectory
from bgpctl.agent.speaker.link import ProtocolMismatchError, SpeakerAwayError, SpeakerLink
from bgpctl.agent.speaker.log import SpeakerLog
from bgpctl.agent.speaker.process import SpeakerProcess, runs_for
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.private_file import write_private
from bgpctl.errors import NotReadyError
from reflector.messages import Counters, ShowCounters

# From start to the first answer. A speaker imports ExaBGP and reads its configuration in about a second; hundreds
# of them starting on one machine take their time.
READY_PATIENCE = 60.0
_READY_POLL = 0.02
_CONFIRM_PAUSE = 0.5

log = get_logger("speaker")


class Launcher:
    """`confirm` gives a speaker that has just become ready the plan; it may raise SpeakerAwayError."""

    def __init__(
        self,
        directory: RunDirectory,
        link: SpeakerLink,
        confirm: Callable[[], Awaitable[None]],
        command: tuple[str, ...],
    ) -> None:
        self.log_file = SpeakerLog(directory.path / SPEAKER_LOG)
        self._directory = directory
        self._link = link
        self._confirm = confirm
        self._command = command
        self._pid_file = directory.path / SPEAKER_PID_FILE

    async def adopt(self) -> SpeakerProcess | None:
        """The speaker that an earlier agent left running; None if there is none that answers."""
        pid = listener_pid(self._directory.speaker_socket) or self._starting_pid()
        process = SpeakerProcess.adopt(pid) if pid else None
        if process is None or await self._answers(process):
            return process
        log.warning("speaker of an earlier agent does not answer, it is replaced", pid=pid)
        await process.stop()
        return None

    def start(self) -> SpeakerProcess:
        """Raises NotReadyError."""
        try:
            output = self.log_file.open_for_writing()
        except OSError as error:
            raise NotReadyError(f"the speaker cannot be started: {SPEAKER_LOG}: {error.strerror}") from error
        try:
            process = SpeakerProcess.start(self._directory.path, output, self._command)
        finally:
            os.close(output)
        self._write_pid(process.pid)
        return process

    async def becomes_ready(self, process: SpeakerProcess) -> bool:
        """Waits until it answers and runs the plan in place. False when it ended, has another version of the protocol,
        or took too long."""
        return await self._answers(process) and await self._runs_the_plan(process)

    async def stop(self, process: SpeakerProcess) -> None:
        """For good: the next agent has nothing to adopt."""
        await process.stop()
        self._pid_file.unlink(missing_ok=True)

    def _starting_pid(self) -> int | None:
        """A speaker that an earlier agent started and that does not listen yet."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if runs_for(pid, self._directory.path) else None

    def _write_pid(self, pid: int) -> None:
        """Only an agent that starts before the speaker listens needs the file."""
        try:
            write_private(self._pid_file, f"{pid}\n".encode())
        except OSError as error:
            log.warning("speaker.pid cannot be written", pid=pid, reason=error.strerror)

    async def _answers(self, process: SpeakerProcess) -> bool:
        deadline = time.monotonic() + READY_PATIENCE
        while process.running and time.monotonic() < deadline:
            try:
                return isinstance(await self._link.ask(ShowCounters()), Counters)
            except ProtocolMismatchError as error:
                log.warning("speaker of another version", pid=process.pid, error=str(error))
                return False
            except SpeakerAwayError:
                await asyncio.sleep(_READY_POLL)
        return False

    async def _runs_the_plan(self, process: SpeakerProcess) -> bool:
        """It may have started with files that have changed since."""
        deadline = time.monotonic() + READY_PATIENCE
        while process.running and time.monotonic() < deadline:
            try:
                await self._confirm()
            except SpeakerAwayError as error:
                log.warning("speaker has not taken the plan, next attempt follows", pid=process.pid, error=str(error))
                await asyncio.sleep(_CONFIRM_PAUSE)
            else:
                return True
        return False
