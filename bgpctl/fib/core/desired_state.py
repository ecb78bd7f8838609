"""The routes that are desired at each destination: the plan's own beside the learned one. Pure.

Rule: the plan's own route wins where both have the same key; where it leads through a tunnel, there is no learned one.
What cannot be had is noted as unresolved. A decision is remembered until its destination is decided anew.
"""

from __future__ import annotations

from collections.abc import Collection

from bgpctl.fib.core.desired import NOTHING, DesiredRoutes, Wish
from bgpctl.fib.core.failures import Failures
from bgpctl.fib.core.foreign import without_harm
from bgpctl.fib.core.learned import LearnedRoutes
from bgpctl.fib.core.worklist import Worklist
from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.lookup import Touched
from reflector.kernel.route import Destination, KernelRoute, host_destination
from reflector.plan import KernelPlan


class DesiredState:
    """Mutable. `count`: routes that are desired, of all destinations that were decided; `peers`: addresses of sessions,
    taken up when everything is decided anew."""

    def __init__(
        self, plan: KernelPlan, learned: LearnedRoutes, view: KernelView, work: Worklist, failures: Failures
    ) -> None:
        self.plan = plan
        self.peers: Collection[str] = ()
        self.own: dict[Destination, Wish] = {}
        self.count = 0
        self._learned = learned
        self._view = view
        self._work = work
        self._failures = failures
        self._routes = DesiredRoutes(plan, view.underlay)
        self._at: dict[Destination, tuple[KernelRoute, ...]] = {}

    def __contains__(self, destination: Destination) -> bool:
        return destination in self._at

    def is_own(self, destination: Destination) -> bool:
        """The plan has a route of its own to it."""
        return destination in self.own or destination in self._routes.tunnelled

    def at(self, destination: Destination) -> tuple[KernelRoute, ...]:
        """As it was decided last."""
        return self._at.get(destination, ())

    def decide_all(self) -> None:
        """Everything is decided anew: for another plan, or because much changed below."""
        self._routes = DesiredRoutes(self.plan, self._view.underlay, self.peers)
        self.own = self._routes.own()
        own = (self.own, self._routes.tunnelled)
        for destinations in (*own, self._learned, self._at, self._view.observed.destinations()):
            self._work.mark_dirty(destinations)

    def refresh(self, changed: Touched) -> bool:
        """Next hops are resolved anew where the underlay changed. Returns whether it did."""
        if not changed:
            return False
        moved = self._routes.refresh(changed)
        if moved:
            self._work.mark_dirty(self._learned.leading_to(moved))
        self.own = self._routes.own()
        self._work.mark_dirty(self.own)
        self._work.mark_dirty(destination for destination in changed.destinations() if destination in self._at)
        return True

    def refresh_links(self) -> None:
        """A link got or lost its carrier."""
        self._work.mark_dirty(self._learned.with_next_legs(self._routes.refresh_links()))

    def is_of_own_network(self, address: LinkAddress) -> bool:
        """What is programmed depends on it: its network is one of this node's own."""
        return self._routes.guard.concerns(address)

    def depends_on(self, link: Link) -> bool:
        """Whether routes lead through this link as through a tunnel."""
        return link.name in self._routes.tunnel_devices()

    def decide(self, destination: Destination, foreign: tuple[KernelRoute, ...]) -> tuple[KernelRoute, ...]:
        """The routes desired here, beside these foreign ones."""
        own, paths = self.own.get(destination, NOTHING), self._learned.paths(destination)
        if destination in self._routes.tunnelled:
            own, paths = self._routes.through_tunnel(destination), None
        if foreign:
            own = own._replace(routes=without_harm(own.routes, foreign))
        learned = self._routes.bgp(destination, paths) if paths is not None else NOTHING
        routes = _both(own, learned)
        self.count += len(routes) - len(self._at.get(destination, ()))
        if routes:
            self._at[destination] = routes
        else:
            self._at.pop(destination, None)
        if self._routes.new_next_hops:
            self._guard_next_hops()
        if own.refusal or learned.refusal or self._failures.is_unsafe(destination):
            self._failures.set_unsafe(destination, own.refusal, learned.refusal)
        if own.reason or learned.reason or self._failures.is_unresolved(destination):
            self._failures.set_unresolved(destination, "; ".join(filter(None, (own.reason, learned.reason))))
        return routes

    def _guard_next_hops(self) -> None:
        """Routes that would take the way to a next hop are none any more."""
        addresses, self._routes.new_next_hops = self._routes.new_next_hops, []
        hosts = map(host_destination, addresses)
        tunnelled = self._routes.tunnelled
        self._work.mark_dirty(each for each in hosts if each in self._learned or each in tunnelled)
        if self._routes.guard.note_next_hops(addresses):
            self.own = self._routes.own()
            self._work.mark_dirty(self.own)


def _both(own: Wish, learned: Wish) -> tuple[KernelRoute, ...]:
    if not own.routes:
        return learned.routes
    taken = [route.key for route in own.routes]
    return (*own.routes, *(route for route in learned.routes if route.key not in taken))
