"""The routes that came by BGP: what the Loc-RIB stream has sent, which of it is stale, and what is retained. Pure.

Rule: routes that were in the kernel at start, and Loc-RIB routes of before a `begin_sync`, are *stale*. They stay in
the kernel, and are repaired, until the new stream names them or is in sync; then the rest is swept - or, with
`retain`, stays until it is released. It is between the speaker and the kernel what RFC 4724 4.2 is between peers, and
RFC 9494 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from bgpctl.fib.core.desired import Paths
from reflector.kernel.route import Destination


class LearnedRoutes:
    """Mutable. `is_syncing`: the stream has not sent all that it has."""

    def __init__(self) -> None:
        self.is_syncing = True
        self._paths: dict[Destination, Paths] = {}
        self._stale: set[Destination] = set()

    def __iter__(self) -> Iterator[Destination]:
        return iter(self._paths)

    def __contains__(self, destination: Destination) -> bool:
        return destination in self._paths

    def paths(self, destination: Destination) -> Paths | None:
        return self._paths.get(destination)

    def items(self) -> Iterator[tuple[Destination, Paths]]:
        """All of them, retained ones as well."""
        return iter(self._paths.items())

    def is_stale(self, destination: Destination) -> bool:
        return destination in self._stale

    @property
    def stale(self) -> Iterable[Destination]:
        return self._stale

    @property
    def retained_count(self) -> int:
        """How many stay though the stream has sent all."""
        return 0 if self.is_syncing else len(self._stale)

    def leading_to(self, next_hops: frozenset[bytes]) -> Iterator[Destination]:
        """Those of which any next hop is one of these."""
        return (d for d, paths in self._paths.items() if not next_hops.isdisjoint(paths.next_hops))

    def with_next_legs(self, sets: frozenset[tuple[bytes, ...]]) -> Iterator[Destination]:
        """Those whose next hops are one of these sets."""
        return (d for d, paths in self._paths.items() if paths.next_hops in sets)

    # ------------------------------------------------------------------------------------------ the stream

    def begin_sync(self, present: Iterable[Destination]) -> None:
        """A new stream starts: what is known is stale until it is sent; so is what is `present` in the kernel."""
        self.is_syncing = True
        self._stale = {*self._paths, *present}

    def observe(self, present: Iterable[Destination]) -> None:
        """These are in the kernel: stale as well, while the stream is not in sync."""
        if self.is_syncing:
            self._stale.update(destination for destination in present if destination not in self._paths)

    def announce(self, destinations: Sequence[Destination], paths: Paths) -> set[Destination]:
        """Returns those that had these paths already."""
        known = self._paths
        unchanged = {destination for destination in destinations if known.get(destination) == paths}
        known |= dict.fromkeys(destinations, paths)
        self._stale.difference_update(destinations)
        return unchanged

    def withdraw(self, destinations: Sequence[Destination]) -> None:
        self._stale.difference_update(destinations)
        for destination in destinations:
            self._paths.pop(destination, None)

    def recall(self, destinations: Iterable[Destination], paths: Paths) -> list[Destination]:
        """What an earlier agent knew of routes: it is taken up for those that are still there, which are returned."""
        found = [each for each in destinations if each in self._stale and each not in self._paths]
        self._paths |= dict.fromkeys(found, paths)
        return found

    def end_sync(self, is_swept: Callable[[Destination], bool]) -> list[Destination]:
        """The stream has sent all that it has. Returns what it did not name and what is swept; the rest is retained."""
        if not self.is_syncing:
            return []
        self.is_syncing = False
        return [destination for destination in self._stale if is_swept(destination)]
