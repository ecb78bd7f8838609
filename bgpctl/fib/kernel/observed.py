"""Our routes as the kernel holds them: filled by dumps, kept true by notifications and by the kernel's answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bgpctl.fib.kernel.underlay import without_legs
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

    def forget(self, destination: Destination, key: RouteKey) -> None:
        self._set(destination, self._others(destination, key))

    def went(self, route: KernelRoute) -> None:
        """A notification of deletion: the whole route, or for IPv6 the legs that it names."""
        twin = next((each for each in self.at(route.destination) if each.key == route.key), None)
        left = without_legs(twin, route) if twin is not None and route.family == 6 else None
        if left is not None:
            self.put(left)
        else:
            self.forget(route.destination, route.key)

    def accepted(self, change: Change) -> None:
        """The kernel carried out a change of ours."""
        verb, route = change
        if verb is not Verb.DELETE:
            self.put(route)
        elif self._at.get(route.destination) == (route,):  # by far the most common case
            del self._at[route.destination]
        else:
            self.forget(route.destination, route.key)

    def _others(self, destination: Destination, key: RouteKey) -> tuple[KernelRoute, ...]:
        return tuple(route for route in self.at(destination) if route.key != key)

    def _set(self, destination: Destination, routes: tuple[KernelRoute, ...]) -> None:
        if routes:
            self._at[destination] = routes
        else:
            self._at.pop(destination, None)
