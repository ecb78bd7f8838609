"""What the kernel knows without our BGP routes: its routes, the state of its links, its own addresses.

Rule: what `resolve` answers here is what the kernel would do. A dump fills it, notifications keep it true. Where the
kernel changes something and does not notify, this table does the same of itself, or reports that it is outdated and a
dump is due:

    a link is set down, or loses its last IPv4 address   its IPv4 routes are gone
    a link is up that was a leg of an IPv4 multipath     outdated: the kernel may have taken the leg up again
"""

from __future__ import annotations

from collections import Counter

from reflector.kernel.interfaces import DOWN, Interfaces, InterfaceState
from reflector.kernel.link import LinkAddress
from reflector.kernel.lookup import Lookup, Touched
from reflector.kernel.prefix_table import Entry, PrefixTable
from reflector.kernel.resolve import LINK_LOCAL, NO_ROUTE, OWN_ADDRESS, Resolution, way_out
from reflector.plan import Family

_LINK_LOCAL_BITS, _LINK_LOCAL = 10, 0xFE80 >> 6  # fe80::/10 (RFC 4291 2.5.6)


class RoutingTable:
    """Mutable. `routes` is changed by whoever has routes for it."""

    def __init__(self) -> None:
        self.routes = PrefixTable()
        self.addresses: set[LinkAddress] = set()
        self.interfaces = Interfaces()
        self._own: Counter[bytes] = Counter()
        self._torn: set[int] = set()
        # What entries come to while no link changes, by identity: the prefix table keeps them for good.
        self._answers: dict[int, Resolution | None] = {}

    def is_same_as(self, other: RoutingTable) -> bool:
        return (self.routes, self.addresses, self.interfaces) == (other.routes, other.addresses, other.interfaces)

    # ------------------------------------------------------------------------------------------ links

    def observe_interface(self, ifindex: int, state: InterfaceState) -> bool:
        """A link came or changed. Returns whether this table is outdated now."""
        before = self.interfaces.state(ifindex)
        if state == before:
            return False
        self._answers = {}
        self.interfaces.set_state(ifindex, state)
        if before.up and not state.up:
            self._lose_ipv4(ifindex)
        if (state.up, state.carrier) < (before.up, before.carrier):
            self.routes.touched.add_link(ifindex)
        elif self.routes.uses(ifindex):
            self.routes.touched.everything = True
        if not state.up or ifindex not in self._torn:
            return False
        self._torn.discard(ifindex)
        return True

    def remove_interface(self, ifindex: int) -> None:
        """A link is gone. IPv6 routes over it go with notifications of their own."""
        self.observe_interface(ifindex, DOWN)
        self._torn.discard(ifindex)
        if not self.routes.uses(ifindex):
            self.interfaces.remove(ifindex)

    def set_ignoring(self, family: Family, ifindex: int, *, ignores: bool) -> None:
        """`ignore_routes_with_linkdown`, see `interfaces`."""
        if self.interfaces.set_ignoring(family, ifindex, ignores=ignores):
            self._answers = {}
            self.routes.touched.everything = True

    def _lose_ipv4(self, ifindex: int) -> None:
        if self.routes.remove_ipv4_legs(ifindex):
            self._torn.add(ifindex)

    # ------------------------------------------------------------------------------------------ addresses

    def put_address(self, address: LinkAddress) -> None:
        if address not in self.addresses:
            self.addresses.add(address)
            self._own[address.address] += 1
            self.routes.touched.add_address(address.address)

    def remove_address(self, address: LinkAddress) -> bool:
        """Returns whether it was the link's last IPv4 address: its IPv4 routes are gone with it."""
        if address not in self.addresses:
            return False
        self.addresses.remove(address)
        self._own[address.address] -= 1
        if not self._own[address.address]:
            del self._own[address.address]
        self.routes.touched.add_address(address.address)
        if len(address.address) != 4 or any(
            each.ifindex == address.ifindex and len(each.address) == 4 for each in self.addresses
        ):
            return False
        self._lose_ipv4(address.ifindex)
        return True

    # ------------------------------------------------------------------------------------------ answers

    @property
    def has_changed(self) -> bool:
        return bool(self.routes.touched)

    def take_changes(self) -> Touched:
        """What was touched since this was last asked."""
        touched, self.routes.touched = self.routes.touched, Touched()
        return touched

    def resolve(self, lookup: Lookup) -> Resolution:
        """How the kernel reaches the address."""
        bits, number = lookup.bits, lookup.number
        if number.to_bytes(bits // 8, "big") in self._own:
            return OWN_ADDRESS
        if bits == 128 and number >> (128 - _LINK_LOCAL_BITS) == _LINK_LOCAL:
            return LINK_LOCAL
        for entry in self.routes.matches(4 if bits == 32 else 6, number):
            resolution = self._answer(entry)
            if resolution is not None:
                return resolution
        return NO_ROUTE

    def _answer(self, entry: Entry) -> Resolution | None:
        try:
            return self._answers[id(entry)]
        except KeyError:
            answer = self._answers[id(entry)] = way_out(entry, self.interfaces)
            return answer
