"""Addresses that are looked up in the kernel's routes, and which of them a change concerns.

Rule: an answer is kept with its address; after a change only the addresses that it touched are looked up anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol, TypeVar

from reflector.kernel.resolve import ASSUMED, Resolution
from reflector.kernel.route import Destination
from reflector.plan import Family

_BITS: dict[Family, int] = {4: 32, 6: 128}


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


class Touched:
    """Where answers may be others than before: prefixes that changed, by family and length, and links that may do so no
    longer. `everything`: any answer may."""

    def __init__(self) -> None:
        self.everything = False
        self._keys: dict[tuple[Family, int], set[int]] = {}
        self._links: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self.everything or self._keys or self._links)

    def add(self, family: Family, length: int, key: int) -> None:
        """`key`: the first `length` bits of the prefix as an integer."""
        keys = self._keys.get((family, length))
        if keys is None:
            keys = self._keys[family, length] = set()
        keys.add(key)

    def add_address(self, address: bytes) -> None:
        self.add(4 if len(address) == 4 else 6, len(address) * 8, int.from_bytes(address, "big"))

    def add_link(self, ifindex: int) -> None:
        """What leads over it may be led elsewhere."""
        self._links.add(ifindex)

    @property
    def concerns_links(self) -> bool:
        """Any route over some link may be used now, or no longer."""
        return self.everything or bool(self._links)

    def concerned(self, lookups: Collection[LookupT]) -> set[LookupT]:
        """Those whose answer may be another one now."""
        if self.everything:
            return set(lookups)
        found: set[LookupT] = set()
        if self._links:
            found.update(each for each in lookups if not self._links.isdisjoint(each.resolution.interfaces))
        for (family, length), keys in self._keys.items():
            bits = _BITS[family]
            spare = bits - length
            found.update(each for each in lookups if each.number >> spare in keys and each.bits == bits)
        return found

    def destinations(self) -> Iterator[Destination]:
        """The prefixes."""
        for (family, length), keys in self._keys.items():
            octets = (length + 7) // 8
            spare = octets * 8 - length
            for key in keys:
                yield family, bytes((length,)) + (key << spare).to_bytes(octets, "big")


class KernelView(Protocol):
    """What next hops are looked up in: a RoutingTable, or what answers in its place."""

    def take_changes(self) -> Touched: ...
    def resolve(self, lookup: Lookup) -> Resolution: ...
