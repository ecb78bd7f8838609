"""What the kernel knows without us: links, addresses, and routes that are not ours.

It answers how a BGP next hop is reached (RFC 4271 5.1.3, 9.1.2.1): by the longest prefix among the kernel's own
routes of the main table, the lowest metric in it. A connected route gives the next hop on that link; a route
through a gateway gives the gateway. Routes of ours never count, because a BGP route must not resolve through
another BGP route - but for the static host routes of the plan, which exist to make a next hop reachable.

Changes that may alter an answer are gathered as destinations, for whoever keeps answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.route import (
    UNICAST,
    Destination,
    KernelRoute,
    Leg,
    RouteKey,
    family_of,
    host_destination,
    is_link_local,
    nlri_of,
)
from reflector.plan import MAIN_TABLE, Family


class Unresolved(StrEnum):
    """Why a next hop cannot be used."""

    NO_ROUTE = "the kernel has no route to it"
    UNREACHABLE = "the kernel's route to it drops all packets"
    OWN_ADDRESS = "it is an address of this node"
    LINK_LOCAL = "it is link-local, and the route has no interface"
    NO_DEVICE = "the tunnel device does not exist"
    NO_VTEP = "no node with a VXLAN tunnel endpoint has this address"
    OTHER_FAMILY = "the tunnel does not carry its address family"


Resolution = tuple[Leg, ...] | Unresolved


class Underlay:
    """Mutable: told of every link, address and foreign route that comes or goes."""

    def __init__(self) -> None:
        self.links: dict[int, Link] = {}
        self.addresses: set[LinkAddress] = set()
        self._names: dict[str, int] = {}
        self._own: Counter[bytes] = Counter()
        self._routes: dict[Destination, tuple[KernelRoute, ...]] = {}
        self._lengths: dict[Family, Counter[int]] = {4: Counter(), 6: Counter()}
        self._changed: set[Destination] = set()

    # ------------------------------------------------------------------------------------ links, addresses

    def put_link(self, link: Link) -> None:
        self.forget_link(link.index)
        self.links[link.index] = link
        self._names[link.name] = link.index

    def forget_link(self, ifindex: int) -> None:
        link = self.links.pop(ifindex, None)
        if link is not None and self._names.get(link.name) == ifindex:
            del self._names[link.name]

    def link_named(self, name: str) -> Link | None:
        index = self._names.get(name)
        return None if index is None else self.links[index]

    def link_of_address(self, address: bytes) -> Link | None:
        """The link that carries this address of ours."""
        index = next((each.ifindex for each in self.addresses if each.address == address), None)
        return None if index is None else self.links.get(index)

    def put_address(self, address: LinkAddress) -> None:
        if address not in self.addresses:
            self.addresses.add(address)
            self._own[address.address] += 1
            self._changed.add(host_destination(address.address))

    def forget_address(self, address: LinkAddress) -> None:
        if address in self.addresses:
            self.addresses.remove(address)
            self._own[address.address] -= 1
            self._changed.add(host_destination(address.address))

    # -------------------------------------------------------------------------------------- foreign routes

    def put_route(self, route: KernelRoute, *, replaces: bool = False) -> None:
        """A foreign route came. IPv6 has one route a key and kind of legs; IPv4 may hold several."""
        there = list(self._routes.get(route.destination, ()))
        twin = next((each for each in there if _same_slot(each, route)), None)
        if twin is not None and (replaces or route.family == 6 or twin == route):
            there.remove(twin)
        self._set_routes(route.destination, (*there, route))

    def forget_route(self, route: KernelRoute) -> None:
        """A foreign route went, or some of its legs did: the kernel may name just those."""
        there = list(self._routes.get(route.destination, ()))
        twin = route if route in there else next((each for each in there if _same_owner(each, route)), None)
        if twin is None:
            return
        there.remove(twin)
        rest = without_legs(twin, route)
        self._set_routes(route.destination, (*there, rest) if rest is not None else tuple(there))

    def forget_key(self, key: RouteKey) -> None:
        """A route of ours took the place of whatever held this key."""
        destination = key.family, key.nlri
        there = self._routes.get(destination, ())
        left = tuple(route for route in there if route.key != key)
        if len(left) != len(there):
            self._set_routes(destination, left)

    def forget_routes_through(self, ifindex: int) -> None:
        """The link went down: the kernel drops its IPv4 routes without a word."""
        gone = [
            route
            for routes in self._routes.values()
            for route in routes
            if route.family == 4 and any(leg.ifindex == ifindex for leg in route.legs)
        ]
        for route in gone:
            dead = tuple(leg for leg in route.legs if leg.ifindex == ifindex)
            self.forget_route(msgspec.structs.replace(route, legs=dead))

    def at(self, destination: Destination) -> tuple[KernelRoute, ...]:
        """The foreign routes to exactly this destination."""
        return self._routes.get(destination, ())

    def routes(self) -> Iterator[KernelRoute]:
        for routes in self._routes.values():
            yield from routes

    def take_changes(self) -> set[Destination]:
        """Destinations whose answer may differ since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed

    def _set_routes(self, destination: Destination, routes: tuple[KernelRoute, ...]) -> None:
        lengths = self._lengths[destination[0]]
        if destination not in self._routes:
            lengths[destination[1][0]] += 1
        if routes:
            self._routes[destination] = routes
        else:
            self._routes.pop(destination, None)
            lengths[destination[1][0]] -= 1
            if not lengths[destination[1][0]]:
                del lengths[destination[1][0]]
        self._changed.add(destination)

    # ------------------------------------------------------------------------------------------ next hops

    def resolve(self, next_hop: bytes, static: Mapping[bytes, bytes] | None = None) -> Resolution:
        """How `next_hop` is reached. `static` maps addresses to the gateways of the plan's host routes."""
        if self._own[next_hop] > 0:
            return Unresolved.OWN_ADDRESS
        if is_link_local(next_hop):
            return Unresolved.LINK_LOCAL
        gateway = (static or {}).get(next_hop)
        if gateway is not None:
            return self.resolve(gateway)
        route = self._longest_match(next_hop)
        if route is None:
            return Unresolved.NO_ROUTE
        if route.kind != UNICAST or not route.legs:
            return Unresolved.UNREACHABLE
        return tuple(sorted({leg if leg.gateway else Leg(next_hop, leg.ifindex) for leg in route.legs}))

    def _longest_match(self, address: bytes) -> KernelRoute | None:
        family = family_of(address)
        width = len(address) * 8
        value = int.from_bytes(address, "big")
        for length in sorted(self._lengths[family], reverse=True):
            masked = (value >> (width - length) << (width - length)).to_bytes(len(address), "big")
            routes = self._routes.get((family, nlri_of(length, masked)), ())
            usable = [route for route in routes if route.table == MAIN_TABLE and not route.tos]
            if usable:
                return min(usable, key=lambda route: route.metric)
        return None


def without_legs(route: KernelRoute, gone: KernelRoute) -> KernelRoute | None:
    """What is left of `route` when the kernel says that `gone` was deleted. IPv6 deletes single legs of an ECMP
    route, and names only those; None when nothing is left."""
    left = tuple(leg for leg in route.legs if leg not in gone.legs)
    if not left or len(left) == len(route.legs):
        return None
    return msgspec.structs.replace(route, legs=left)


def _same_slot(one: KernelRoute, other: KernelRoute) -> bool:
    return one.key == other.key and _has_gateway(one) == _has_gateway(other)


def _same_owner(one: KernelRoute, other: KernelRoute) -> bool:
    return one.key == other.key and one.protocol == other.protocol


def _has_gateway(route: KernelRoute) -> bool:
    return any(leg.gateway for leg in route.legs)
