"""Small makers of the values these tests speak of, and the one way to wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bgpctl.fib.core.desired import Paths
from bgpctl.fib.kernel.underlay import Underlay
from reflector.addresses import pack_address
from reflector.kernel.change import Change, Verb
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.netlink.route_message import RouteEvent, decode
from reflector.kernel.prefix_table import Placement
from reflector.kernel.route import (
    BLACKHOLE,
    Destination,
    KernelRoute,
    Leg,
    RouteKey,
    RouteTerms,
    parse_prefix,
    route_of,
)
from reflector.messages import LocRibRoutes, LocRibUpdate
from reflector.plan import PRIORITY_BASE, ROUTE_PROTOCOL, RouteSource, SessionType

KERNEL = 2  # RTPROT_KERNEL: a connected route
STATIC = 4
NORMAL = PRIORITY_BASE - 1024  # the LOCAL_PREF of metric 1024
ETH0, ETH1, TUNNEL = 2, 3, 9


def leg(gateway: str = "", ifindex: int = ETH0, *, onlink: bool = False) -> Leg:
    return Leg(pack_address(gateway) if gateway else b"", ifindex, onlink)


def route(
    prefix: str, *legs: Leg, metric: int = 1024, protocol: int = ROUTE_PROTOCOL, kind: int = 0, table: int = 254
) -> KernelRoute:
    """Unicast through the legs; a blackhole without any."""
    family, nlri = parse_prefix(prefix)
    kind = kind or (1 if legs else BLACKHOLE)
    return KernelRoute(family, nlri, metric, protocol, tuple(sorted(legs)), kind, table)


def underlay(*routes: KernelRoute) -> Underlay:
    """eth0 with 10.0.0.1/24 and fd00::1/64, and the given foreign routes on top."""
    made = Underlay()
    made.put_link(Link(ETH0, "eth0"))
    made.table.put_address(LinkAddress(ETH0, pack_address("10.0.0.1"), 24))
    made.table.put_address(LinkAddress(ETH0, pack_address("fd00::1"), 64))
    connected = (
        route("10.0.0.0/24", leg(), metric=0, protocol=KERNEL),
        route("fd00::/64", leg(), metric=256, protocol=KERNEL),
    )
    for each in (*connected, *routes):
        put(made, each)
    return made


def terms_of(route: KernelRoute) -> RouteTerms:
    return RouteTerms(
        route.family, route.metric, route.protocol, route.legs, route.kind, route.table, route.tos, route.mtu
    )


def put(under: Underlay, route: KernelRoute, placement: Placement = Placement.BEHIND) -> None:
    under.table.routes.put(route.nlri, terms_of(route), placement)


def remove(under: Underlay, route: KernelRoute) -> None:
    under.table.routes.remove(route.nlri, terms_of(route))


def event(route: KernelRoute, *, came: bool = True, placement: Placement = Placement.FRONT) -> RouteEvent:
    """A notification."""
    return RouteEvent(route.nlri, terms_of(route), came, placement)


def decoded(body: bytes) -> KernelRoute:
    """The route in a message."""
    found = decode(body)
    assert found is not None
    return route_of(*found)


def carry_out(change: Change, kernel: dict[RouteKey, KernelRoute]) -> None:
    """What the kernel does with a change that it accepts."""
    if change.verb is Verb.DELETE:
        kernel.pop(change.route.key, None)
    else:
        kernel[change.route.key] = change.route


def paths(*next_hops: str, local_pref: int = NORMAL) -> Paths:
    return Paths(tuple(pack_address(next_hop) for next_hop in next_hops), local_pref)


def at(prefix: str) -> Destination:
    return parse_prefix(prefix)


def learned(
    *prefixes: str, via: tuple[str, ...], local_pref: int = NORMAL, source: RouteSource = RouteSource.BGP
) -> LocRibRoutes:
    """Loc-RIB routes of one family with the same next hops."""
    destinations = [parse_prefix(prefix) for prefix in prefixes]
    next_hops = tuple(pack_address(each) for each in via)
    nlri = tuple(nlri for _, nlri in destinations)
    return LocRibRoutes(destinations[0][0], source, SessionType.IBGP, next_hops, local_pref, "", nlri)


def update(*routes: LocRibRoutes, withdrawn: tuple[str, ...] = (), in_sync: bool = True) -> LocRibUpdate:
    gone = [parse_prefix(prefix) for prefix in withdrawn]
    by_family = {family: tuple(n for f, n in gone if f == family) for family in (4, 6)}
    return LocRibUpdate(1, routes, by_family[4], by_family[6], in_sync)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Polls; fails with `what` after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"ten seconds without: {what}"
        await asyncio.sleep(0.01)


def occupied(prefix: str, owner: str, protocol: int, metric: int = 1024) -> str:
    """The sentence on a key that a foreign route has."""
    ip = "ip -6" if ":" in prefix else "ip"
    return (
        f"another program's route has this prefix and metric: {owner} (protocol {protocol}, metric {metric}); "
        f"remove it with `{ip} route del {prefix} metric {metric} proto {protocol}`"
    )
