"""What is not in the kernel as wanted, and why: unresolved next hops, refusals, keys that others hold. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

import msgspec

from bgpctl.fib.foreign_news import ForeignNews
from bgpctl.fib.route import Destination, RouteKey, prefix_text

_T = TypeVar("_T")
_NOTHING: Mapping[RouteKey, str] = {}


class RouteTrouble(msgspec.Struct, frozen=True):
    """A desired route that is not in the kernel as wanted, and why. `metric` is 0 where none was decided."""

    prefix: str
    reason: str
    metric: int = 0


class Troubles:
    """Mutable, by destination; what has nothing to say is not kept. `news`: what foreign routes newly do."""

    def __init__(self) -> None:
        self.news = ForeignNews()
        self._unresolved: dict[Destination, str] = {}
        self._refused: dict[Destination, dict[RouteKey, str]] = {}
        self._held: dict[Destination, Mapping[RouteKey, str]] = {}
        self._shadowed: dict[Destination, Mapping[RouteKey, str]] = {}

    def set_unresolved(self, destination: Destination, reason: str) -> None:
        """`reason` "": every next hop resolves."""
        _put_or_pop(self._unresolved, destination, reason)

    def set_held(self, destination: Destination, held: Mapping[RouteKey, str]) -> None:
        """The wanted keys that foreign routes hold, and which ones do."""
        self.news.note(self._held.get(destination, _NOTHING), held)
        _put_or_pop(self._held, destination, held)

    def set_shadowed(self, destination: Destination, shadowed: Mapping[RouteKey, str]) -> None:
        """The wanted keys that the kernel does not use, because foreign routes have a lower metric."""
        self.news.note(self._shadowed.get(destination, _NOTHING), shadowed)
        _put_or_pop(self._shadowed, destination, shadowed)

    def concern(self, destination: Destination) -> bool:
        """Whether anything was refused, held or shadowed here."""
        return destination in self._refused or destination in self._held or destination in self._shadowed

    def is_unresolved(self, destination: Destination) -> bool:
        return destination in self._unresolved

    def settled(self, destination: Destination) -> None:
        """What is wanted is there, and nothing else."""
        self._refused.pop(destination, None)
        if destination in self._held:
            self.set_held(destination, _NOTHING)
        if destination in self._shadowed:
            self.set_shadowed(destination, _NOTHING)

    def refuse(self, destination: Destination, key: RouteKey, reason: str) -> bool:
        """The kernel refused a change. Returns whether that is news."""
        refusals = self._refused.setdefault(destination, {})
        news = refusals.get(key) != reason
        refusals[key] = reason
        return news

    def keep_refusals(self, destination: Destination, keys: Collection[RouteKey]) -> None:
        """Only these are still to be changed; the others have settled themselves."""
        refusals = self._refused.get(destination)
        if refusals is not None:
            left = {key: reason for key, reason in refusals.items() if key in keys}
            _put_or_pop(self._refused, destination, left)

    def forgive(self, destination: Destination, key: RouteKey) -> None:
        """The kernel accepted a change of this key."""
        refusals = self._refused.get(destination)
        if refusals is not None:
            refusals.pop(key, None)
            _put_or_pop(self._refused, destination, refusals)

    def refused_destinations(self) -> Collection[Destination]:
        return self._refused.keys()

    def held_destinations(self) -> Collection[Destination]:
        return self._held.keys()

    def unresolved(self) -> tuple[RouteTrouble, ...]:
        return tuple(RouteTrouble(prefix_text(d), reason) for d, reason in sorted(self._unresolved.items()))

    def refused(self) -> tuple[RouteTrouble, ...]:
        return _listed(item for refusals in self._refused.values() for item in refusals.items())

    def held(self) -> tuple[RouteTrouble, ...]:
        return _listed(item for held in self._held.values() for item in held.items())

    def shadowed(self) -> tuple[RouteTrouble, ...]:
        return _listed(item for shadowed in self._shadowed.values() for item in shadowed.items())


def _listed(items: Iterable[tuple[RouteKey, str]]) -> tuple[RouteTrouble, ...]:
    return tuple(RouteTrouble(prefix_text((key.family, key.nlri)), reason, key.metric) for key, reason in sorted(items))


def _put_or_pop(at: dict[Destination, _T], destination: Destination, value: _T) -> None:
    if value:
        at[destination] = value
    else:
        at.pop(destination, None)
