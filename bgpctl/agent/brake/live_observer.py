"""The live state of this node, asked of its speaker and its FIB when a wanted plan is to be judged.

Rule: what costs a look at every route is asked only when the answer can matter: sources when sessions end or may accept
other routes, kernel routes when their rules or tunnels change, workloads when originations go.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Collection
from typing import Protocol

from bgpctl.agent.brake.learned import LearnedBlocks
from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from bgpctl.brake import LiveState, Source
from bgpctl.brake.endings import endings
from bgpctl.brake.installed import count_by_rule
from bgpctl.brake.originations import lasting
from bgpctl.brake.rejections import imports_differ
from bgpctl.daemon.logs import get_logger
from reflector.messages import Peers, ShowPeers, ShowSources, Sources
from reflector.plan import NodePlan

log = get_logger("brake")

ESTABLISHED = "Established"
NO_BLOCKS: frozenset[str] = frozenset()


class Kernel(Protocol):
    """What the kernel of this node has.

    installed   the prefixes of our routes; None where no kernel is programmed
    empty       those of these blocks of the node that no workload uses
    """

    def installed(self) -> Collection[str] | None: ...

    def empty(self, blocks: Collection[str]) -> frozenset[str]: ...


class LiveObserver:
    """`kernel` is this node's; `is_draining` of this node; `learned` is looked up for an agent without resources."""

    def __init__(
        self,
        link: SpeakerLink,
        kernel: Kernel,
        is_draining: Callable[[], bool],
        learned: LearnedBlocks | None = None,
    ) -> None:
        self._link = link
        self._kernel = kernel
        self._is_draining = is_draining
        self._learned = learned

    async def sessions(self) -> LiveState | None:
        """Only which are Established; None when the speaker does not answer."""
        try:
            peers = await self._link.ask(ShowPeers())
        except SpeakerAwayError:
            return None
        if not isinstance(peers, Peers):
            return None
        established = frozenset(each.name for each in peers.peers if each.state == ESTABLISHED)
        return LiveState(established, draining=self._is_draining())

    async def before(self, running: NodePlan, wanted: NodePlan | None) -> LiveState | None:
        """What a change from one plan to the other has to be held against; None when the speaker does not answer."""
        live = await self.sessions()
        if live is None:
            return LiveState(frozenset(), draining=True) if self._is_draining() else None
        if wanted is None:
            return live
        if self._learned is not None:
            await self._look_at_learned(self._learned, running, wanted)
        matters = bool(endings(running, wanted, {}, {})) or imports_differ(running, wanted)
        sources = await self._sources() if matters else None
        same_kernel = (running.kernel.rules, running.kernel.vxlans) == (wanted.kernel.rules, wanted.kernel.vxlans)
        prefixes = None if same_kernel else self._kernel.installed()
        counts = None if prefixes is None else await asyncio.to_thread(count_by_rule, running.kernel.rules, prefixes)
        leaving = lasting(running) - lasting(wanted)
        empty = await asyncio.to_thread(self._kernel.empty, leaving) if leaving else NO_BLOCKS
        return LiveState(live.established, sources, counts, live.draining, absent_addresses(running), empty)

    async def _look_at_learned(self, learned: LearnedBlocks, running: NodePlan, wanted: NodePlan) -> None:
        try:
            await learned.look(self._link, running, wanted)
        except SpeakerAwayError as error:
            log.warning("the speaker does not say what it has learned, what it had counts", reason=str(error))

    async def _sources(self) -> tuple[Source, ...] | None:
        try:
            answer = await self._link.ask(ShowSources())
        except SpeakerAwayError:
            return None
        if not isinstance(answer, Sources):
            return None
        return tuple(Source(each.family, frozenset(each.sessions), each.prefixes) for each in answer.counts)


def absent_addresses(plan: NodePlan) -> frozenset[str]:
    """The local addresses of its sessions that this machine does not have: no socket can be bound to one."""
    return frozenset(each for each in {session.local_address for session in plan.sessions} - {""} if _is_absent(each))


def _is_absent(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            return error.errno == errno.EADDRNOTAVAIL
    return False
