"""The destinations that are to be compared with the kernel, and those of them that are to be repaired. Pure.

Rule: whoever learns of a change marks the destinations that it may concern *dirty*; only the comparison takes them off.
A desired route that is put back in place after another program changed or deleted it counts as one repair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from reflector.kernel.route import Destination


class Worklist:
    """Mutable. `repairs` counts since start."""

    def __init__(self) -> None:
        self.repairs = 0
        self._dirty: dict[Destination, None] = {}
        self._to_repair: set[Destination] = set()

    def __bool__(self) -> bool:
        return bool(self._dirty)

    @property
    def dirty(self) -> Collection[Destination]:
        return self._dirty.keys()

    def mark_dirty(self, destinations: Iterable[Destination]) -> None:
        self._dirty |= dict.fromkeys(destinations)

    def mark_one_dirty(self, destination: Destination) -> None:
        self._dirty[destination] = None

    def mark_to_repair(self, destination: Destination) -> None:
        """Another program changed a desired route of ours here."""
        self._dirty[destination] = None
        self._to_repair.add(destination)

    def take(self) -> Destination:
        """The one that was marked last."""
        return self._dirty.popitem()[0]

    def installed(self, destination: Destination) -> None:
        """The kernel accepted a route of ours here: a repair, if one was due."""
        if destination in self._to_repair:
            self._to_repair.remove(destination)
            self.repairs += 1

    def settled(self, destination: Destination) -> None:
        """Nothing has to be changed here."""
        self._to_repair.discard(destination)
