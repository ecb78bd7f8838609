"""What the kernel should have: from the Loc-RIB and the plan, over what the kernel knows itself.

For a BGP route that the underlay's guard (underlay_guard) does not refuse, in this order:

1. the first KernelRule that covers the prefix: LEAVE ends here; none: programmed plainly
2. next hops in `excluded_next_hops` are left out (they are reached through WireGuard)
3. each next hop becomes legs: through the tunnel when the rule asks for it - with `cross_subnet` only for next hops
   outside this node's own subnets - and else by recursive resolution (see underlay)
   Of several legs those on links without a carrier are left out while another has one
4. metric = PRIORITY_BASE - LOCAL_PREF, so that a kernel metric survives iBGP; several legs are one ECMP route

Of the Loc-RIB only routes that came by BGP are installed. What this node originates is there already (another program's
kernel route, an interface) or comes from the plan: a blackhole for each own block, host routes, and routes through the
VXLAN to blocks of nodes without a BGP speaker, which stand in the place of any BGP route to the same block. A
blackhole's metric is one below the normal one: it wins over a BGP route to the same block and leaves that route its own
key. A local pod's /32 is longer and wins over both. A block of a single address gets none: it would drop its only pod.
Where a foreign route to the whole block would lose to it, the reconciler leaves it out (see foreign).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from bgpctl.fib.core.underlay_guard import UnderlayGuard
from bgpctl.fib.kernel.underlay import Underlay
from reflector.addresses import pack_address, unpack_address
from reflector.kernel.link import Link
from reflector.kernel.lookup import Touched
from reflector.kernel.resolve import Resolution, Unresolved
from reflector.kernel.route import (
    BLACKHOLE,
    UNICAST,
    Destination,
    KernelRoute,
    Leg,
    Prefix,
    family_of_octets,
    host_destination,
    is_host,
    parse_prefix,
    prefix_of,
)
from reflector.plan import PRIORITY_BASE, Encapsulation, Family, KernelPlan, KernelRule, KernelVerdict, VxlanPlan
from reflector.rib.next_hop import NextHop

IPIP_DEVICE = "tunl0"
_LOWEST_METRIC = 1  # 0 means "the default" to the kernel: IPv6 makes 1024 of it
_PLAIN = KernelRule(network="", verdict=KernelVerdict.PROGRAM)


NO_DEVICE = "the tunnel device does not exist"
NO_VTEP = "no node with a VXLAN tunnel endpoint has this address"
OTHER_FAMILY = "the tunnel does not carry its address family"

# The ways to a next hop, or why there is none.
Legs = tuple[Leg, ...] | str


class Paths(NamedTuple):
    """The way that a BGP route of the Loc-RIB asks for; routes that share it share the object."""

    next_hops: tuple[bytes, ...]
    local_pref: int


class Wish(NamedTuple):
    """The routes wanted at one destination. `reason`: why a next hop, or all of them, could not be used; `refusal`: why
    there is no route though it could be made."""

    routes: tuple[KernelRoute, ...] = ()
    reason: str = ""
    refusal: str = ""


NOTHING = Wish()


class Way(NamedTuple):
    """The legs to a set of next hops; without legs and without a reason the route is left alone."""

    legs: tuple[Leg, ...]
    reason: str


def metric_of(local_pref: int) -> int:
    """The kernel metric that LOCAL_PREF stands for; LOCAL_PREF is 32 bits wide, so it is kept above zero."""
    return max(PRIORITY_BASE - local_pref, _LOWEST_METRIC)


class DesiredRoutes:
    """Answers for one plan; keeps what it resolved until `refresh` is called with what changed below. `new_next_hops`
    are those that were not used before, until they are taken."""

    def __init__(self, plan: KernelPlan, underlay: Underlay, peers: Collection[str] = ()) -> None:
        self.plan = plan
        self.guard = UnderlayGuard(plan, peers, underlay)
        self.new_next_hops: list[bytes] = []
        self._underlay = underlay
        self._rules = [(prefix_of(parse_prefix(rule.network)), rule) for rule in plan.rules]
        self._local = [prefix_of(parse_prefix(text)) for text in plan.local_subnets]
        self._excluded = frozenset(pack_address(text) for text in plan.excluded_next_hops)
        self._static = {pack_address(host.address): pack_address(host.gateway) for host in plan.host_routes}
        self._vtep_of = {vxlan.family: _vteps(vxlan) for vxlan in plan.vxlans}
        self._device_of = {vxlan.family: vxlan.device for vxlan in plan.vxlans}
        self._tunnelled = {parse_prefix(each.prefix): pack_address(each.gateway) for each in plan.tunnel_routes}
        self._next_hops: dict[bytes, NextHop] = {}
        self._ways: dict[tuple[Family, str, tuple[bytes, ...]], Way] = {}

    def tunnel_devices(self) -> frozenset[str]:
        """The links whose coming and going changes every route through a tunnel."""
        return frozenset((IPIP_DEVICE, *self._device_of.values()))

    def bgp(self, destination: Destination, paths: Paths) -> Wish:
        """The kernel route for one BGP route."""
        rule = self._rule_for(destination) if self._rules else _PLAIN
        if rule.verdict is KernelVerdict.LEAVE:
            return NOTHING
        refusal = self.guard.refusal(destination)
        if refusal:
            return Wish(refusal=refusal)
        family, nlri = destination
        way = self._way(family, rule, paths.next_hops)
        if not way.legs:
            return Wish(reason=way.reason)
        metric, plan = metric_of(paths.local_pref), self.plan
        route = KernelRoute(family, nlri, metric, plan.protocol, way.legs, UNICAST, plan.table)
        return Wish((route,), way.reason)

    @property
    def tunnelled(self) -> Collection[Destination]:
        """What the plan routes through the VXLAN."""
        return self._tunnelled.keys()

    def through_tunnel(self, destination: Destination) -> Wish:
        """The kernel route for one of these. They are many where nodes without a BGP speaker are, so each is decided by
        itself."""
        refusal = self.guard.refusal(destination)
        if refusal:
            return Wish(refusal=refusal)
        family, nlri = destination
        gateway, device = self._tunnelled[destination], self._vxlan_device(family)
        if device is None:
            return Wish(reason=_reason(gateway, NO_DEVICE))
        legs, metric, plan = (Leg(gateway, device.index, onlink=True),), self._normal_priority(family), self.plan
        return Wish((KernelRoute(family, nlri, metric, plan.protocol, legs, UNICAST, plan.table),))

    def own(self) -> dict[Destination, Wish]:
        """The plan's other own routes: blackholes and host routes."""
        wishes: dict[Destination, Wish] = {}
        for block in self.plan.blackholes:
            destination = parse_prefix(block)
            if is_host(destination):
                continue
            refusal = self.guard.refusal_of_blackhole(destination)
            wishes[destination] = Wish(refusal=refusal) if refusal else Wish((self._blackhole(destination),))
        for address, gateway in self._static.items():
            wishes[host_destination(address)] = self._host_route(address, gateway)
        return wishes

    def refresh(self, touched: Touched) -> frozenset[bytes]:
        """Resolves anew what is touched. Returns the next hops that are reached otherwise now."""
        moved = set()
        for next_hop in touched.concerned(self._next_hops.values()):
            before, next_hop.resolution = next_hop.resolution, self._underlay.table.resolve(next_hop)
            if next_hop.resolution != before:
                moved.add(next_hop.address)
        for key in [key for key in self._ways if not moved.isdisjoint(key[2])]:
            del self._ways[key]
        return frozenset(moved)

    def refresh_links(self) -> frozenset[tuple[bytes, ...]]:
        """A link became operational or ceased to be so. Returns the sets of next hops whose way changed."""
        moved = set()
        for key, before in self._ways.items():
            family, network, next_hops = key
            self._ways[key] = self._find_way(family, self._rule_of(network), next_hops)
            if self._ways[key] != before:
                moved.add(next_hops)
        return frozenset(moved)

    # --------------------------------------------------------------------------------------------- rules

    def _rule_for(self, destination: Destination) -> KernelRule:
        return next((rule for prefix, rule in self._rules if prefix.covers(destination)), _PLAIN)

    def _rule_of(self, network: str) -> KernelRule:
        return next((rule for _, rule in self._rules if rule.network == network), _PLAIN)

    def _normal_priority(self, family: Family) -> int:
        return self.plan.normal_priority_v4 if family == 4 else self.plan.normal_priority_v6

    def _blackhole(self, destination: Destination) -> KernelRoute:
        family, nlri = destination
        metric = max(self._normal_priority(family) - 1, _LOWEST_METRIC)
        return KernelRoute(family, nlri, metric, self.plan.protocol, kind=BLACKHOLE, table=self.plan.table)

    def _host_route(self, address: bytes, gateway: bytes) -> Wish:
        family, nlri = host_destination(address)
        legs = self._resolve(gateway)
        if isinstance(legs, str):
            return Wish(reason=_reason(gateway, legs))
        metric = self._normal_priority(family)
        return Wish((KernelRoute(family, nlri, metric, self.plan.protocol, legs, table=self.plan.table),))

    # ----------------------------------------------------------------------------------------- next hops

    def _way(self, family: Family, rule: KernelRule, next_hops: tuple[bytes, ...]) -> Way:
        key = family, rule.network, next_hops  # of several rules for a network only the first is ever used
        way = self._ways.get(key)
        if way is None:
            way = self._ways[key] = self._find_way(family, rule, next_hops)
        return way

    def _find_way(self, family: Family, rule: KernelRule, next_hops: tuple[bytes, ...]) -> Way:
        legs: set[Leg] = set()
        reasons = []
        for next_hop in next_hops:
            if next_hop in self._excluded:
                continue
            found = self._legs_to(family, rule, next_hop)
            if isinstance(found, str):
                reasons.append(_reason(next_hop, found))
            else:
                legs.update(found)
        return Way(self._with_carrier(legs), "; ".join(reasons))

    def _with_carrier(self, legs: set[Leg]) -> tuple[Leg, ...]:
        """Those whose links are operational. Where none is, all of them: a cable that is pulled and plugged in again
        costs no route, and the kernel itself keeps routes through a link without a carrier."""
        links = self._underlay.links
        found = [leg for leg in legs if (link := links.get(leg.ifindex)) is None or link.carrier]
        return tuple(sorted(found or legs))

    def _legs_to(self, family: Family, rule: KernelRule, next_hop: bytes) -> Legs:
        is_own = self._resolution(next_hop).reason is Unresolved.OWN_ADDRESS
        if is_own or not self._is_tunnelled(rule, next_hop):
            return self._resolve(next_hop)
        if rule.encapsulation is Encapsulation.IPIP:
            return self._through_ipip(family, next_hop)
        return self._through_vxlan(family, next_hop)

    def _is_tunnelled(self, rule: KernelRule, next_hop: bytes) -> bool:
        if rule.encapsulation is Encapsulation.NONE:
            return False
        return not (rule.cross_subnet and _any_covers(self._local, next_hop))

    def _through_ipip(self, family: Family, next_hop: bytes) -> Legs:
        device = self._underlay.link_named(IPIP_DEVICE)
        if device is None or not device.up:
            return NO_DEVICE
        if family != 4 or family_of_octets(next_hop) != 4:
            return OTHER_FAMILY
        return (Leg(next_hop, device.index, onlink=True),)

    def _through_vxlan(self, family: Family, next_hop: bytes) -> Legs:
        device = self._vxlan_device(family)
        if device is None:
            return NO_DEVICE
        tunnel_address = self._vtep_of[family].get(next_hop)
        if tunnel_address is None:
            return NO_VTEP
        return (Leg(tunnel_address, device.index, onlink=True),)

    def _vxlan_device(self, family: Family) -> Link | None:
        """The one of the family, if it is there and up."""
        device = self._underlay.link_named(self._device_of.get(family, ""))
        return device if device is not None and device.up else None

    def _resolve(self, address: bytes) -> Legs:
        """As the kernel reaches it; a static host route of the plan is reached as its gateway is."""
        resolution = self._resolution(address)
        lead = self._static.get(address, address)
        legs = {leg if leg.gateway else Leg(lead, leg.ifindex) for leg in resolution.legs}
        return tuple(sorted(legs)) if legs else str(resolution.reason)

    def _resolution(self, address: bytes) -> Resolution:
        next_hop = self._next_hops.get(address)
        if next_hop is None:
            next_hop = self._next_hops[address] = NextHop(address, self._static.get(address, b""))
            next_hop.resolution = self._underlay.table.resolve(next_hop)
            self.new_next_hops.append(address)
        return next_hop.resolution


def _vteps(vxlan: VxlanPlan) -> dict[bytes, bytes]:
    """Tunnel address by the node address that is a BGP next hop."""
    return {pack_address(vtep.node_address): pack_address(vtep.tunnel_address) for vtep in vxlan.vteps}


def _any_covers(prefixes: Iterable[Prefix], address: bytes) -> bool:
    return any(prefix.covers_address(address) for prefix in prefixes)


def _reason(next_hop: bytes, reason: str) -> str:
    return f"next hop {unpack_address(next_hop)}: {reason}"
