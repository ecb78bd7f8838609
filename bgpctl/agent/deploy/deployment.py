"""The plan in place: written for the speaker, applied by the speaker, taken back when the speaker refuses it.

same bytes as now           nothing happens
Applied                     the plan is the running one, and from now on the one to return to
Refused                     the files of the plan before are put in place instead
too few descriptors         nothing changes: a speaker would end again and again for want of them
no room on the disk         nothing changes; it is put in place as soon as there is room
no speaker at the moment    the files are there for the next one, which applies them when it is ready
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.plan.deployable import Deployable
from bgpctl.agent.speaker.link import APPLY_TIMEOUT, ProtocolMismatchError, SpeakerAwayError, SpeakerLink
from bgpctl.daemon.logs import get_logger
from reflector.messages import Applied, Apply, Refused
from reflector.plan import NodePlan, decode_plan
from reflector.process.descriptors import lack, raise_limit

log = get_logger("plan")


class Deployment:
    """The plan of one run directory.

    generation   how many plans this agent has put in place
    refusal      one sentence on why the newest plan is not in place, "" when it is
    is_waiting   set while files wait for room on the disk
    applied_at   when a speaker last applied a plan, in seconds since the epoch; 0 = never
    """

    def __init__(self, run_directory: RunDirectory, link: SpeakerLink) -> None:
        self.generation = 0
        self.refusal = ""
        self.applied_at = 0.0
        self._needs_restart = False
        self.is_waiting = asyncio.Event()
        self._waiting: Deployable | None = None
        self._directory = run_directory
        self._link = link
        self._placed: Deployable | None = None
        self._fallback: Deployable | None = None
        self._turn = asyncio.Lock()

    @property
    def plan(self) -> NodePlan | None:
        """The plan in place; None before the first."""
        return self._placed.plan if self._placed else None

    def resume(self) -> NodePlan | None:
        """Takes up the plan that an earlier agent left in the run directory; None when there is none that this
        version reads."""
        files = self._directory.installed()
        if files is None:
            return None
        try:
            self._placed = self._fallback = Deployable(decode_plan(files.plan), files)
        except msgspec.MsgspecError as error:
            log.warning("plan of an earlier agent is not readable, it is left aside", error=str(error))
            return None
        self.generation += 1
        return self._placed.plan

    def takes_new_speaker(self) -> bool:
        """Whether the plan in place listens where the running speaker does not; True once for each such plan."""
        needs, self._needs_restart = self._needs_restart, False
        return needs

    async def deploy(self, wanted: Deployable) -> bool:
        """Makes `wanted` the plan in place. False when it already was, or is not now: `refusal` has the reason."""
        async with self._turn:
            before, self.refusal = self.refusal, lack(len(wanted.plan.sessions), raise_limit())
            if self.refusal:
                if self.refusal != before:
                    log.error("plan is not put in place, the last one stays", reason=self.refusal)
                return False
            if self._placed and self._placed.files == wanted.files and self._waiting is not self._placed:
                self._wait_with(None)
                return False
            return await self._deploy(wanted)

    async def deploy_waiting(self) -> bool:
        """Retries what there was no room for. False when nothing waits, or there is still none."""
        async with self._turn:
            if self._waiting is None:
                return False
            if self._waiting is not self._placed:
                self.refusal = ""
            return await self._deploy(self._waiting)

    async def _deploy(self, wanted: Deployable) -> bool:
        if not self._place(wanted):
            return False
        try:
            await self._apply()
        except SpeakerAwayError as error:
            log.debug("no speaker to apply the plan", reason=str(error))
        return self._placed is wanted

    async def confirm(self) -> None:
        """Has a speaker that has just become ready apply the plan in place; it changes only what differs from what it
        runs. Raises SpeakerAwayError."""
        async with self._turn:
            await self._apply()

    async def _apply(self) -> None:
        placed = self._placed
        if placed is None:
            raise AssertionError("a speaker runs and there is no plan")
        match await self._link.ask(Apply(placed.plan), APPLY_TIMEOUT):
            case Applied() as applied:
                self._fallback = placed
                self.applied_at = time.time()
                self._needs_restart = applied.needs_restart
                log.info(
                    "plan applied",
                    generation=self.generation,
                    added=len(applied.added),
                    removed=len(applied.removed),
                    reset=list(applied.reset),
                )
            case Refused(reason=reason):
                log.error("speaker refused the plan, the last one stays", reason=reason)
                if self._fallback and self._fallback is not placed:
                    self._placed = self._fallback
                    self._place(self._fallback)
                self.refusal = f"the speaker refused the plan: {reason}"
            case other:
                raise ProtocolMismatchError(f"the speaker answered Apply with {type(other).__name__}")

    def _place(self, wanted: Deployable) -> bool:
        """False, with the files as they were, when there is no room for them."""
        try:
            self._directory.install(wanted.files)
        except OSError as error:
            self.refusal = f"the plan cannot be written: {error.strerror}"
            if self._waiting is not wanted:
                log.error("plan cannot be written, the last one stays until it can", reason=error.strerror)
            self._wait_with(wanted)
            return False
        self._placed = wanted
        self._wait_with(None)
        self.generation += 1
        return True

    def _wait_with(self, wanted: Deployable | None) -> None:
        self._waiting = wanted
        if wanted is None:
            self.is_waiting.clear()
        else:
            self.is_waiting.set()
