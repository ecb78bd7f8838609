"""The edge to the kernel: reads the links and their addresses, and notices when they change.

Rule: a notification only means that it is time to read everything anew, and that only when the host has come to rest:
an address that goes and returns within `settle` seconds has never been away. As long as no address is needed, no socket
is open.

`can-reach` asks the kernel by connecting a datagram socket, which sends nothing (udp(7)); then changes of
routes count as well, except for those of BGP.
"""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import Any, Self

from bgpctl.agent.autodetection.address_message import decode_host_address
from bgpctl.agent.autodetection.host import Host, HostAddress, HostInterface, Source
from reflector.kernel.netlink.link_message import ADDRESS_DUMP, LINK_DUMP, decode_link
from reflector.kernel.netlink.message import Message
from reflector.kernel.netlink.route_message import DELROUTE, NEWROUTE
from reflector.kernel.netlink.sockets import (
    EVERYTHING,
    LINKS_AND_ADDRESSES,
    DumpInterrupted,
    Monitor,
    Overrun,
    Requests,
)
from reflector.plan import ROUTE_PROTOCOL, Family

# Seconds: a change is taken up after this long without another, and after LIMIT in any case.
SETTLE = 2.0
SETTLE_LIMIT = 10.0
# A name that does not resolve, or a destination without a route, is retried.
RETRY = 30.0
RESOLVE_PATIENCE = 5.0
_DUMP_PAUSE = 0.05
_SLICE = 1000
_RECEIVE_BUFFER = 1024 * 1024
_ANY_PORT = 9  # discard; nothing is sent
_PROTOCOL_OCTET = 5  # in struct rtmsg
_SOCKET_FAMILIES: dict[Family, socket.AddressFamily] = {4: socket.AF_INET, 6: socket.AF_INET6}

Destinations = tuple[tuple[Family, str], ...]


class HostObserver:
    """Looks at the links in this thread's network namespace. Raises OSError where netlink cannot be had."""

    def __init__(self, own_protocol: int = ROUTE_PROTOCOL, *, settle: float = SETTLE, retry: float = RETRY) -> None:
        self._settle = settle
        self._retry = retry
        self._own_protocol = own_protocol
        self._requests: Requests | None = None
        self._monitor: Monitor | None = None
        self._stirred = asyncio.Event()
        self._rest: asyncio.Task[None] | None = None
        self._destinations: Destinations = ()
        self._host: Host | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rest is not None:
            self._rest.cancel()
            await asyncio.wait({self._rest})
        self._close()

    async def host(self, destinations: Destinations) -> Host:
        """The host as it was when it last was at rest, with the sources towards these destinations."""
        if self._host is None or destinations != self._destinations:
            self._close()
            self._destinations = destinations
            self._open()
            self._host = await self._look()
        return self._host

    async def until_changed(self, or_until: asyncio.Future[Any]) -> None:
        """Returns when `host` is another one, or when the future is done. Without a call of `host` before, nothing
        ever changes."""
        while not or_until.done():
            self._rest = self._rest or asyncio.create_task(self._comes_to_rest())
            awaited: set[asyncio.Future[Any]] = {or_until, self._rest}
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if self._rest.done():
                self._rest = None
                before, self._host = self._host, await self._look()
                if self._host != before:
                    return

    # ------------------------------------------------------------------------------------------- notifications

    def _open(self) -> None:
        self._requests = Requests()
        groups = EVERYTHING if self._destinations else LINKS_AND_ADDRESSES
        self._monitor = Monitor(receive_buffer=_RECEIVE_BUFFER, groups=groups)
        asyncio.get_running_loop().add_reader(self._monitor.fileno(), self._read, self._monitor)

    def _close(self) -> None:
        if self._monitor is not None:
            asyncio.get_running_loop().remove_reader(self._monitor.fileno())
            self._monitor.close()
        if self._requests is not None:
            self._requests.close()
        self._monitor = self._requests = None

    def _read(self, monitor: Monitor) -> None:
        try:
            received, _ = monitor.read(_SLICE)
        except Overrun:
            self._stirred.set()
            return
        if any(map(self._matters, received)):
            self._stirred.set()

    def _matters(self, received: Message) -> bool:
        """A route of BGP is no news about the host; anything else may be."""
        return received.kind not in (NEWROUTE, DELROUTE) or received.body[_PROTOCOL_OCTET] != self._own_protocol

    async def _comes_to_rest(self) -> None:
        """Waits for something to happen (or, with questions open, for `retry` seconds), then until nothing does."""
        loop = asyncio.get_running_loop()
        is_open = self._host is not None and not all(each.address for each in self._host.sources.values())
        if not await self._stirs(self._retry if is_open else None):
            return
        deadline = loop.time() + SETTLE_LIMIT
        while (remaining := deadline - loop.time()) > 0 and await self._stirs(min(self._settle, remaining)):
            pass

    async def _stirs(self, within: float | None) -> bool:
        try:
            async with asyncio.timeout(within):
                await self._stirred.wait()
        except TimeoutError:
            return False
        self._stirred.clear()
        return True

    # ------------------------------------------------------------------------------------------- looking

    async def _look(self) -> Host:
        sources = {each: await _source(*each) for each in self._destinations}
        while True:
            try:
                return Host(self._interfaces(), sources)
            except (DumpInterrupted, Overrun):
                await asyncio.sleep(_DUMP_PAUSE)

    def _interfaces(self) -> tuple[HostInterface, ...]:
        if self._requests is None:
            raise AssertionError("the host is looked at before it is open")
        addresses: dict[int, list[HostAddress]] = {}
        for piece in self._requests.dump(ADDRESS_DUMP):
            for found in filter(None, (decode_host_address(body) for _, body in piece)):
                addresses.setdefault(found.ifindex, []).append(found.address)
        links = [link for piece in self._requests.dump(LINK_DUMP) for _, body in piece if (link := decode_link(body))]
        return tuple(
            HostInterface(link.index, link.name, link.up, tuple(addresses.get(link.index, ()))) for link in links
        )


async def _source(family: Family, destination: str) -> Source:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_PATIENCE):
            found = await loop.getaddrinfo(
                destination, _ANY_PORT, family=_SOCKET_FAMILIES[family], type=socket.SOCK_DGRAM
            )
        with socket.socket(_SOCKET_FAMILIES[family], socket.SOCK_DGRAM) as probe:
            probe.connect(found[0][4])
            return Source(str(probe.getsockname()[0]).partition("%")[0])
    except TimeoutError:
        return Source(reason=f"{destination} could not be resolved within {RESOLVE_PATIENCE:g} s")
    except OSError as error:
        return Source(reason=f"{destination} cannot be reached over IPv{family} ({error.strerror or error})")
