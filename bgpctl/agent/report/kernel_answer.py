"""What the kernel itself does with an address, and which of its routes are around a prefix and inside it.

Rule: it is asked when somebody asks, with a socket of its own: `ip route get` for the address, and a dump for the
others. What carries our protocol number is ours; everything else is foreign.
Source: rtnetlink(7); RTM_GETROUTE with RTM_F_FIB_MATCH answers with the route that matches.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from bgpctl.fib.core.owners import owner_of
from reflector.addresses import unpack_address
from reflector.kernel.netlink.route_message import decode, dump_request, lookup_request
from reflector.kernel.netlink.sockets import DumpInterrupted, Requests
from reflector.kernel.route import UNICAST, Destination, KernelRoute, parse_prefix, prefix_of, prefix_text, route_of
from reflector.messages import KernelAnswer, KernelRouteStatus
from reflector.plan import MAIN_TABLE

MOST = 50
_DUMPS = 3
_LOCAL_TABLE = 255
# Kinds of routes that lead nowhere or here (RTN_*).
KINDS = {2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable", 8: "prohibit",
         9: "throw"}  # fmt: skip
# What the kernel answers where it forwards nothing.
_REFUSALS = {
    errno.ENETUNREACH: "no route: the kernel drops what is for it",
    errno.EHOSTUNREACH: "an unreachable route: the kernel drops what is for it",
    errno.EINVAL: "a blackhole: the kernel drops what is for it",
    errno.EACCES: "a prohibit route: the kernel drops what is for it",
}


def kernel_answer(prefix: str, own: int) -> KernelAnswer:
    """`own` is the protocol number of our routes. Raises ValueError for what is no prefix, OSError where there is no
    netlink."""
    destination = parse_prefix(str(ip_network(prefix)))
    requests = Requests()
    try:
        routes = list(_related(requests, destination))
        return KernelAnswer(
            address=str(ip_address(ip_network(prefix).network_address)),
            answer=_lookup(requests, destination, own),
            routes=tuple(_status(route, own) for route in routes[:MOST]),
            more=max(len(routes) - MOST, 0),
        )
    finally:
        requests.close()


def _lookup(requests: Requests, destination: Destination, own: int) -> str:
    family, nlri = destination
    width = 4 if family == 4 else 16
    try:
        body = requests.ask(lookup_request(family, nlri[1:].ljust(width, b"\0")))
    except OSError as error:
        return _REFUSALS.get(error.errno or 0, error.strerror or str(error))
    found = decode(body)
    return "a route that is not understood" if found is None else _text(route_of(*found), own)


def _related(requests: Requests, destination: Destination) -> Iterator[KernelRoute]:
    """Covering ones, the longest first, then those of the prefix and inside it."""
    asked = prefix_of(destination)
    found = [route for route in _dump(requests, destination) if route.table != _LOCAL_TABLE]
    covering = [route for route in found if prefix_of(route.destination).covers(destination)]
    inside = [route for route in found if asked.covers(route.destination) and route.nlri != destination[1]]
    yield from sorted(covering, key=lambda route: (-route.nlri[0], route.metric))
    yield from sorted(inside, key=lambda route: (route.nlri[1:], route.nlri[0], route.metric))


def _dump(requests: Requests, destination: Destination) -> list[KernelRoute]:
    """Once more where the table changed under it; what is missed after that is a route of this very moment."""
    found: list[KernelRoute] = []
    for _ in range(_DUMPS):
        found.clear()
        try:
            for piece in requests.dump(dump_request(destination[0])):
                found += [route_of(*route) for _, body in piece if (route := decode(body)) is not None]
            break
        except DumpInterrupted:
            continue
    return found


def _status(route: KernelRoute, own: int) -> KernelRouteStatus:
    return KernelRouteStatus(prefix_text(route.destination), _text(route, own), route.protocol != own)


def _text(route: KernelRoute, own: int) -> str:
    """ "10.0.0.0/24 via 10.0.0.2 dev eth0, static (protocol 4, metric 100)"."""
    ways = " and ".join(_way(leg.gateway, leg.ifindex) for leg in route.legs)
    kind = "" if route.kind == UNICAST else KINDS.get(route.kind, f"of kind {route.kind}")
    whose = "ours" if route.protocol == own else owner_of(route)
    table = f", table {route.table}" if route.table not in (MAIN_TABLE, _LOCAL_TABLE) else ""
    how = " ".join(part for part in (kind, prefix_text(route.destination), ways) if part)
    return f"{how}, {whose}{table}"


def _way(gateway: bytes, ifindex: int) -> str:
    try:
        device = socket.if_indextoname(ifindex)
    except OSError:
        device = str(ifindex)
    return f"via {unpack_address(gateway)} dev {device}" if gateway else f"dev {device}"
