"""The kernel as we see it: links, addresses and foreign routes below, our own routes beside them. Pure.

A dump fills it, notifications keep it true. Some things happen without a notification that would do; after them the
view is `outdated` and only another dump helps:

- a link is set down, or loses its last IPv4 address: the kernel drops the IPv4 routes through it and does not notify
- it is set up again: the kernel takes up legs of multipath routes
- another program appends an IPv6 route to a key of ours: the kernel makes one ECMP route of both
"""

from __future__ import annotations

from bgpctl.fib.kernel.observed import ObservedRoutes
from bgpctl.fib.kernel.underlay import Underlay
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.netlink.route_message import RouteEvent
from reflector.kernel.prefix_table import Placement


class KernelView:
    """Mutable. The caller, which has the protocol numbers, distinguishes our routes from foreign ones.

    outdated   another dump is due
    is_known   all but routes of ours that the kernel dropped with their link is as it stands here, so what has to be
               changed because of those does not wait for the dump
    """

    def __init__(self) -> None:
        self.underlay = Underlay()
        self.observed = ObservedRoutes()
        self.outdated = True
        self.is_known = False

    def mark_unknown(self) -> None:
        """Something happened of which nothing is known."""
        self.outdated, self.is_known = True, False

    def become(self, dumped: KernelView) -> None:
        """What was dumped takes the place of all that was known."""
        self.underlay, self.observed = dumped.underlay, dumped.observed
        self.underlay.table.take_changes()
        self.outdated, self.is_known = False, True

    def observe_ours(self, event: RouteEvent) -> None:
        """Another program made, changed or deleted a route with our protocol number."""
        route = event.route
        if event.came:
            self.observed.put(route)
        else:
            self.observed.went(route)
        if event.placement is Placement.REPLACE:
            self.underlay.table.routes.remove_key(route.key)

    def observe_foreign(self, event: RouteEvent) -> bool:
        """A foreign route came or went. Returns whether a route of ours has the same key."""
        route, routes = event.route, self.underlay.table.routes
        ours = any(each.key == route.key for each in self.observed.at(route.destination))
        if not event.came:
            routes.remove(event.nlri, event.terms)
        elif ours and event.placement is Placement.BEHIND and route.family == 6:
            self.outdated = True
        else:
            routes.put(event.nlri, event.terms, event.placement)
            if ours and event.placement is Placement.REPLACE:
                self.observed.remove(route.destination, route.key)
        return ours

    def observe_link(self, link: Link) -> bool:
        """A link came or changed. Returns whether what leads over it may do so now, or no longer."""
        before = self.underlay.links.get(link.index)
        self.outdated |= self.underlay.put_link(link)
        if before is not None and before.up and not link.up:
            self.outdated |= self.observed.uses(link.index)
        return before is None or (before.up, before.name) != (link.up, link.name)

    def remove_link(self, ifindex: int) -> Link | None:
        """A link went. Returns it, if it was known."""
        before = self.underlay.links.get(ifindex)
        self.underlay.remove_link(ifindex)
        self.outdated |= self.observed.uses(ifindex)
        return before

    def observe_address(self, address: LinkAddress, *, came: bool) -> None:
        if came:
            self.underlay.table.put_address(address)
        elif self.underlay.table.remove_address(address):
            self.outdated |= self.observed.uses(address.ifindex)
