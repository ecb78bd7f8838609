"""Routes of the cluster's nodes that outlive the sessions they came by: asked of the speaker, ended in time, reported.

    the speaker runs      it retains them itself (RFC 4724, RFC 9494); the agent names the next hops that are no node's
                          any more (departures.py)
    it was restarted      it has nothing: the kernel's routes stay (fib/retained.py) until a reflector or their node has
                          sent all it has, their node has left the cluster, or their time is over (deadlines.py)
    the agent restarted   the file of the agent before it has the next hops of the kernel's routes, and until when

Rule: only sessions to nodes of the cluster that have a long-lived stale time count. The nodes are those of the last
resources without an error, and only if this node is one of them: a datastore that is half there ends nothing.

It looks once a second; where no session is awaited that is one small question.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bgpctl.agent.plan.wanted import Wanted
from bgpctl.agent.retention.deadlines import Deadlines
from bgpctl.agent.retention.departures import Departures
from bgpctl.agent.retention.file import RetainedFile
from bgpctl.agent.retention.node_addresses import NodeAddresses
from bgpctl.agent.retention.outlook import outlook_of
from bgpctl.agent.retention.progress import Progress
from bgpctl.agent.retention.report import NOTHING_RETAINED, reflector_sessions, report
from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from bgpctl.daemon.logs import get_logger
from bgpctl.fib.core.retained import Networks, Outlook
from reflector.inbound.selection_deferral import DEFERRAL_TIME
from reflector.messages import LocRibUpdate, Retained, RetainedSession, ShowRetained, Subscribed
from reflector.plan import NodePlan, SessionPlan

if TYPE_CHECKING:
    from bgpctl.fib.programmer import RouteProgrammer

# Seconds of a clock that never jumps.
Clock = Callable[[], float]

PAUSE = 1.0
# A speaker without a session after so long has no peer that could send it routes.
START_PATIENCE = DEFERRAL_TIME + 5

log = get_logger("retention")


class Retention:
    """`run` it. Give it what is asked of the node (`take`), the plan (`apply_plan`), the programmer (`adopt`), and the
    updates (`follow`).

    report   how it stands, as of the last look
    """

    def __init__(
        self, link: SpeakerLink, path: Path, *, has_fib: bool, pause: float = PAUSE, clock: Clock = time.monotonic
    ) -> None:
        self.report = NOTHING_RETAINED
        self._has_fib = has_fib
        self._link = link
        self._file = RetainedFile(path)
        self._deadlines = Deadlines(of_speaker=self._file.read(time.time()).until)
        self._plan: NodePlan | None = None
        self._sessions: dict[str, SessionPlan] = {}
        self._programmer: RouteProgrammer | None = None
        self._progress = Progress()
        self._departures = Departures(link)
        self._epoch = ""
        self._wake = asyncio.Event()
        self._pause = pause
        self._clock = clock
        self._nodes = NodeAddresses()
        self._reflectors: frozenset[str] = frozenset()
        self._is_unanswered = False

    # ------------------------------------------------------------------------------------- what comes in

    def take(self, wanted: Wanted) -> None:
        """Where there are no resources, no next hop counts as gone: whose it is, is not known."""
        resources, self._reflectors = wanted.resources, wanted.reflectors
        if resources is not None and resources.is_trustworthy:
            self._nodes.take(resources.loaded.resources)
            self._wake.set()

    def apply_plan(self, plan: NodePlan) -> None:
        """The plan in place: which of its sessions retain."""
        self._plan = plan
        self._sessions = {each.name: each for each in plan.sessions if each.peer_node and each.long_lived_stale_time}
        if self._programmer is not None:
            self._programmer.retains = bool(self._sessions)

    async def adopt(self, programmer: RouteProgrammer) -> None:
        """The kernel's routes have been read; the file of the agent before has their next hops."""
        memory = self._file.read(time.time())
        await programmer.recall((each.paths, each.destinations) for each in memory.routes)
        programmer.retains = bool(self._sessions)
        self._programmer = programmer

    def follow(self, update: Subscribed | LocRibUpdate) -> None:
        """The FIB has taken this up."""
        if self._progress.follow(update):
            self._wake.set()

    # ------------------------------------------------------------------------------------------ looks

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._look()
            try:
                async with asyncio.timeout(self._pause):
                    await self._wake.wait()
            except TimeoutError:
                pass  # the usual end of a pause
            self._wake.clear()

    async def _look(self) -> None:
        try:
            retained = await self._link.ask(ShowRetained())
        except SpeakerAwayError:
            await self._release(None)
            return
        if not isinstance(retained, Retained):
            if not self._is_unanswered:
                log.warning("the speaker does not answer what it retains: it is of another version")
            self._is_unanswered = True
            return
        self._is_unanswered, self._epoch = False, retained.epoch
        awaited = [session for session in retained.awaited if session.name in self._sessions]
        if awaited or self._in_kernel_only():
            await self._nodes.locate(self._clock())
        await self._withdraw_departed(awaited)
        await self._end_start(retained, awaited)
        await self._release(self._progress.reached(retained))
        self._count_time(awaited)
        self._keep_for_next_agent(awaited)
        self._report(awaited)

    def _in_kernel_only(self) -> int:
        """Routes in the kernel that the speaker has not sent, once it could have."""
        return self._programmer.retained_count if self._programmer is not None else 0

    def _is_starting(self) -> bool:
        """What only the kernel has is not known yet: there is no FIB, or it does not follow this speaker yet."""
        if self._programmer is None:
            return self._has_fib
        return self._programmer.is_syncing or self._progress.epoch != self._epoch

    def _outlook(self, retained: Retained | None) -> Outlook:
        nodes = self._nodes
        networks = nodes.latest.networks if nodes.latest is not None else ()
        is_over = self._deadlines.is_over(time.time())
        known = Outlook(nodes.owner(self._clock()), Networks(networks), is_over=is_over)
        if retained is None:
            return known
        return outlook_of(known, retained, self._sessions, in_sync=self._progress.in_sync)

    # ------------------------------------------------------------------------------------------- ends

    async def _withdraw_departed(self, awaited: list[RetainedSession]) -> None:
        outlook, nodes = self._outlook(None), self._nodes.latest
        gone = frozenset((each.name, hop) for each in awaited for hop in each.next_hops if outlook.is_gone(hop))
        if nodes is not None:
            await self._departures.withdraw(gone, nodes.networks, self._clock())

    async def _end_start(self, retained: Retained, awaited: list[RetainedSession]) -> None:
        """A speaker without any session is never in sync: then what is in the kernel is retained."""
        programmer = self._programmer
        if programmer is None or not programmer.is_syncing or not awaited or not self._progress.has_reached(retained):
            return
        if self._deadlines.of_speaker or retained.uptime > START_PATIENCE:
            log.warning("the kernel's routes are retained until their nodes are reached", awaited=len(awaited))
            await programmer.retain()

    async def _release(self, retained: Retained | None) -> None:
        """Routes that only the kernel has, and that have no reason to stay any more."""
        programmer = self._programmer
        if programmer is None:
            return
        outlook = self._outlook(retained)
        released = [route.destination for route in programmer.retained() if outlook.releases(route)]
        if released:
            log.info("routes are not retained any longer", routes=len(released))
            await programmer.release(released)

    def _count_time(self, awaited: list[RetainedSession]) -> None:
        times = (each.restart_time + each.long_lived_stale_time for each in self._sessions.values())
        self._deadlines.count(
            time.time(),
            max((each.left for each in awaited), default=0.0),
            in_kernel_only=bool(self._in_kernel_only()),
            longest=max(times, default=0),
            is_starting=self._is_starting(),
        )

    # ---------------------------------------------------------------------------------------- what goes out

    def _keep_for_next_agent(self, awaited: list[RetainedSession]) -> None:
        until, programmer, progress = self._deadlines.last, self._programmer, self._progress
        if not until:
            self._file.remove()
        elif programmer is not None and not self._is_starting():
            position = progress.epoch, progress.sequence, progress.in_sync
            state = position, self._in_kernel_only(), [each.name for each in awaited]
            self._file.keep(until, state, programmer.known, self._clock())

    def _report(self, awaited: list[RetainedSession]) -> None:
        if self._deadlines.of_speaker and self._is_starting():
            return  # it stands as it did before the speaker was restarted
        plan, nodes = self._plan, self._nodes.latest
        names = nodes.reflectors if nodes is not None else self._reflectors
        reflectors: frozenset[str] = frozenset()
        if plan is not None and names and awaited:
            reflectors = reflector_sessions(plan, self._sessions, names)
        before = self.report.headline
        self.report = report(awaited, reflectors, self._in_kernel_only(), self._deadlines.last)
        if self.report.headline != before:
            log.warning("retention", state=self.report.sentence or "no routes are retained any more")
