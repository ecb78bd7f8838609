"""The kernel's routes by prefix, in the order in which the kernel asks them. Filled by dumps, kept by notifications.

Rule: a notification names a route as a whole, and does to this table what the change did to the kernel's:

    IPv4   routes of one key may stand beside each other: a new one in front of them, an appended one behind them; one
           that replaces takes the place of the first. A deletion names one of them.
    IPv6   routes of one key that have a gateway are one multipath route, and a notification names all its legs; without
           a gateway they stand beside each other. One that replaces takes the place of its like, else of the first. A
           deletion may name single legs.

Most routes differ from many others in their prefix alone: all the rest of them, the *terms*, is one tuple for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum

from reflector.kernel.lookup import Touched
from reflector.kernel.route import Destination, KernelRoute, Prefix, RouteKey, RouteTerms, route_of
from reflector.plan import Family

Entry = tuple[RouteTerms, ...]


class Placement(Enum):
    """Where among the routes of its key a route comes to stand. Routes of a dump stand BEHIND."""

    FRONT = "front"
    BEHIND = "behind"
    REPLACE = "replace"


class PrefixTable:
    """Mutable. `touched` gathers what changed until it is taken."""

    def __init__(self) -> None:
        self.touched = Touched()
        self._at: dict[Family, dict[int, dict[int, Entry]]] = {4: {}, 6: {}}
        # The lengths that occur, longest first.
        self._lengths: dict[Family, list[int]] = {4: [], 6: []}
        self._shared: dict[Entry, Entry] = {}

    def __len__(self) -> int:
        return sum(len(routes) for lengths in self._at.values() for routes in lengths.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrefixTable) and self._at == other._at

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[KernelRoute]:
        for lengths in self._at.values():
            for length, routes in lengths.items():
                octets = (length + 7) // 8
                spare = octets * 8 - length
                for key, entry in routes.items():
                    nlri = bytes((length,)) + (key << spare).to_bytes(octets, "big")
                    for terms in entry:
                        yield route_of(nlri, terms)

    # ------------------------------------------------------------------------------------------ lookups

    def at(self, destination: Destination) -> tuple[KernelRoute, ...]:
        """The routes to exactly this destination."""
        family, nlri = destination
        routes = self._at[family].get(nlri[0])
        if not routes:  # nothing of this length: the usual case
            return ()
        return tuple(route_of(nlri, terms) for terms in routes.get(_key(nlri), ()))

    def inside(self, prefix: Prefix) -> Iterator[Destination]:
        """The destinations inside a prefix."""
        for length, routes in self._at[prefix.family].items():
            if length < prefix.length:
                continue
            beyond, octets = length - prefix.length, (length + 7) // 8
            spare = octets * 8 - length
            for key in routes:
                if key >> beyond == prefix.bits:
                    yield prefix.family, bytes((length,)) + (key << spare).to_bytes(octets, "big")

    def matches(self, family: Family, number: int) -> Iterator[Entry]:
        """The routes of every prefix that covers the address, longest first."""
        bits = 32 if family == 4 else 128
        routes = self._at[family]
        for length in self._lengths[family]:
            entry = routes[length].get(number >> (bits - length))
            if entry is not None:
                yield entry

    def longest(self, family: Family, number: int) -> int | None:
        """The length of the longest prefix that covers the address; None where none does."""
        bits = 32 if family == 4 else 128
        routes = self._at[family]
        return next((length for length in self._lengths[family] if number >> (bits - length) in routes[length]), None)

    def uses(self, ifindex: int) -> bool:
        """Whether any route leaves, or has left, through this link."""
        return any(leg.ifindex == ifindex for entry in self._shared for terms in entry for leg in terms.legs)

    # ------------------------------------------------------------------------------------------ changes

    def put(self, nlri: bytes, terms: RouteTerms, placement: Placement = Placement.BEHIND) -> None:
        """A route came."""
        family, length, key = terms.family, nlri[0], _key(nlri)
        routes = self._at[family].get(length)
        if routes is None:
            routes = self._at[family][length] = {}
            self._lengths[family] = sorted(self._at[family], reverse=True)
        known = routes.get(key)
        entry = (terms,) if known is None else _placed(known, terms, placement)
        routes[key] = self._shared.setdefault(entry, entry)
        self.touched.add(family, length, key)

    def remove(self, nlri: bytes, terms: RouteTerms) -> None:
        """A route went, or those of its legs that are named."""
        self._set(terms.family, nlri[0], _key(nlri), lambda entry: _without(entry, terms))

    def remove_key(self, key: RouteKey) -> None:
        """A route that is not in here took the place of whatever had this key."""
        self._set(
            key.family,
            key.nlri[0],
            _key(key.nlri),
            lambda entry: tuple(each for each in entry if _slot(each) != (key.metric, key.table, key.tos)),
        )

    def remove_ipv4_legs(self, ifindex: int) -> bool:
        """The link was set down: the kernel drops IPv4 routes over it, and does not notify. Returns whether it may have
        left a multipath route with a dead leg, which comes back with the link."""
        concerned = {entry for entry in self._shared if any(_leads_over(terms, ifindex) for terms in entry)}
        is_torn = False
        for length, routes in list(self._at[4].items()):
            for key in [key for key, entry in routes.items() if entry in concerned]:
                is_torn |= any(len(terms.legs) > 1 and _leads_over(terms, ifindex) for terms in routes[key])
                self._set(4, length, key, lambda entry: _without_leg(entry, ifindex))
        return is_torn

    def _set(self, family: Family, length: int, key: int, change: Callable[[Entry], Entry]) -> None:
        routes = self._at[family].get(length, {})
        known = routes.get(key)
        if known is None:
            return
        entry = change(known)
        if entry == known:
            return
        self.touched.add(family, length, key)
        if entry:
            routes[key] = self._shared.setdefault(entry, entry)
            return
        del routes[key]
        if not routes:
            del self._at[family][length]
            self._lengths[family].remove(length)


def _key(nlri: bytes) -> int:
    """The significant bits of the prefix as an integer."""
    return int.from_bytes(nlri[1:], "big") >> ((len(nlri) - 1) * 8 - nlri[0])


def _slot(terms: RouteTerms) -> tuple[int, int, int]:
    """What distinguishes routes of one prefix in the kernel."""
    return terms.metric, terms.table, terms.tos


def _placed(known: Entry, new: RouteTerms, placement: Placement) -> Entry:
    slot = _slot(new)
    if placement is Placement.REPLACE:
        at = _replaced(known, new)
        if at is not None:
            return (*known[:at], new, *known[at + 1 :])
    left = tuple(each for each in known if _slot(each) != slot or not _is_part_of(each, new))
    if placement is Placement.FRONT and new.family == 4:
        before = sum(each.metric < new.metric for each in left)
    else:
        before = sum(each.metric <= new.metric for each in left)
    return (*left[:before], new, *left[before:])


def _replaced(known: Entry, new: RouteTerms) -> int | None:
    """Where the route stands that is replaced."""
    same = [at for at, each in enumerate(known) if _slot(each) == _slot(new)]
    if new.family == 6:
        like = [at for at in same if _has_gateway(known[at]) == _has_gateway(new)]
        same = like or same
    return same[0] if same else None


def _is_part_of(old: RouteTerms, new: RouteTerms) -> bool:
    """Whether the new route has taken the old one up. IPv4 lets no route stand twice."""
    if old.family == 4 or old.kind != new.kind:
        return old == new
    return set(old.legs) <= set(new.legs)


def _without(entry: Entry, gone: RouteTerms) -> Entry:
    at = _gone(entry, gone)
    if at is None:
        return entry
    found = entry[at]
    left = tuple(leg for leg in found.legs if leg not in gone.legs) if found != gone else ()
    rest = (found._replace(legs=left),) if left and len(left) < len(found.legs) else ()
    return (*entry[:at], *rest, *entry[at + 1 :])


def _gone(entry: Entry, gone: RouteTerms) -> int | None:
    """Where the route stands that a deletion names: exactly so, else of the same owner and key, with a leg of it."""
    if gone in entry:
        return entry.index(gone)
    same = [at for at, each in enumerate(entry) if _slot(each) == _slot(gone) and each.protocol == gone.protocol]
    named = [at for at in same if not set(gone.legs).isdisjoint(entry[at].legs)]
    return next(iter(named or same), None)


def _without_leg(entry: Entry, ifindex: int) -> Entry:
    left = (each._replace(legs=tuple(leg for leg in each.legs if leg.ifindex != ifindex)) for each in entry)
    return tuple(new for old, new in zip(entry, left, strict=True) if new.legs or not old.legs)


def _leads_over(terms: RouteTerms, ifindex: int) -> bool:
    return any(leg.ifindex == ifindex for leg in terms.legs)


def _has_gateway(terms: RouteTerms) -> bool:
    return any(leg.gateway for leg in terms.legs)
