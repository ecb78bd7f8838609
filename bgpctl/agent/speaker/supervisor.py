"""Supervises the speaker: there is always one, and never two.

    begin      adopt the speaker that an earlier agent has left, or start one (launcher.py)
    restart    when it ends: a speaker that fails at once would only fail again, so after a growing pause (backoff.py);
               several failures in a row are reported as a crash loop (crash_loop.py)
    replace    when it has not answered for a minute (heartbeat.py), or when the plan needs a new one
    stop       only on request; an agent that crashes leaves its speaker, and the sessions, alone

A speaker that ends with status 2 writes in its last line what is missing (port 179 is taken). At our own start this
ends the agent as well, with that sentence; later it is one more reason to try again.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable

from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.speaker.crash_loop import Failures
from bgpctl.agent.speaker.heartbeat import EVERY_FIVE_SECONDS, Rhythm, watch_answers
from bgpctl.agent.speaker.launcher import Launcher
from bgpctl.agent.speaker.link import SpeakerLink
from bgpctl.agent.speaker.process import SPEAKER_COMMAND, SpeakerProcess
from bgpctl.agent.speaker.session_lines import log_line
from bgpctl.agent.speaker.state import SpeakerState
from bgpctl.daemon.backoff import Backoff
from bgpctl.daemon.logs import get_logger
from bgpctl.errors import NotReadyError

NOT_READY_STATUS = 2

log = get_logger("speaker")


class SpeakerSupervisor:
    """Supervises the speaker of one run directory.

    state, pid, restarts    for people; pid 0 = none
    pause, failures         seconds until the next start, 0 when none is waited for; those since a run that lasted
    answering               set while it answers and runs our plan
    tried                   set when the outcome of the first start is known
    """

    def __init__(
        self,
        run_directory: RunDirectory,
        link: SpeakerLink,
        confirm: Callable[[], Awaitable[None]],
        command: tuple[str, ...] = SPEAKER_COMMAND,
        rhythm: Rhythm = EVERY_FIVE_SECONDS,
    ) -> None:
        """`confirm`: see Launcher."""
        self.state = SpeakerState.WAITING
        self.restarts = 0
        self.pause = 0.0
        self.failures = Failures()
        self.answering = asyncio.Event()
        self.tried = asyncio.Event()
        self._launcher = Launcher(run_directory, link, confirm, command)
        self._socket = run_directory.speaker_socket
        self._link = link
        self._rhythm = rhythm
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
            tasks.create_task(self._launcher.log_file.follow(functools.partial(log_line, log)))
            tasks.create_task(self._supervise())

    async def stop(self) -> None:
        """Ends the speaker, if there is one. Cancel `run` first."""
        self.answering.clear()
        self.state = SpeakerState.STOPPED
        if self._process is not None:
            await self._launcher.stop(self._process)
            log.info("speaker stopped", pid=self._process.pid)

    async def replace(self, reason: str) -> None:
        """Ends the speaker; `run` starts another one at once. Peers keep our routes meanwhile (RFC 4724)."""
        if self._process is not None and self._process.running:
            log.info("speaker is replaced", pid=self._process.pid, reason=reason)
            self._is_replaced = True
            await self._process.stop()

    async def undo(self) -> None:
        """Ends the speaker if this agent started it, and not one that it adopted."""
        if self._process is not None and not self._process.adopted:
            await self.stop()

    async def _supervise(self) -> None:
        self.state = SpeakerState.STARTING
        self._process = process = await self._launcher.adopt() or self._launcher.start()
        while True:
            since = time.monotonic()
            status = await self._attend(process)
            self.answering.clear()
            self._link.close()
            line = self._launcher.log_file.last_line().removeprefix("speaker: ")
            if status == NOT_READY_STATUS and not self.tried.is_set():
                raise NotReadyError(line or "the speaker is not ready and gives no reason")
            self.tried.set()
            if self._is_replaced:
                self._is_replaced = False
                self._process = process = await self._start_until_it_runs()
                continue
            self.restarts += 1
            pause = self._backoff.after_failure(time.monotonic() - since)
            log.error(
                "speaker ended", pid=process.pid, status=status, last_line=line, restarts=self.restarts, pause=pause
            )
            await self._back_off(line, pause)
            self._process = process = await self._start_until_it_runs()

    async def _start_until_it_runs(self) -> SpeakerProcess:
        """At the agent's start a speaker that cannot be started ends it; later, memory or descriptors may be free
        again."""
        while True:
            self.state = SpeakerState.STARTING
            try:
                return self._launcher.start()
            except NotReadyError as error:
                pause = self._backoff.after_failure(0.0)
                log.error("speaker not started", reason=str(error), pause=pause)
                await self._back_off(str(error), pause)

    async def _back_off(self, reason: str, pause: float) -> None:
        if self.failures.count(reason):
            log.error("speaker is in a crash loop", failures=self.failures.in_a_row, last_line=reason)
        self.state, self.pause = SpeakerState.BACKING_OFF, pause
        try:
            await asyncio.sleep(pause)
        finally:
            self.pause = 0.0

    async def _attend(self, process: SpeakerProcess) -> int | None:
        """From start or adoption to the end of the process: its exit status."""
        started = time.monotonic()
        if await self._launcher.becomes_ready(process):
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
        await watch_answers(SpeakerLink(self._socket), self._rhythm, self._count_missed)
        log.error("speaker stands still, it is replaced", pid=process.pid)
        await process.stop()

    def _count_missed(self, missed: int) -> None:
        """After each question to a running speaker."""
        is_silent = missed >= self._rhythm.silent_after
        if is_silent and self.state is SpeakerState.RUNNING:
            log.error("speaker does not answer", pid=self.pid, missed=missed)
            self.state = SpeakerState.SILENT
        elif not missed and self.state is SpeakerState.SILENT:
            log.info("speaker answers again", pid=self.pid)
            self.state = SpeakerState.RUNNING

    async def _last(self, process: SpeakerProcess) -> None:
        """Returns when the process has ended, or has run long enough to clear the failures before it."""
        try:
            async with asyncio.timeout(self._backoff.good_run):
                await process.ended()
        except TimeoutError:
            if self.failures.clear():
                log.info("speaker has run for long enough, the crash loop is over", pid=process.pid)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
