"""What is not in the kernel as wanted, and why: unresolved next hops, refusals, occupied keys, unsafe routes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeVar

import msgspec

from bgpctl.fib.core.foreign_route_log import ForeignRouteLog
from reflector.kernel.route import Destination, RouteKey, prefix_text

_T = TypeVar("_T")
_NOTHING: Mapping[RouteKey, str] = {}


class RouteFailure(msgspec.Struct, frozen=True):
    """A desired route that is not in the kernel as wanted, and why. `metric` is 0 where none was decided."""

    prefix: str
    reason: str
    metric: int = 0


class Unsafe(NamedTuple):
    """Why a blackhole of the plan, and why a learned route, is not programmed; "" for what is not refused."""

    own: str
    learned: str


class Failures:
    """Mutable, by destination; destinations without a failure are not kept. `log`: what foreign routes newly do."""

    def __init__(self) -> None:
        self.log = ForeignRouteLog()
        self._unresolved: dict[Destination, str] = {}
        self._refused: dict[Destination, dict[RouteKey, str]] = {}
        self._occupied: dict[Destination, Mapping[RouteKey, str]] = {}
        self._shadowed: dict[Destination, Mapping[RouteKey, str]] = {}
        self._unsafe: dict[Destination, Unsafe] = {}

    def set_unresolved(self, destination: Destination, reason: str) -> None:
        """`reason` "": every next hop resolves."""
        _put_or_pop(self._unresolved, destination, reason)

    def set_occupied(self, destination: Destination, occupied: Mapping[RouteKey, str]) -> None:
        """The wanted keys that foreign routes occupy, and which ones do."""
        self.log.note(self._occupied.get(destination, _NOTHING), occupied)
        _put_or_pop(self._occupied, destination, occupied)

    def set_shadowed(self, destination: Destination, shadowed: Mapping[RouteKey, str]) -> None:
        """The wanted keys that the kernel does not use, because foreign routes have a lower metric."""
        self.log.note(self._shadowed.get(destination, _NOTHING), shadowed)
        _put_or_pop(self._shadowed, destination, shadowed)

    def set_unsafe(self, destination: Destination, own: str, learned: str) -> None:
        """Routes of the plan and of BGP that the underlay's guard refuses, with the reason; "": it does not."""
        _put_or_pop(self._unsafe, destination, Unsafe(own, learned) if own or learned else None)

    def is_unsafe(self, destination: Destination) -> bool:
        return destination in self._unsafe

    def concern(self, destination: Destination) -> bool:
        """Whether anything was refused, occupied or shadowed here."""
        return destination in self._refused or destination in self._occupied or destination in self._shadowed

    def is_unresolved(self, destination: Destination) -> bool:
        return destination in self._unresolved

    def settled(self, destination: Destination) -> None:
        """What is wanted is there, and nothing else."""
        self._refused.pop(destination, None)
        if destination in self._occupied:
            self.set_occupied(destination, _NOTHING)
        if destination in self._shadowed:
            self.set_shadowed(destination, _NOTHING)

    def refuse(self, destination: Destination, key: RouteKey, reason: str) -> bool:
        """The kernel refused a change. Returns whether that is new."""
        refusals = self._refused.setdefault(destination, {})
        is_new = refusals.get(key) != reason
        refusals[key] = reason
        return is_new

    def keep_refusals(self, destination: Destination, keys: Collection[RouteKey]) -> None:
        """Only these are still to be changed; the others have settled themselves."""
        refusals = self._refused.get(destination)
        if refusals is not None:
            left = {key: reason for key, reason in refusals.items() if key in keys}
            _put_or_pop(self._refused, destination, left)

    def clear(self, destination: Destination, key: RouteKey) -> None:
        """The kernel accepted a change of this key."""
        refusals = self._refused.get(destination)
        if refusals is not None:
            refusals.pop(key, None)
            _put_or_pop(self._refused, destination, refusals)

    def refused_destinations(self) -> Collection[Destination]:
        return self._refused.keys()

    def occupied_at(self) -> Collection[Destination]:
        return self._occupied.keys()

    def unresolved(self) -> tuple[RouteFailure, ...]:
        return tuple(RouteFailure(prefix_text(d), reason) for d, reason in sorted(self._unresolved.items()))

    def unsafe_own(self) -> tuple[RouteFailure, ...]:
        return tuple(RouteFailure(prefix_text(d), each.own) for d, each in sorted(self._unsafe.items()) if each.own)

    def unsafe_routes(self) -> tuple[RouteFailure, ...]:
        found = sorted(self._unsafe.items())
        return tuple(RouteFailure(prefix_text(d), each.learned) for d, each in found if each.learned)

    def refused(self) -> tuple[RouteFailure, ...]:
        return _listed(item for refusals in self._refused.values() for item in refusals.items())

    def occupied(self) -> tuple[RouteFailure, ...]:
        return _listed(item for occupied in self._occupied.values() for item in occupied.items())

    def shadowed(self) -> tuple[RouteFailure, ...]:
        return _listed(item for shadowed in self._shadowed.values() for item in shadowed.items())


def _listed(items: Iterable[tuple[RouteKey, str]]) -> tuple[RouteFailure, ...]:
    return tuple(RouteFailure(prefix_text((key.family, key.nlri)), reason, key.metric) for key, reason in sorted(items))


def _put_or_pop(at: dict[Destination, _T], destination: Destination, value: _T | None) -> None:
    if value:
        at[destination] = value
    else:
        at.pop(destination, None)
