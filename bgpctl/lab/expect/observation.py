"""What is true in a running lab right now: sessions from the speakers, routes from the kernel, answers to pings."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bgpctl.errors import NotReadyError
from bgpctl.lab.expect.expectations import Ping
from bgpctl.lab.netns import namespaces
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.running.agents import SPEAKER_SOCKET
from bgpctl.lab.topology.topology import Node
from bgpctl.lab.traffic import echo
from reflector.control.client import ControlClient, ControlError
from reflector.messages import PeerStatus, RouteStatus, ShowPeers, ShowRoutes

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """`peer` is the node at the other end, or its address when that is no node of the lab."""

    peer: str
    state: str


@dataclass(frozen=True, slots=True)
class KernelRoute:
    """A route of the main table, `to` with its length. `via` is "" on link, `dev` is "" for a blackhole."""

    to: str
    via: str
    dev: str
    protocol: int

    @property
    def blackhole(self) -> bool:
        return not self.dev

    def __str__(self) -> str:
        via = f" via {self.via}" if self.via else ""
        dev = f" dev {self.dev}" if self.dev else ""
        return f"{self.to}{via}{dev or ' blackhole'} protocol {self.protocol}"


# rtnetlink(7): `ip -N` prints numbers; IPv6 has a device (lo) on these, too.
_RTN_BLACKHOLE = "6"
_FAMILIES = ("-4", "-6")
_EVERYWHERE = {"-4": "0.0.0.0/0", "-6": "::/0"}


class _Via(msgspec.Struct):
    """A gateway of the other family (RFC 8950)."""

    host: str = ""


class _Hop(msgspec.Struct):
    gateway: str = ""
    dev: str = ""
    via: _Via = msgspec.field(default_factory=_Via)


class _IpRoute(msgspec.Struct):
    """A route as `ip -j` prints it; fields that are not here are skipped."""

    dst: str
    type: str = ""
    gateway: str = ""
    dev: str = ""
    protocol: str = "0"
    via: _Via = msgspec.field(default_factory=_Via)
    nexthops: list[_Hop] = []


class _Address(msgspec.Struct):
    local: str = ""
    scope: str = ""


class _Addresses(msgspec.Struct):
    addr_info: list[_Address] = []


_routes_decoder = msgspec.json.Decoder(list[_IpRoute])


def speaker_peers(state: LabState, node: Node) -> tuple[PeerStatus, ...] | None:
    """The sessions of a node as its speaker knows them; None when it does not answer."""
    try:
        with ControlClient(state.node_directory(node.name) / SPEAKER_SOCKET) as speaker:
            return speaker.ask(ShowPeers()).peers
    except ControlError:
        return None


def speaker_routes(directory: Path) -> dict[str, RouteStatus]:
    """The IPv4 Loc-RIB of the node with this run directory, by prefix; empty when its speaker does not answer."""
    routes: dict[str, RouteStatus] = {}
    after = ""
    try:
        with ControlClient(directory / SPEAKER_SOCKET) as speaker:
            while True:
                page = speaker.ask(ShowRoutes(after=after, limit=_PAGE))
                routes |= {route.prefix: route for route in page.routes}
                after = page.next_after
                if not after:
                    return routes
    except ControlError:
        return routes


def kernel_routes(namespace: str) -> tuple[KernelRoute, ...]:
    """All routes of the main table, IPv4 before IPv6; of a multipath route one per next hop."""
    found: list[KernelRoute] = []
    with namespaces.inside(namespace):
        for family in _FAMILIES:
            command = ["ip", "-Numeric", "-json", family, "route", "show"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotReadyError(f"the routes of {namespace} cannot be read: {done.stderr.strip()}")
            for route in _routes_decoder.decode(done.stdout or "[]"):
                found += _expand(route, family)
    return tuple(found)


def _expand(route: _IpRoute, family: str) -> Iterator[KernelRoute]:
    to = str(ipaddress.ip_network(_EVERYWHERE[family] if route.dst == "default" else route.dst))
    if route.type == _RTN_BLACKHOLE:
        yield KernelRoute(to, "", "", int(route.protocol))
        return
    for hop in route.nexthops or [_Hop(route.gateway, route.dev, route.via)]:
        yield KernelRoute(to, hop.gateway or hop.via.host, hop.dev, int(route.protocol))


def addresses(namespace: str) -> tuple[str, ...]:
    """All that the namespace answers for, without their lengths."""
    with namespaces.inside(namespace):
        done = subprocess.run(["ip", "-json", "address", "show"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReadyError(f"the addresses of {namespace} cannot be read: {done.stderr.strip()}")
    links = msgspec.json.decode(done.stdout or "[]", type=list[_Addresses])
    return tuple(each.local for link in links for each in link.addr_info if each.scope == "global")


def pings(state: LabState, wanted: Sequence[Ping], timeout: float) -> dict[Ping, float]:
    """One of each, all at once. Returns the round trip times in seconds of those that were answered within `timeout`
    seconds."""
    namespace = {name: state.namespace(name) for ping in wanted for name in (ping.source, ping.target)}
    return echo.ping_all(wanted, namespace, timeout)
