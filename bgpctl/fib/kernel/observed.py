"""Our routes as the kernel has them: filled by dumps, kept true by notifications and by the kernel's answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from reflector.kernel.change import Change, Verb
from reflector.kernel.route import Destination, KernelRoute, RouteKey


class ObservedRoutes:
    """Mutable. A destination rarely has more than one route of ours, so a tuple of them is looked through."""

    def __init__(self) -> None:
        self._at: dict[Destination, tuple[KernelRoute, ...]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._at.values()))

    def __iter__(self) -> Iterator[KernelRoute]:
        for routes in self._at.values():
            yield from routes

    def destinations(self) -> Iterable[Destination]:
        return self._at.keys()

    def at(self, destination: Destination) -> tuple[KernelRoute, ...]:
        return self._at.get(destination, ())

    def uses(self, ifindex: int) -> bool:
        """Whether any route leaves through this link."""
        return any(leg.ifindex == ifindex for route in self for leg in route.legs)

    def put(self, route: KernelRoute) -> None:
        """The route is there, alone in its key."""
        destination = route.destination
        if destination in self._at:
            self._at[destination] = (*self._others(destination, route.key), route)
        else:
            self._at[destination] = (route,)

    def remove(self, destination: Destination, key: RouteKey) -> None:
        self._set(destination, self._others(destination, key))

    def went(self, route: KernelRoute) -> None:
        """A notification of deletion: the whole route, or for IPv6 the legs that it names."""
        twin = next((each for each in self.at(route.destination) if each.key == route.key), None)
        left = _without_legs(twin, route) if twin is not None and route.family == 6 else None
        if left is not None:
            self.put(left)
        else:
            self.remove(route.destination, route.key)

    def accepted(self, change: Change) -> None:
        """The kernel carried out a change of ours."""
        verb, route = change
        if verb is not Verb.DELETE:
            self.put(route)
        elif self._at.get(route.destination) == (route,):  # by far the most common case
            del self._at[route.destination]
        else:
            self.remove(route.destination, route.key)

    def _others(self, destination: Destination, key: RouteKey) -> tuple[KernelRoute, ...]:
        return tuple(route for route in self.at(destination) if route.key != key)

    def _set(self, destination: Destination, routes: tuple[KernelRoute, ...]) -> None:
        if routes:
            self._at[destination] = routes
        else:
            self._at.pop(destination, None)


def _without_legs(route: KernelRoute, gone: KernelRoute) -> KernelRoute | None:
    """What is left of `route` when the kernel reports that `gone` was deleted. IPv6 deletes single legs of an ECMP
    route, and names only those; None when nothing is left."""
    left = tuple(leg for leg in route.legs if leg not in gone.legs)
    if not left or len(left) == len(route.legs):
        return None
    return msgspec.structs.replace(route, legs=left)
