"""What only the machine knows and the controller compiles with: its addresses, and the workloads that peer with it.

The agent of a directory completes its resources with them (complete); here they are reported, and come back in the
plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.autodetection.host import Host
from bgpctl.agent.autodetection.observer import HostObserver
from bgpctl.agent.autodetection.overlay import Detected
from bgpctl.agent.autodetection.subject import Subject
from bgpctl.agent.complete.endpoint_status import EndpointStatus
from bgpctl.node_plan.assignment import OwnNode
from bgpctl.node_plan.status import Found, FoundWorkload


class Machine:
    """`found` is what there is now; `changed` is called when it is different."""

    def __init__(
        self, detector: Detector, endpoints: EndpointStatus, own_protocol: int, changed: Callable[[], None]
    ) -> None:
        self.found = Found()
        self._detector, self._endpoints = detector, endpoints
        self._own_protocol = own_protocol
        self._changed = changed
        self._own_node: OwnNode | None = None
        self._asked = asyncio.Event()

    @property
    def sentences(self) -> tuple[str, ...]:
        """On the addresses that were looked for."""
        return self._detector.sentences

    def take(self, own_node: OwnNode) -> None:
        """The Node, as the controller has it."""
        if own_node != self._own_node:
            self._own_node = own_node
            self._asked.set()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_for_addresses())
            tasks.create_task(self._look_for_workloads())

    async def _look_for_addresses(self) -> None:
        async with HostObserver(self._own_protocol) as observer:
            while True:
                self._asked.clear()
                own = self._own_node
                if own is not None:
                    subject = Subject(own.bgp_families, own.internal_addresses)
                    is_needed = bool(self._detector.needed(subject))
                    host = await observer.host(self._detector.destinations(subject)) if is_needed else Host()
                    self._detector.look(subject, host)
                    self._update()
                asked = asyncio.ensure_future(self._asked.wait())
                try:
                    await observer.until_changed(asked)
                finally:
                    asked.cancel()
                    await asyncio.wait({asked})

    async def _look_for_workloads(self) -> None:
        while True:
            is_needed = self._own_node is not None and self._own_node.selects_workloads
            await self._endpoints.look(is_needed=is_needed)
            self._update()
            await asyncio.sleep(self._endpoints.interval)

    def _update(self) -> None:
        addresses = {
            family: each.address for family, each in self._detector.outcomes.items() if isinstance(each, Detected)
        }
        found = Found(
            ipv4=addresses.get(4, ""),
            ipv6=addresses.get(6, ""),
            workloads=tuple(
                FoundWorkload(each.bgp_peer, each.interface, each.addresses) for each in self._endpoints.workloads
            ),
        )
        if found != self.found:
            self.found = found
            self._changed()
