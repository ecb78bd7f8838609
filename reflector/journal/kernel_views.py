"""What the kernel's routes answered about next hops: recorded with an engine's events, given once more in a replay.

Rule: not the kernel's table but its answers are an engine's events: few, and enough. An answer is recorded when it is
not the one that was given for this address before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from reflector.kernel.lookup import KernelView, Lookup, LookupT, Touched
from reflector.kernel.resolve import ASSUMED, Resolution

# An address: its bits (32 or 128) and itself as a number.
Address = tuple[int, int]


class RecordingKernelView:
    """Stands before the table that an engine looks in, and calls `answered` with its answers."""

    def __init__(self, table: KernelView, answered: Callable[[Address, Resolution], None]) -> None:
        self.table = table
        self._answered = answered
        self._known: dict[Address, Resolution] = {}

    def take_changes(self) -> Touched:
        return self.table.take_changes()

    def resolve(self, lookup: Lookup) -> Resolution:
        resolution, address = self.table.resolve(lookup), (lookup.bits, lookup.number)
        if self._known.get(address) != resolution:
            self._known[address] = resolution
            self._answered(address, resolution)
        return resolution


class Everything(Touched):
    """Any answer may be another one."""

    def concerned(self, lookups: Collection[LookupT]) -> set[LookupT]:
        return set(lookups)


class ReplayedKernelView:
    """In a replay: the answers so far."""

    def __init__(self) -> None:
        self._known: dict[Address, Resolution] = {}

    def learn(self, address: Address, resolution: Resolution) -> None:
        self._known[address] = resolution

    def take_changes(self) -> Touched:
        return Everything()

    def resolve(self, lookup: Lookup) -> Resolution:
        return self._known.get((lookup.bits, lookup.number), ASSUMED)
