"""The next hops of learned routes: whether the kernel leads to them, and at which cost.

Rule: an accepted route whose next hop the kernel has no route to is no candidate (NEXT_HOP_UNRESOLVABLE), though the
Adj-RIB-In keeps it and it comes back without being sent again. One lookup serves all paths with the same next hop;
when its answer changes, only these paths' prefixes are looked at. As long as nothing is known of the kernel -
before the first dump, without netlink - every next hop counts as resolvable at cost 0.

    looked up                as it is
    next hop of 32 octets    its global address, which is what the kernel is given as a gateway (RFC 2545 3)
    IPv6 link-local          not at all: it is a neighbour on the session's link
    host route of the plan   as the gateway of that route, which the FIB programs under our own number

A route of this node has no next hop to look up. Source: RFC 4271 9.1.2.1 and 9.1.2.2 e.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import TYPE_CHECKING
from weakref import WeakSet, WeakValueDictionary

from reflector.plan import NodePlan
from reflector.route_table import ASSUMED, Resolution, RouteTable
from reflector.verdict import RouteVerdict
from reflector.wire.nlri import pack_address

if TYPE_CHECKING:
    from reflector.path import Path


class NextHop:
    """One looked-up address. `paths` are those with this next hop, unresolvable ones among them."""

    __slots__ = ("__weakref__", "address", "paths", "resolution")

    def __init__(self, address: bytes, resolution: Resolution) -> None:
        self.address = address
        self.resolution = resolution
        self.paths: WeakSet[Path] = WeakSet()


class NextHops:
    """All next hops that paths have; one that no path has any more is forgotten with its last path."""

    def __init__(self, plan: NodePlan) -> None:
        self._tracked: WeakValueDictionary[bytes, NextHop] = WeakValueDictionary()
        self._table: RouteTable | None = None
        self._is_used = plan.resolve_next_hops
        self._gateways = _gateways(plan)

    def __len__(self) -> int:
        return len(self._tracked)

    def unresolvable(self) -> int:
        return sum(not hop.resolution.is_resolvable for hop in self._tracked.values())

    # -------------------------------------------------------------------------------------- paths

    def place(self, path: Path) -> Path:
        """A path that import has just made, with its next hop looked up."""
        if path.attributes is None or not self._is_used:
            return path
        address = _looked_up(path.attributes.next_hop)
        if address:
            path.next_hop = self._track(address)
            path.next_hop.paths.add(path)
            path.imported = path.attributes
            _judge(path)
        return path

    def _track(self, address: bytes) -> NextHop:
        hop = self._tracked.get(address)
        if hop is None:
            hop = self._tracked[address] = NextHop(address, self._resolve(address))
        return hop

    # ------------------------------------------------------------------------------------- changes

    def look_in(self, table: RouteTable | None) -> list[NextHop]:
        """The next hops that are resolved otherwise, or at another cost, now that this is what is known of the
        kernel: a new table, the one of before with changes since, or None for nothing."""
        touched = table.take_changes() if table is not None else None
        is_same, self._table = table is self._table, table
        if not is_same or touched is None:
            return self._again(list(self._tracked.values()))
        if not touched:
            return []
        return self._again(
            hop for hop in list(self._tracked.values()) if touched.concerns(self._way(hop.address), hop.resolution)
        )

    def apply(self, plan: NodePlan) -> list[NextHop]:
        """The same for a new plan. Whether next hops are looked up at all is up to import, which is done again."""
        gateways, self._gateways = self._gateways, _gateways(plan)
        self._is_used = plan.resolve_next_hops
        return self._again(list(self._tracked.values())) if gateways != self._gateways else []

    def _again(self, hops: Iterable[NextHop]) -> list[NextHop]:
        changed = []
        for hop in hops:
            before, hop.resolution = hop.resolution, self._resolve(hop.address)
            if before[:2] != hop.resolution[:2]:
                changed.append(hop)
        return changed

    def _way(self, address: bytes) -> bytes:
        return self._gateways.get(address, address)

    def _resolve(self, address: bytes) -> Resolution:
        return ASSUMED if self._table is None else self._table.resolve(self._way(address))


def successor(path: Path) -> Path:
    """What takes the path's place now that its next hop's resolution is another: itself if only the cost differs.

    What was told of a prefix is what its former path says, so a path never changes from candidate to not."""
    if path.next_hop is None or path.next_hop.resolution.is_resolvable == (path.attributes is not None):
        return path
    result = copy(path)
    result.exports = {}
    path.next_hop.paths.add(result)
    _judge(result)
    return result


def _judge(path: Path) -> None:
    is_resolvable = path.next_hop is None or path.next_hop.resolution.is_resolvable
    path.attributes = path.imported if is_resolvable else None
    path.verdict = RouteVerdict.ACCEPTED if is_resolvable else RouteVerdict.NEXT_HOP_UNRESOLVABLE


def _looked_up(next_hop: bytes) -> bytes:
    """b"" for what is not looked up."""
    address = next_hop[:16]
    if len(address) not in (4, 16) or address == bytes(16):
        return b""
    return b"" if len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80 else address


def _gateways(plan: NodePlan) -> dict[bytes, bytes]:
    return {pack_address(route.address): pack_address(route.gateway) for route in plan.kernel.host_routes}
