"""From the kernel to the speaker: routes to this node's workloads, as a set of originations that the speaker keeps.

Rule: the set is sent at once when the kernel's routes change, and whole; what changes while it is under way is in the
next one. The speaker keeps it when the agent goes away, and the next speaker finds it in the run directory; an agent
that has just started sends none before it has read the kernel, and leaves none of unknown age to a speaker that it
starts.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bgpctl.agent.speaker.link import ProtocolMismatchError, SpeakerAwayError, SpeakerLink
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.private_file import write_private
from reflector.messages import Originate, Originated
from reflector.originations_file import encode_originations
from reflector.plan import Origination, RouteSource

if TYPE_CHECKING:
    from bgpctl.fib.core.workload_routes import WorkloadRoute
    from bgpctl.fib.programmer import RouteProgrammer

SET_NAME = "workloads"
_PAUSE = 0.2

log = get_logger("agent")


class WorkloadOriginations:
    """`file` is for the next speaker. Nothing is sent before `run` has the programmer."""

    def __init__(self, link: SpeakerLink, file: Path) -> None:
        self._link = link
        self._file = file
        self._programmer: RouteProgrammer | None = None
        self._turn = asyncio.Lock()
        file.unlink(missing_ok=True)

    async def run(self, programmer: RouteProgrammer, answering: asyncio.Event) -> None:
        """For ever. `answering` is set while there is a speaker to take them."""
        self._programmer = programmer
        while True:
            await programmer.workloads_changed.wait()
            await answering.wait()
            try:
                await self.confirm()
            except SpeakerAwayError as error:
                log.debug("no speaker to take the routes of workloads", reason=str(error))
                await asyncio.sleep(_PAUSE)

    async def confirm(self) -> None:
        """Gives the speaker the routes as they are now. Raises SpeakerAwayError."""
        programmer = self._programmer
        if programmer is None:
            return
        async with self._turn:
            programmer.workloads_changed.clear()
            originations = tuple(map(_origination, programmer.workload_routes()))
            self._keep(originations)
            try:
                await self._send(originations)
            except SpeakerAwayError:
                programmer.workloads_changed.set()
                raise

    async def _send(self, originations: tuple[Origination, ...]) -> None:
        answer = await self._link.ask(Originate(SET_NAME, originations))
        if not isinstance(answer, Originated):
            raise ProtocolMismatchError(f"the speaker answered Originate with {answer}")

    def _keep(self, originations: tuple[Origination, ...]) -> None:
        try:
            if originations:
                write_private(self._file, encode_originations({SET_NAME: originations}))
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("routes of workloads cannot be kept for the next speaker", reason=error.strerror)


def _origination(route: WorkloadRoute) -> Origination:
    return Origination(
        route.prefix,
        RouteSource.KERNEL,
        route.metric,
        route.interface,
        defined_by=f"kernel route to a workload, interface {route.interface}, metric {route.metric}",
    )
