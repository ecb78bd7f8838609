"""The next hops of learned routes: whether the kernel leads to them, and at which cost.

Rule: an accepted route whose next hop the kernel has no route to is no candidate (NEXT_HOP_UNRESOLVABLE), though the
Adj-RIB-In keeps it, and it is a candidate as soon as there is one, without a route refresh. One lookup serves all paths
with the same next hop; when its answer changes, only these paths' prefixes are looked at. As long as nothing is known
of the kernel - before the first dump, without netlink - every next hop counts as resolvable at cost 0.

    looked up                as it is
    next hop of 32 octets    its global address, which is what the kernel is given as a gateway (RFC 2545 3)
    IPv6 link-local          not at all: it is a neighbour on the session's link
    host route of the plan   as the gateway of that route, which the FIB programs under our own number

A route of this node has no next hop to look up. Source: RFC 4271 9.1.2.1 and 9.1.2.2 e.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from copy import copy
from weakref import WeakSet

from reflector.addresses import pack_address
from reflector.kernel.lookup import KernelView
from reflector.kernel.resolve import ASSUMED, Resolution
from reflector.plan import NodePlan
from reflector.rib.next_hop import NextHop
from reflector.rib.path import Path
from reflector.verdict import RouteVerdict

# So many next hops may be kept without a path before they are swept.
_SPARE = 1000


class NextHops:
    """All next hops that paths have, and some that no path has any more: those are swept now and then."""

    def __init__(self, plan: NodePlan) -> None:
        self._tracked: dict[bytes, NextHop] = {}
        self._paths: WeakSet[Path] = WeakSet()
        self.table: KernelView | None = None
        self._is_used = plan.resolve_next_hops
        self._gateways = _gateways(plan)

    def __len__(self) -> int:
        return len(self._used())

    def unresolvable(self) -> int:
        return sum(not hop.resolution.is_resolvable for hop in self._used())

    def _used(self) -> set[NextHop]:
        return {path.next_hop for path in self._paths if path.next_hop is not None}

    def _sweep(self) -> None:
        self._tracked = {hop.address: hop for hop in self._used()}

    # -------------------------------------------------------------------------------------- paths

    def place(self, path: Path) -> Path:
        """A path that import has just made, with its next hop looked up."""
        if path.attributes is None or not self._is_used:
            return path
        address = path.attributes.next_hop
        if len(address) != 4:
            address = _of_ipv6(address)
        if address:
            hop = self._tracked.get(address) or self._track(address)
            path.next_hop, path.imported = hop, path.attributes
            self._judge(path, hop)
        return path

    def _judge(self, path: Path, next_hop: NextHop) -> None:
        self._paths.add(path)
        if next_hop.resolution.is_resolvable:
            path.attributes, path.verdict = path.imported, RouteVerdict.ACCEPTED
        else:
            path.attributes, path.verdict = None, RouteVerdict.NEXT_HOP_UNRESOLVABLE

    def _track(self, address: bytes) -> NextHop:
        if len(self._tracked) > 2 * len(self._paths) + _SPARE:
            self._sweep()
        hop = self._tracked[address] = NextHop(address, self._gateways.get(address, b""))
        if self.table is not None:
            hop.resolution = self.table.resolve(hop)
        return hop

    def successors(self, changed: Collection[NextHop]) -> dict[Path, Path]:
        """What takes the place of the paths with these next hops: themselves where only the cost differs. A path never
        changes from candidate to not: what its prefixes were advertised as is evaluated on it once more (encoder)."""
        if not changed:
            return {}
        return {path: self._successor(path) for path in list(self._paths) if path.next_hop in changed}

    def _successor(self, path: Path) -> Path:
        hop = path.next_hop
        if hop is None or hop.resolution.is_resolvable == (path.attributes is not None):
            return path
        result = copy(path)
        result.exports = {}
        self._judge(result, hop)
        return result

    # ------------------------------------------------------------------------------------- changes

    def look_in(self, table: KernelView | None) -> set[NextHop]:
        """The next hops that are resolved otherwise, or at another cost, now that this is what is known of the
        kernel: a new table, the one of before with changes since, or None for nothing."""
        touched = table.take_changes() if table is not None else None
        is_same, self.table = table is self.table, table
        tracked = list(self._tracked.values())
        return self._look_up(touched.concerned(tracked) if is_same and touched is not None else tracked)

    def apply(self, plan: NodePlan) -> set[NextHop]:
        """The same for a new plan. Whether next hops are looked up at all is decided in import, which is done anew."""
        self._is_used = plan.resolve_next_hops
        before, self._gateways = self._gateways, _gateways(plan)
        moved = [self._tracked[address] for address in _differences(before, self._gateways) if address in self._tracked]
        for hop in moved:
            hop.look_for(self._gateways.get(hop.address, hop.address))
        return self._look_up(moved)

    def _look_up(self, hops: Iterable[NextHop]) -> set[NextHop]:
        changed = set()
        for hop in hops:
            before, hop.resolution = hop.resolution, self._resolve(hop)
            if (before.is_resolvable, before.cost) != (hop.resolution.is_resolvable, hop.resolution.cost):
                changed.add(hop)
        return changed

    def _resolve(self, hop: NextHop) -> Resolution:
        return ASSUMED if self.table is None else self.table.resolve(hop)


def _of_ipv6(next_hop: bytes) -> bytes:
    """What is looked up of an IPv6 next hop, b"" for nothing."""
    address = next_hop[:16]
    if len(address) != 16 or address == bytes(16):
        return b""
    return b"" if address[0] == 0xFE and address[1] & 0xC0 == 0x80 else address


def _gateways(plan: NodePlan) -> dict[bytes, bytes]:
    return {pack_address(route.address): pack_address(route.gateway) for route in plan.kernel.host_routes}


def _differences(before: dict[bytes, bytes], after: dict[bytes, bytes]) -> set[bytes]:
    return {address for address, _ in before.items() ^ after.items()}
