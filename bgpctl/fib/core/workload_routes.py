"""The kernel's routes to workloads of this node: what is announced of them beside the node's blocks. Pure.

A workload has an interface of its own here, and whoever made it (Felix, a CNI plugin, a person) has put a route to its
address there. Of the routes of a prefix the kernel uses the first one that leaves over a working link. That is one to a
workload if

    its prefix is inside a workload network of the plan (an IPPool), and it is in the main table
    another program made it: neither this one nor the kernel itself (of an address, a redirect, a router advertisement)
    each of its legs leads straight out of an interface, without a gateway
    none of these is the loopback, a tunnel, or a link of the underlay: one with an address inside a local subnet

What stands for itself is announced: an address borrowed from another node's block, a block of one address, and a route
that is more urgent than an ordinary one, for example of a virtual machine that has just moved here. For all others a
block of this node stands.

Rule: beyond MOST_WORKLOAD_ROUTES those that were there first are announced, and the others counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple

from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.kernel.lookup import Touched
from reflector.kernel.route import UNICAST, Destination, KernelRoute, Leg, Prefix, parse_prefix, prefix_of, prefix_text
from reflector.plan import MAIN_TABLE, PRIORITY_BASE, KernelPlan

# What the speaker originates of them. A node has some hundred workloads, and few of them borrow their address.
MOST_WORKLOAD_ROUTES = 4096

LOOPBACK = "lo"
# Kinds of links (IFLA_INFO_KIND) that lead to other nodes.
TUNNELS = frozenset(
    ("erspan", "geneve", "gre", "gretap", "ip6erspan", "ip6gre", "ip6gretap", "ip6tnl", "ipip", "sit")
).union(("vti", "vti6", "vxlan", "wireguard", "xfrm"))
# RTPROT_REDIRECT, RTPROT_KERNEL, RTPROT_RA (linux/rtnetlink.h).
OF_THE_KERNEL = frozenset((1, 2, 9))


class WorkloadRoute(NamedTuple):
    """`metric` is the kernel's, or the normal priority where it has none; `interface` that of the first leg."""

    prefix: str
    metric: int
    interface: str


def _nobody() -> None:
    return None


class WorkloadRoutes:
    """Mutable. `changed` is called whenever the routes are others than before."""

    def __init__(self, plan: KernelPlan, view: KernelView, changed: Callable[[], None] = _nobody) -> None:
        self.changed = changed
        self._view = view
        self._routes: dict[Destination, WorkloadRoute] = {}
        # With a leg without a gateway, inside the networks: whether it leads to a workload depends on links.
        self._candidates: set[Destination] = set()
        self._known = view.underlay
        self._underlay_links: frozenset[int] | None = None
        self._take(plan)

    def __len__(self) -> int:
        return len(self._routes)

    def announced(self) -> tuple[WorkloadRoute, ...]:
        """In the order in which they came."""
        return tuple(islice(self._routes.values(), MOST_WORKLOAD_ROUTES))

    # ------------------------------------------------------------------------------------------ what changes them

    def apply_plan(self, plan: KernelPlan) -> None:
        self._take(plan)
        self._decide_all()

    def refresh(self, touched: Touched, *, links_changed: bool) -> None:
        """Takes up what changed in the kernel: routes, links or addresses, or everything after a dump."""
        if self._view.underlay is not self._known:
            self._decide_all()
            return
        destinations = dict.fromkeys(touched.destinations())
        if links_changed or touched.concerns_links:
            self._underlay_links = None
            destinations |= dict.fromkeys(self._candidates)
        if destinations:
            self._decide(destinations)

    def _decide_all(self) -> None:
        self._known, self._underlay_links = self._view.underlay, None
        table = self._known.table.routes
        found = (each for network in self._networks for each in table.inside(network))
        self._decide(dict.fromkeys((*self._routes, *self._candidates, *found)))

    def _take(self, plan: KernelPlan) -> None:
        self._networks = [prefix_of(parse_prefix(text)) for text in plan.workload_networks]
        self._blocks = [prefix_of(parse_prefix(text)) for text in plan.aggregated_blocks]
        self._subnets = [prefix_of(parse_prefix(text)) for text in plan.local_subnets]
        self._normal_priority = {4: plan.normal_priority_v4, 6: plan.normal_priority_v6}

    # ------------------------------------------------------------------------------------------ the decision

    def _decide(self, destinations: Iterable[Destination]) -> None:
        is_other = False
        for destination in destinations:
            before, after = self._routes.get(destination), self._route_to(destination)
            if after == before:
                continue
            is_other = True
            if after is None:
                del self._routes[destination]
            else:
                self._routes[destination] = after
        if is_other:
            self.changed()

    def _route_to(self, destination: Destination) -> WorkloadRoute | None:
        """What is announced of the prefix."""
        self._candidates.discard(destination)
        if not any(network.covers(destination) for network in self._networks):
            return None
        routes = [each for each in self._view.underlay.at(destination) if each.table == MAIN_TABLE and not each.tos]
        if any(not leg.gateway for route in routes for leg in route.legs):
            self._candidates.add(destination)
        used = next((each for each in routes if each.kind != UNICAST or self._legs(each)), None)
        return self._announced(used) if used is not None else None

    def _announced(self, used: KernelRoute) -> WorkloadRoute | None:
        legs = self._legs(used)
        if not legs or used.protocol in OF_THE_KERNEL or not all(map(self._leads_to_workload, legs)):
            return None
        normal = self._normal_priority[used.family]
        metric = min(used.metric or normal, PRIORITY_BASE)
        if metric >= normal and any(block.covers(used.destination) for block in self._blocks):
            return None
        interface = self._view.underlay.links[legs[0].ifindex].name
        return WorkloadRoute(prefix_text(used.destination), metric, interface)

    def _legs(self, route: KernelRoute) -> tuple[Leg, ...]:
        """Those that the kernel uses; none of a blackhole and the like."""
        interfaces = self._view.underlay.table.interfaces
        return tuple(leg for leg in route.legs if interfaces.takes_part(leg.ifindex, route.family))

    def _leads_to_workload(self, leg: Leg) -> bool:
        link = self._view.underlay.links.get(leg.ifindex)
        if leg.gateway or link is None or link.name == LOOPBACK or link.kind in TUNNELS:
            return False
        return leg.ifindex not in self._links_of_the_underlay()

    def _links_of_the_underlay(self) -> frozenset[int]:
        """Those with an address of this node inside its local subnets."""
        if self._underlay_links is None:
            addresses = self._view.underlay.addresses
            self._underlay_links = frozenset(
                each.ifindex for each in addresses if _any_covers(self._subnets, each.address)
            )
        return self._underlay_links


def _any_covers(prefixes: Iterable[Prefix], address: bytes) -> bool:
    return any(prefix.covers_address(address) for prefix in prefixes)
