"""What is true in a running lab right now: sessions from the speakers, routes from the kernel, answers to pings."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bgpctl.errors import NotReadyError
from bgpctl.lab import echo, namespaces
from bgpctl.lab.agents import SPEAKER_SOCKET
from bgpctl.lab.state import LabState
from bgpctl.lab.topology import Node
from reflector.control_client import ControlClient, ControlError
from reflector.messages import PeerStatus, RouteStatus, ShowPeers, ShowRoutes

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """`peer` is the node at the other end, or its address when that is no node of the lab."""

    peer: str
    state: str


@dataclass(frozen=True, slots=True)
class KernelRoute:
    """A route of the main table. `via` is "" on link, `dev` is "" for a blackhole."""

    to: str
    via: str
    dev: str
    protocol: int

    def __str__(self) -> str:
        via = f" via {self.via}" if self.via else ""
        dev = f" dev {self.dev}" if self.dev else ""
        return f"{self.to}{via}{dev or ' blackhole'} protocol {self.protocol}"


class _Hop(msgspec.Struct):
    gateway: str = ""
    dev: str = ""


class _IpRoute(msgspec.Struct):
    """A route as `ip -j` prints it; fields that are not here are skipped."""

    dst: str
    gateway: str = ""
    dev: str = ""
    protocol: str = "0"
    nexthops: list[_Hop] = []


_routes_decoder = msgspec.json.Decoder(list[_IpRoute])


def speaker_peers(state: LabState, node: Node) -> tuple[PeerStatus, ...] | None:
    """The sessions of a node as its speaker knows them; None when it does not answer."""
    try:
        with ControlClient(state.node_directory(node.name) / SPEAKER_SOCKET) as speaker:
            return speaker.ask(ShowPeers()).peers
    except ControlError:
        return None


def sessions(state: LabState, nodes: Iterable[Node]) -> dict[str, tuple[Session, ...]]:
    """By node name; a node whose speaker does not answer is left out."""
    found = {}
    for node in nodes:
        peers = speaker_peers(state, node)
        if peers is not None:
            found[node.name] = tuple(Session(peer.peer_node or peer.peer_address, peer.state) for peer in peers)
    return found


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
    """All IPv4 routes of the main table; of a multipath route one per next hop."""
    with namespaces.inside(namespace):
        done = subprocess.run(
            ["ip", "-Numeric", "-json", "-4", "route", "show"], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise NotReadyError(f"the routes of {namespace} cannot be read: {done.stderr.strip()}")
    return tuple(_expand(_routes_decoder.decode(done.stdout or "[]")))


def _expand(routes: Iterable[_IpRoute]) -> Iterator[KernelRoute]:
    for route in routes:
        for hop in route.nexthops or [_Hop(route.gateway, route.dev)]:
            yield KernelRoute(route.dst, hop.gateway, hop.dev, int(route.protocol))


def pings(state: LabState, pods: Mapping[str, str], timeout: float) -> dict[tuple[str, str], float]:
    """See echo.ping_matrix; `pods` maps a node to its address."""
    return echo.ping_matrix(pods, {name: state.namespace(name) for name in pods}, timeout)
