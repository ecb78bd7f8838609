"""Supervises the speaker: there is always one, and never two.

    adopt    one that answers on speaker.sock, or was started for this run directory and is about to
    start    otherwise; it is ready when it answers on speaker.sock
    restart  when it ends: at once it would only fail again, so with a growing pause (`backoff.py`); that it does so
             again and again is said (`crash_loop.py`); likewise when it has stood still for a minute (`heartbeat.py`)
    stop     only on request; an agent that crashes leaves its speaker, and the sessions, alone

A speaker that ends with status 2 says in its last line what the world lacks (port 179 is taken). At our own start
this ends the agent as well, with that sentence; later it is one more reason to try again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

from bgpctl.agent.host.listener import listener_pid
from bgpctl.agent.host.logs import get_logger, pass_on
from bgpctl.agent.host.run_directory import SPEAKER_LOG, SPEAKER_PID_FILE, RunDirectory, write_private
from bgpctl.agent.speaker.backoff import Backoff
from bgpctl.agent.speaker.crash_loop import Failures
from bgpctl.agent.speaker.heartbeat import EVERY_FIVE_SECONDS, Rhythm, listen
from bgpctl.agent.speaker.link import ProtocolMismatchError, SpeakerAwayError, SpeakerLink
from bgpctl.agent.speaker.log import SpeakerLog
from bgpctl.agent.speaker.process import SPEAKER_COMMAND, SpeakerProcess, runs_for
from bgpctl.errors import NotReadyError
from reflector.messages import Counters, ShowCounters

NOT_READY_STATUS = 2
# From start to the first answer. A speaker imports ExaBGP and reads its configuration in about a second; hundreds
# of them starting on one machine take their time.
READY_PATIENCE = 60.0
_READY_POLL = 0.02
_CONFIRM_PAUSE = 0.5

log = get_logger("speaker")


class SpeakerState(StrEnum):
    WAITING = "waiting for a plan"
    STARTING = "starting"
    RUNNING = "running"
    SILENT = "not answering"
    BACKING_OFF = "backing off"
    STOPPED = "stopped"


class Speaker:
    """The speaker of one run directory.

    state, pid, restarts    for people; pid 0 = none
    pause, failures         seconds until the next start, 0 when none is waited for; those since a run that lasted
    answering               set while it answers and runs our plan
    tried                   set when the first start is decided, for good or bad
    """

    def __init__(
        self,
        run_directory: RunDirectory,
        link: SpeakerLink,
        confirm: Callable[[], Awaitable[None]],
        command: tuple[str, ...] = SPEAKER_COMMAND,
        rhythm: Rhythm = EVERY_FIVE_SECONDS,
    ) -> None:
        """`confirm` tells a speaker that has just become ready the plan; it may raise SpeakerAwayError."""
        self.state = SpeakerState.WAITING
        self.restarts = 0
        self.pause = 0.0
        self.failures = Failures()
        self.answering = asyncio.Event()
        self.tried = asyncio.Event()
        self._directory = run_directory
        self._link = link
        self._confirm = confirm
        self._command = command
        self._rhythm = rhythm
        self._log_file = SpeakerLog(run_directory.path / SPEAKER_LOG)
        self._process: SpeakerProcess | None = None
        self._is_replaced = False
        self._backoff = Backoff()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process and self._process.running else 0

    async def run(self) -> None:
        """Adopts or starts a speaker and keeps one running, for ever. Raises NotReadyError when the first one ends
        with status 2."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._log_file.follow(lambda line: pass_on(log, "speaker says", line=line)))
            tasks.create_task(self._supervise())

    async def stop(self) -> None:
        """Ends the speaker, if there is one. Cancel `run` first."""
        self.answering.clear()
        self.state = SpeakerState.STOPPED
        if self._process is not None:
            await self._process.stop()
            (self._directory.path / SPEAKER_PID_FILE).unlink(missing_ok=True)
            log.info("speaker stopped", pid=self._process.pid)

    async def replace(self, reason: str) -> None:
        """Ends the speaker; `run` starts another one at once. Peers keep our routes meanwhile (RFC 4724)."""
        if self._process is not None and self._process.running:
            log.info("speaker is replaced", pid=self._process.pid, reason=reason)
            self._is_replaced = True
            await self._process.stop()

    async def undo(self) -> None:
        """Ends the speaker if this agent started it; an adopted one is none of our making."""
        if self._process is not None and not self._process.adopted:
            await self.stop()

    async def _supervise(self) -> None:
        self.state = SpeakerState.STARTING
        self._process = process = await self._adopt() or self._start()
        while True:
            since = time.monotonic()
            status = await self._attend(process)
            self.answering.clear()
            self._link.close()
            words = self._log_file.last_words().removeprefix("speaker: ")
            if status == NOT_READY_STATUS and not self.tried.is_set():
                raise NotReadyError(words or "the speaker is not ready and does not say why")
            self.tried.set()
            if self._is_replaced:
                self._is_replaced = False
                self._process = process = await self._start_again()
                continue
            self.restarts += 1
            pause = self._backoff.after_failure(time.monotonic() - since)
            log.error("speaker ended", pid=process.pid, status=status, said=words, restarts=self.restarts, pause=pause)
            await self._back_off(words, pause)
            self._process = process = await self._start_again()

    async def _start_again(self) -> SpeakerProcess:
        """At the agent's start a speaker that cannot be started ends it; later, memory or descriptors may come back."""
        while True:
            self.state = SpeakerState.STARTING
            try:
                return self._start()
            except NotReadyError as error:
                pause = self._backoff.after_failure(0.0)
                log.error("speaker not started", reason=str(error), pause=pause)
                await self._back_off(str(error), pause)

    async def _back_off(self, words: str, pause: float) -> None:
        if self.failures.count(words):
            log.error("speaker is in a crash loop", failures=self.failures.in_a_row, said=words)
        self.state, self.pause = SpeakerState.BACKING_OFF, pause
        try:
            await asyncio.sleep(pause)
        finally:
            self.pause = 0.0

    async def _attend(self, process: SpeakerProcess) -> int | None:
        """From start or adoption to the end of the process: its exit status. A run that lasts forgives those before."""
        started = time.monotonic()
        if await self._becomes_ready(process) and await self._runs_our_plan(process):
            self.state = SpeakerState.RUNNING
            self.answering.set()
            self.tried.set()
            log.info("speaker ready", pid=process.pid, adopted=process.adopted, seconds=_since(started))
            async with asyncio.TaskGroup() as tasks:
                heartbeat = tasks.create_task(self._end_if_silent(process))
                await self._last(process)
                await process.ended()
                heartbeat.cancel()
        elif process.running:
            log.error("speaker does not answer, it is replaced", pid=process.pid, seconds=_since(started))
            await process.stop()
        return await process.ended()

    async def _end_if_silent(self, process: SpeakerProcess) -> None:
        await listen(SpeakerLink(self._directory.speaker_socket), self._rhythm, self._heard)
        log.error("speaker stands still, it is replaced", pid=process.pid)
        await process.stop()

    def _heard(self, missed: int) -> None:
        """After each question to a running speaker."""
        is_silent = missed >= self._rhythm.silent_after
        if is_silent and self.state is SpeakerState.RUNNING:
            log.error("speaker does not answer", pid=self.pid, missed=missed)
            self.state = SpeakerState.SILENT
        elif not missed and self.state is SpeakerState.SILENT:
            log.info("speaker answers again", pid=self.pid)
            self.state = SpeakerState.RUNNING

    async def _last(self, process: SpeakerProcess) -> None:
        """Returns when the process has ended or a good run has passed."""
        try:
            async with asyncio.timeout(self._backoff.good_run):
                await process.ended()
        except TimeoutError:
            if self.failures.forgive():
                log.info("speaker runs again, the crash loop is over", pid=process.pid)

    async def _adopt(self) -> SpeakerProcess | None:
        """The speaker that an earlier agent left running, unless it cannot be talked to: then it is ended."""
        pid = listener_pid(self._directory.speaker_socket) or self._starting_pid()
        process = SpeakerProcess.adopt(pid) if pid else None
        if process is None or await self._becomes_ready(process):
            return process
        log.warning("speaker of an earlier agent does not answer, it is replaced", pid=pid)
        await process.stop()
        return None

    def _starting_pid(self) -> int | None:
        """A speaker that an earlier agent started and that does not listen yet."""
        try:
            pid = int((self._directory.path / SPEAKER_PID_FILE).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if runs_for(pid, self._directory.path) else None

    def _start(self) -> SpeakerProcess:
        """Raises NotReadyError."""
        try:
            output = self._log_file.open_for_writing()
        except OSError as error:
            raise NotReadyError(f"the speaker cannot be started: {SPEAKER_LOG}: {error.strerror}") from error
        try:
            process = SpeakerProcess.start(self._directory.path, output, self._command)
        finally:
            os.close(output)
        self._note(process.pid)
        return process

    def _note(self, pid: int) -> None:
        """Only an agent that comes before the speaker listens needs the file."""
        try:
            write_private(self._directory.path / SPEAKER_PID_FILE, f"{pid}\n".encode())
        except OSError as error:
            log.warning("speaker.pid cannot be written", pid=pid, reason=error.strerror)

    async def _becomes_ready(self, process: SpeakerProcess) -> bool:
        """Waits until it answers. False when it ended, speaks another version, or took too long."""
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

    async def _runs_our_plan(self, process: SpeakerProcess) -> bool:
        """Tells the speaker the plan until it has it: it may have started with files that have changed since."""
        deadline = time.monotonic() + READY_PATIENCE
        while process.running and time.monotonic() < deadline:
            try:
                await self._confirm()
            except SpeakerAwayError as error:
                log.warning("speaker was not told the plan, once more", pid=process.pid, error=str(error))
                await asyncio.sleep(_CONFIRM_PAUSE)
            else:
                return True
        return False


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
