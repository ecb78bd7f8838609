"""The kernel's main routing table as the next-hop lookup of BGP needs it: longest prefix match over others' routes.

Rule: the answer is the kernel's. Of the longest matching prefix the route with the lowest metric that has a way out
decides; where none of its routes has one, the next shorter prefix is asked.

    a unicast route over a link that is up     resolves, and a default route is one of them (as in BIRD; FRR asks for
                                               a switch before it accepts a default route)
    a unicast route over a link that is down   does not count: neither without carrier (RTNH_F_LINKDOWN) nor switched
                                               off (RTNH_F_DEAD)
    blackhole, unreachable, prohibit, throw    ends the search: unresolvable

The cost is the route's metric as `ip route` shows it, 0 for the network of a link itself. Routes that this node
programs from BGP are never in here: one that resolved its own next hop would keep itself alive for ever.
Source: RFC 4271 9.1.2.1 (resolvability) and 9.1.2.2 e (interior cost).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol, TypeVar


class Leg(NamedTuple):
    """One way out of a route. Legs of one prefix are ordered by metric.

    leads           False for blackhole, unreachable, prohibit, throw
    is_connected    the network of a link itself, put there by the kernel
    gateway         tells legs over one link apart; packed, b"" if the destination is on the link
    """

    metric: int
    leads: bool = True
    is_connected: bool = False
    gateway: bytes = b""
    interface: int = 0


class KernelRoute(NamedTuple):
    """A route as it came or went. `bits`: 32 or 128; `key`: the first `length` bits of the destination as an integer.
    `replaces`: it took the place of what had the same metric."""

    bits: int
    length: int
    key: int
    legs: tuple[Leg, ...]
    replaces: bool = False


class Resolution(NamedTuple):
    """What the kernel makes of an address. `interfaces` are the indexes of the links that lead there."""

    is_resolvable: bool
    cost: int = 0
    interfaces: tuple[int, ...] = ()


class Lookup:
    """An address of 4 or 16 octets and what it was resolved to. One is made for each, for it is looked up often."""

    __slots__ = ("__weakref__", "bits", "number", "resolution")

    def __init__(self, address: bytes) -> None:
        self.look_for(address)
        self.resolution = ASSUMED

    def look_for(self, address: bytes) -> None:
        self.bits = len(address) * 8
        self.number = int.from_bytes(address, "big")


LookupT = TypeVar("LookupT", bound=Lookup)

ASSUMED = Resolution(is_resolvable=True)
NOWHERE = Resolution(is_resolvable=False)


class Touched:
    """Where answers may be others than before: prefixes that changed, by length, and links that went down."""

    def __init__(self) -> None:
        self._keys: dict[tuple[int, int], set[int]] = {}
        self._links: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._keys or self._links)

    def add(self, route: KernelRoute) -> None:
        self._keys.setdefault((route.bits, route.length), set()).add(route.key)

    def add_link(self, interface: int) -> None:
        self._links.add(interface)

    def concerned(self, lookups: Collection[LookupT]) -> set[LookupT]:
        """Those whose answer may be another one now."""
        found: set[LookupT] = set()
        if self._links:
            found.update(each for each in lookups if not self._links.isdisjoint(each.resolution.interfaces))
        for (bits, length), keys in self._keys.items():
            spare = bits - length
            found.update(each for each in lookups if each.number >> spare in keys and each.bits == bits)
        return found


class KernelView(Protocol):
    """What next hops are looked up in: a RouteTable, or who answers in its place."""

    def take_changes(self) -> Touched: ...
    def resolve(self, lookup: Lookup) -> Resolution: ...


class RouteTable:
    """Mutable: filled by a dump, kept true by notifications. A link that nothing was heard of is up."""

    def __init__(self) -> None:
        self._routes: dict[int, dict[int, dict[int, tuple[Leg, ...]]]] = {32: {}, 128: {}}
        # The lengths that occur, longest first.
        self._lengths: dict[int, list[int]] = {32: [], 128: []}
        self._down: set[int] = set()
        # Most routes share their legs with many others: one tuple for all of them.
        self._shared: dict[tuple[Leg, ...], tuple[Leg, ...]] = {}
        # What these shared ones, by identity, come to while no link changes.
        self._answers: dict[int, Resolution | None] = {}
        self._touched = Touched()

    def __len__(self) -> int:
        return sum(len(routes) for lengths in self._routes.values() for routes in lengths.values())

    def put(self, route: KernelRoute) -> None:
        """It came. Ways that are there already stay one: the kernel names all of a multipath route's for a new one."""
        routes = self._routes[route.bits].get(route.length)
        if routes is None:
            routes = self._routes[route.bits][route.length] = {}
            self._lengths[route.bits] = sorted(self._routes[route.bits], reverse=True)
        known, legs = routes.get(route.key, ()), route.legs
        if known:
            metric = legs[0].metric if route.replaces else None
            legs = tuple(sorted({*legs, *(leg for leg in known if leg.metric != metric)}))
        routes[route.key] = self._shared.setdefault(legs, legs)
        self._touched.add(route)

    def remove(self, route: KernelRoute) -> None:
        """It went, or those of its ways that are named."""
        routes = self._routes[route.bits].get(route.length, {})
        legs = tuple(leg for leg in routes.get(route.key, ()) if leg not in route.legs)
        if legs:
            routes[route.key] = self._shared.setdefault(legs, legs)
        elif routes.pop(route.key, None) is not None and not routes:
            del self._routes[route.bits][route.length]
            self._lengths[route.bits].remove(route.length)
        self._touched.add(route)

    def link(self, interface: int, *, is_up: bool) -> bool:
        """A link is up or down. Returns whether this table is outdated now.

        A link that goes down takes IPv4 routes along of which the kernel tells nothing, so when it comes up again only
        a dump tells what is left: until then the link counts as down here."""
        self._answers = {}
        if is_up:
            if interface in self._down and not self._uses(interface):
                self._down.discard(interface)
            return interface in self._down
        if interface not in self._down:
            self._down.add(interface)
            self._touched.add_link(interface)
        return False

    def _uses(self, interface: int) -> bool:
        """Whether any route leaves, or has left, through this link."""
        return any(leg.interface == interface for legs in self._shared for leg in legs)

    def is_as(self, other: RouteTable) -> bool:
        """The same routes over the same links."""
        return self._routes == other._routes and self._down == other._down

    @property
    def has_changed(self) -> bool:
        return bool(self._touched)

    def take_changes(self) -> Touched:
        """What was touched since this was last asked."""
        touched, self._touched = self._touched, Touched()
        return touched

    def resolve(self, lookup: Lookup) -> Resolution:
        bits, number = lookup.bits, lookup.number
        routes = self._routes[bits]
        for length in self._lengths[bits]:
            legs = routes[length].get(number >> (bits - length))
            if legs is not None:
                resolution = self._answer(legs)
                if resolution is not None:
                    return resolution
        return NOWHERE

    def _answer(self, legs: tuple[Leg, ...]) -> Resolution | None:
        try:
            return self._answers[id(legs)]
        except KeyError:
            answer = self._answers[id(legs)] = self._way_out(legs)
            return answer

    def _way_out(self, legs: tuple[Leg, ...]) -> Resolution | None:
        """By the first metric at which there is a way, None if there is none at any."""
        alive = [leg for leg in legs if not leg.leads or leg.interface not in self._down]
        if not alive:
            return None
        leading = [leg for leg in alive if leg.metric == alive[0].metric and leg.leads]
        if not leading:
            return NOWHERE
        cost = min(0 if leg.is_connected else leg.metric for leg in leading)
        return Resolution(True, cost, tuple(leg.interface for leg in leading))
