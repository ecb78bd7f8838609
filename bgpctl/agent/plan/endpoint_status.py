"""Which workloads of this node peer with it: what Felix says in its endpoint-status files.

A BGPPeer with a localWorkloadSelector names workloads by their labels, which only Felix knows on a node. It writes a
file for each workload of the node, PREFIX/endpoint-status/<any name>, in JSON: {"ifaceName": "cali1", "ipv4Nets":
["10.244.1.2/32"], "ipv6Nets": [], "bgpPeerName": "routers"}; the last one is the BGPPeer that it has chosen.

The rule: a workload counts when its file says a BGPPeer and an address. One that cannot be read is said once, and is no
workload. The directory is looked at only while a BGPPeer has such a selector, once a second: on no other node does this
cost anything, and there is nothing to be missed between a look and a watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from ipaddress import ip_interface
from pathlib import Path

import msgspec

from bgpctl.agent.host.logs import get_logger
from bgpctl.compiler import LocalWorkload
from bgpctl.resources import Loaded

_DIRECTORY = "endpoint-status"
# Seconds between two looks.
_INTERVAL = 1.0

log = get_logger("workloads")


class _Status(msgspec.Struct, rename="camel"):
    iface_name: str = ""
    ipv4_nets: list[str] = msgspec.field(default_factory=list, name="ipv4Nets")
    ipv6_nets: list[str] = msgspec.field(default_factory=list, name="ipv6Nets")
    bgp_peer_name: str = msgspec.field(default="", name="bgpPeerName")


_decoder = msgspec.json.Decoder(_Status)


class EndpointStatus:
    """`workloads` are those of the last look, in the order of their files."""

    def __init__(self, prefix: Path) -> None:
        self.workloads: tuple[LocalWorkload, ...] = ()
        self._directory = prefix / _DIRECTORY
        self._unreadable: dict[str, str] = {}

    async def follow(self, changes: AsyncIterator[Loaded]) -> AsyncGenerator[Loaded, None]:
        """The resources as they come, and the last ones again when `workloads` are other ones."""
        upcoming: asyncio.Future[Loaded | None] | None = None
        loaded = await anext(changes, None)
        try:
            while loaded is not None:
                self.workloads = await self._look() if _asked(loaded) else ()
                yield loaded
                upcoming = upcoming or asyncio.ensure_future(_next(changes))
                await self._until_different(upcoming, looking=_asked(loaded))
                if upcoming.done():
                    loaded, upcoming = upcoming.result(), None
        finally:
            if upcoming is not None:
                upcoming.cancel()
                await asyncio.wait({upcoming})

    async def _until_different(self, upcoming: asyncio.Future[Loaded | None], *, looking: bool) -> None:
        while not (await asyncio.wait({upcoming}, timeout=_INTERVAL if looking else None))[0]:
            if await self._look() != self.workloads:
                return

    async def _look(self) -> tuple[LocalWorkload, ...]:
        return await asyncio.to_thread(self._read)

    def _read(self) -> tuple[LocalWorkload, ...]:
        try:
            files = sorted(each for each in self._directory.iterdir() if not each.name.startswith("."))
        except OSError as error:
            files = []
            self._say(self._directory, "" if isinstance(error, FileNotFoundError) else str(error))
        else:
            self._say(self._directory, "")
        return tuple(found for file in files if (found := self._workload(file)) is not None)

    def _workload(self, file: Path) -> LocalWorkload | None:
        try:
            status = _decoder.decode(file.read_bytes())
            addresses = tuple(str(ip_interface(each)) for each in (*status.ipv4_nets, *status.ipv6_nets))
        except FileNotFoundError:
            return None  # it has gone meanwhile
        except (OSError, ValueError) as error:
            self._say(file, str(error))
            return None
        self._say(file, "")
        if not status.bgp_peer_name or not addresses:
            return None
        return LocalWorkload(status.bgp_peer_name, status.iface_name, addresses)

    def _say(self, path: Path, reason: str) -> None:
        """Once, until it is another reason."""
        if reason and self._unreadable.get(str(path)) != reason:
            log.warning("endpoint status is not readable, there is no session", file=str(path), reason=reason)
        self._unreadable[str(path)] = reason


def _asked(loaded: Loaded) -> bool:
    return any(peer.spec.local_workload_selector for peer in loaded.resources.bgp_peers.values())


async def _next(changes: AsyncIterator[Loaded]) -> Loaded | None:
    return await anext(changes, None)
