"""Completes the stream of resources with the workloads that peer with this node, from Felix's endpoint-status files.

A BGPPeer with a localWorkloadSelector names workloads by their labels, which only Felix knows on a node. It writes a
file for each workload of the node, PREFIX/endpoint-status/<any name>, in JSON: {"ifaceName": "cali1", "ipv4Nets":
["10.244.1.2/32"], "ipv6Nets": [], "bgpPeerName": "routers"}; the last one is the BGPPeer that it has chosen.

The rule: a workload counts when its file has a BGPPeer and an address. A file that cannot be read is logged once, and
stays what it was when it was last good; one that never was is no workload. The directory is read only while a BGPPeer
has such a selector, once a second: other nodes pay nothing for it, and no change is missed between a first look and a
watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from ipaddress import ip_interface
from pathlib import Path

import msgspec

from bgpctl.agent.node_resources import NodeResources, next_resources
from bgpctl.configuration.compile_options import LocalWorkload
from bgpctl.daemon.logs import get_logger
from bgpctl.datastore.regular_file import read_regular_file

_DIRECTORY = "endpoint-status"
# Seconds between two looks.
INTERVAL = 1.0

log = get_logger("workloads")


class _Status(msgspec.Struct, rename="camel"):
    iface_name: str = ""
    ipv4_nets: list[str] = msgspec.field(default_factory=list, name="ipv4Nets")
    ipv6_nets: list[str] = msgspec.field(default_factory=list, name="ipv6Nets")
    bgp_peer_name: str = msgspec.field(default="", name="bgpPeerName")


_decoder = msgspec.json.Decoder(_Status)


class EndpointStatus:
    """The endpoint-status files under one prefix. `workloads` are those last read, in the order of their files;
    `interval` is between two looks, in seconds."""

    def __init__(self, prefix: Path, interval: float = INTERVAL) -> None:
        self.workloads: tuple[LocalWorkload, ...] = ()
        self._directory = prefix / _DIRECTORY
        self.interval = interval
        self._unreadable: dict[str, str] = {}
        self._last_good: dict[Path, LocalWorkload | None] = {}

    async def follow(self, changes: AsyncIterator[NodeResources]) -> AsyncGenerator[NodeResources, None]:
        """The resources with their workloads, and the last ones once more when the workloads change."""
        upcoming: asyncio.Future[NodeResources | None] | None = None
        resources = await next_resources(changes)
        try:
            while resources is not None:
                is_needed = _is_needed(resources)
                await self.look(is_needed=is_needed)
                yield resources.with_workloads(self.workloads)
                upcoming = upcoming or asyncio.ensure_future(next_resources(changes))
                await self._until_different(upcoming, looking=is_needed)
                if upcoming.done():
                    resources, upcoming = upcoming.result(), None
        finally:
            if upcoming is not None:
                upcoming.cancel()
                await asyncio.wait({upcoming})

    async def look(self, *, is_needed: bool) -> None:
        """What `workloads` is afterwards."""
        self.workloads = await self._look() if is_needed else ()

    async def _until_different(self, upcoming: asyncio.Future[NodeResources | None], *, looking: bool) -> None:
        while not (await asyncio.wait({upcoming}, timeout=self.interval if looking else None))[0]:
            if await self._look() != self.workloads:
                return

    async def _look(self) -> tuple[LocalWorkload, ...]:
        return await asyncio.to_thread(self._read)

    def _read(self) -> tuple[LocalWorkload, ...]:
        try:
            files = sorted(each for each in self._directory.iterdir() if not each.name.startswith("."))
        except FileNotFoundError:
            files = []
        except OSError as error:
            self._log_once(self._directory, str(error))
            return self.workloads
        self._log_once(self._directory, "")
        self._last_good = {file: self._workload(file) for file in files}
        return tuple(found for found in self._last_good.values() if found is not None)

    def _workload(self, file: Path) -> LocalWorkload | None:
        try:
            status = _decoder.decode(read_regular_file(str(file)))
            addresses = tuple(str(ip_interface(each)) for each in (*status.ipv4_nets, *status.ipv6_nets))
        except FileNotFoundError:
            return None  # it has gone meanwhile
        except (OSError, ValueError, RecursionError) as error:
            self._log_once(file, str(error))
            return self._last_good.get(file)
        self._log_once(file, "")
        if not status.bgp_peer_name or not addresses:
            return None
        return LocalWorkload(status.bgp_peer_name, status.iface_name, addresses)

    def _log_once(self, path: Path, reason: str) -> None:
        """Logged when it is another reason than before."""
        if reason and self._unreadable.get(str(path)) != reason:
            log.warning("endpoint status is not readable, its sessions stay as they are", file=str(path), reason=reason)
        self._unreadable[str(path)] = reason


def _is_needed(resources: NodeResources) -> bool:
    return any(peer.spec.local_workload_selector for peer in resources.loaded.resources.bgp_peers.values())
