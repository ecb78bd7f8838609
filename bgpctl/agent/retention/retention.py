"""Routes of the cluster's nodes that outlive the sessions they came by: asked of the speaker, ended in time, reported.

    the speaker runs      it retains them itself (RFC 4724, RFC 9494); we tell it which next hops are no node's any more
    it was restarted      it has nothing: the kernel's routes stay (fib/retained.py) until a reflector or their node has
                          been heard, their node has left the cluster, or their time is over
    we were restarted     the file of the agent before us says of the kernel's routes where they lead, and until when

Rule: only sessions to nodes of the cluster that have a long-lived stale time count. The nodes are those of the last
resources without an error, and only if this node is one of them: a datastore that is half there ends nothing. Time is
the machine's clock, because it has to outlive us.

It looks once a second; where nobody is awaited that is one small question.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bgpctl.agent.host.logs import get_logger
from bgpctl.agent.node_resources import NodeResources
from bgpctl.agent.retention.file import RetainedFile
from bgpctl.agent.retention.node_addresses import PATIENCE, NodeAddresses
from bgpctl.agent.retention.outlook import outlook_of
from bgpctl.agent.retention.report import NOTHING_RETAINED, report, to_reflectors
from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from bgpctl.fib.retained import Networks, Outlook
from reflector.inbound.selection_deferral import DEFERRAL_TIME
from reflector.messages import (
    LocRibUpdate,
    Retained,
    RetainedSession,
    RetainedWithdrawn,
    ShowRetained,
    Subscribed,
    WithdrawRetained,
)
from reflector.plan import NodePlan, SessionPlan

if TYPE_CHECKING:
    from bgpctl.fib.programmer import RouteProgrammer

PAUSE = 1.0
# A speaker that has heard nobody for so long has nobody to hear.
START_PATIENCE = DEFERRAL_TIME + 5
# Next hops of nodes that are gone are named again so often, if routes with them are still there.
FORGET_PAUSE = 30.0

log = get_logger("retention")


class Position(NamedTuple):
    """How far the FIB has followed the stream of which speaker."""

    epoch: str = ""
    sequence: int = -1
    in_sync: bool = False

    def has_reached(self, retained: Retained) -> bool:
        return self.epoch == retained.epoch and self.sequence >= retained.sequence


class Retention:
    """`run` it. Give it resources (`take`), the plan (`apply_plan`), the programmer (`adopt`), the updates (`follow`).

    report   how it stands, as of the last look
    """

    def __init__(
        self, link: SpeakerLink, path: Path, *, has_fib: bool, pause: float = PAUSE, node_patience: float = PATIENCE
    ) -> None:
        self.report = NOTHING_RETAINED
        self._has_fib = has_fib
        self._link = link
        self._plan: NodePlan | None = None
        self._sessions: dict[str, SessionPlan] = {}
        self._file = RetainedFile(path)
        # Until when what the speaker retains may stay, also while it is away; and what only the kernel has.
        self._until = self._file.read(time.time()).until
        self._kept_until = 0.0
        self._programmer: RouteProgrammer | None = None
        self._position = Position()
        self._epoch = ""
        self._wake = asyncio.Event()
        self._pause = pause
        self._nodes = NodeAddresses(node_patience)
        self._unreached: Retained | None = None
        self._is_unanswered = False
        self._forgotten: tuple[object, float] = (None, 0.0)

    # ------------------------------------------------------------------------------------------ told

    def take(self, resources: NodeResources) -> None:
        if resources.is_trustworthy:
            self._nodes.take(resources.loaded.resources)
            self._wake.set()

    def apply_plan(self, plan: NodePlan) -> None:
        """The plan in place: which of its sessions retain."""
        self._plan = plan
        self._sessions = {each.name: each for each in plan.sessions if each.peer_node and each.long_lived_stale_time}
        if self._programmer is not None:
            self._programmer.retains = bool(self._sessions)

    async def adopt(self, programmer: RouteProgrammer) -> None:
        """The kernel's routes are known: what the agent before us knew of them comes back."""
        memory = self._file.read(time.time())
        await programmer.recall((each.paths, each.destinations) for each in memory.routes)
        programmer.retains = bool(self._sessions)
        self._programmer = programmer

    def follow(self, update: Subscribed | LocRibUpdate) -> None:
        """The FIB has taken this up."""
        if isinstance(update, LocRibUpdate):
            woken = update.in_sync and not self._position.in_sync
            self._position = Position(self._position.epoch, update.sequence, update.in_sync)
            if woken:
                self._wake.set()
        elif not update.resumed:
            self._position = Position(update.epoch)

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
            await self._judge(None)
            return
        if not isinstance(retained, Retained):
            if not self._is_unanswered:
                log.warning("the speaker does not say what it retains: it is of another version")
            self._is_unanswered = True
            return
        self._is_unanswered, self._epoch = False, retained.epoch
        awaited = [session for session in retained.awaited if session.name in self._sessions]
        if awaited or self._kept():
            await self._nodes.locate(time.monotonic())
        await self._forget(awaited)
        await self._end_start(retained, awaited)
        await self._judge(self._reached(retained))
        self._count_time(awaited)
        self._remember(awaited)
        self._tell(awaited)

    def _kept(self) -> int:
        """Routes in the kernel that the speaker does not name, once it could have."""
        return self._programmer.retained_count if self._programmer is not None else 0

    def _outlook(self, retained: Retained | None) -> Outlook:
        nodes = self._nodes
        networks = nodes.latest.networks if nodes.latest is not None else ()
        is_over = 0 < self._kept_until <= time.time()
        known = Outlook(nodes.owner(time.monotonic()), Networks(networks), is_over=is_over)
        if retained is None:
            return known
        return outlook_of(known, retained, self._sessions, in_sync=self._position.in_sync)

    # ------------------------------------------------------------------------------------------- ends

    async def _forget(self, awaited: list[RetainedSession]) -> None:
        """Has the speaker withdraw what leads to nodes that have left the cluster."""
        outlook = self._outlook(None)
        gone = {(each.name, hop) for each in awaited for hop in each.next_hops if outlook.is_gone(hop)}
        before, asked_at = self._forgotten
        now = time.monotonic()
        if not gone or self._nodes.latest is None or (gone == before and now < asked_at + FORGET_PAUSE):
            return
        self._forgotten = gone, now
        next_hops = tuple(sorted({hop for _, hop in gone}))
        try:
            answer = await self._link.ask(WithdrawRetained(next_hops, self._nodes.latest.networks))
        except SpeakerAwayError as error:
            self._forgotten = None, 0.0
            log.warning("the speaker was not told which nodes are gone", reason=str(error))
            return
        if isinstance(answer, RetainedWithdrawn) and answer.routes:
            log.info("retained routes of nodes that left the cluster are withdrawn", routes=answer.routes)

    async def _end_start(self, retained: Retained, awaited: list[RetainedSession]) -> None:
        """A speaker that nobody talks to is never in sync: then what is in the kernel is retained."""
        programmer = self._programmer
        if programmer is None or not programmer.is_syncing or not awaited or not self._position.has_reached(retained):
            return
        if self._until or retained.uptime > START_PATIENCE:
            log.warning("the kernel's routes are retained until their nodes are heard", awaited=len(awaited))
            await programmer.retain()

    def _reached(self, retained: Retained) -> Retained | None:
        """What the speaker said, when the FIB has taken up all that came before it; until then the earliest such."""
        waiting = self._unreached or retained
        if waiting.epoch != self._position.epoch:
            waiting = retained
        self._unreached = None if self._position.has_reached(waiting) else waiting
        return waiting if self._unreached is None else None

    async def _judge(self, retained: Retained | None) -> None:
        programmer = self._programmer
        if programmer is None:
            return
        outlook = self._outlook(retained)
        released = [route.destination for route in programmer.retained() if outlook.releases(route)]
        if released:
            log.info("routes are not retained any longer", routes=len(released))
            await programmer.release(released)

    def _count_time(self, awaited: list[RetainedSession]) -> None:
        """Until when: as the speaker says; of what only the kernel has, as it was before, or from now on."""
        now, left = time.time(), max((each.left for each in awaited), default=0.0)
        if self._kept():
            self._kept_until = self._kept_until or self._until or now + self._longest()
        elif not self._is_starting():
            self._kept_until = 0.0
        if left:
            self._until = now + left
        elif not self._is_starting():
            self._until = 0.0

    def _longest(self) -> int:
        return max((each.restart_time + each.long_lived_stale_time for each in self._sessions.values()), default=0)

    def _is_starting(self) -> bool:
        """What the kernel alone has is not known yet: there is no FIB, or it does not follow this speaker yet."""
        if self._programmer is None:
            return self._has_fib
        return self._programmer.is_syncing or self._position.epoch != self._epoch

    # ------------------------------------------------------------------------------------- what we tell

    def _remember(self, awaited: list[RetainedSession]) -> None:
        """For the next agent."""
        until, programmer = max(self._until, self._kept_until), self._programmer
        if not until:
            self._file.remove()
        elif programmer is not None and not self._is_starting():
            state = self._position, self._kept(), [each.name for each in awaited]
            self._file.keep(until, state, programmer.known, time.monotonic())

    def _tell(self, awaited: list[RetainedSession]) -> None:
        if self._until and self._is_starting():
            return  # it stands as it did before the speaker was restarted
        plan = self._plan
        reflectors = self._nodes.latest.reflectors if self._nodes.latest is not None else frozenset()
        telling = to_reflectors(plan, self._sessions, reflectors) if plan is not None and awaited else frozenset()
        before = self.report.headline
        self.report = report(awaited, telling, self._kept(), max(self._until, self._kept_until))
        if self.report.headline != before:
            log.warning("retention", state=self.report.sentence or "no routes are retained any more")
