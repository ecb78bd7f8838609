"""What the kernel does to our routes and below them, taken up by the FIB. Pure.

A dump is the truth from then on. A notification is of a change that we did not make: where it concerns a desired route
of ours, putting that back counts as a repair. Foreign routes matter in two tables: the one that next hops resolve
through, and the one that ours are in.
"""

from __future__ import annotations

from bgpctl.fib.core.comparison import Comparison
from bgpctl.fib.core.desired_state import DesiredState
from bgpctl.fib.core.learned import LearnedRoutes
from bgpctl.fib.core.worklist import Worklist
from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.netlink.route_message import RouteEvent
from reflector.kernel.observe import observe_netconf
from reflector.kernel.route import Destination, RouteTerms, route_of
from reflector.plan import MAIN_TABLE


class Observation:
    """`links_changed`: links or addresses did since it was last reset."""

    def __init__(
        self, view: KernelView, work: Worklist, desired: DesiredState, learned: LearnedRoutes, comparison: Comparison
    ) -> None:
        self.links_changed = False
        self._view = view
        self._work = work
        self._desired = desired
        self._learned = learned
        self._comparison = comparison
        self._protocols = {desired.plan.protocol}

    def adopt(self, protocol: int) -> None:
        """Routes with this number are ours, too: that of an earlier plan, or of an agent before us."""
        self._protocols.add(protocol)

    # ------------------------------------------------------------------------------------------ dumps

    def add_to(self, view: KernelView, nlri: bytes, terms: RouteTerms) -> None:
        """One route of a dump."""
        if terms.protocol in self._protocols:
            view.observed.put(route_of(nlri, terms))
        elif self._matters(terms):
            view.underlay.table.routes.put(nlri, terms)

    def observe_all(self, view: KernelView) -> None:
        """A whole dump, the truth from here on. The view is ours afterwards."""
        believed = self._view.observed
        self._view.become(view)
        for destination in believed.destinations():
            if view.observed.at(destination) != believed.at(destination):
                self._touched(destination)
        self._learned.observe(view.observed.destinations())
        self._desired.decide_all()

    # ------------------------------------------------------------------------------------------ notifications

    def observe(self, event: RouteEvent) -> None:
        if event.terms.protocol in self._protocols:
            self._view.observe_ours(event)
            self._touched(event.destination)
        elif self._matters(event.terms) and self._view.observe_foreign(event):
            self._work.mark_one_dirty(event.destination)

    def observe_link(self, link: Link) -> None:
        self.links_changed = True
        before = self._view.underlay.links.get(link.index)
        if self._view.observe_link(link):
            self._tunnel_moved(link)
        if before is not None and before.carrier != link.carrier:
            self._desired.refresh_links()
        self._comparison.retry_refused()

    def remove_link(self, ifindex: int) -> None:
        self.links_changed = True
        self._tunnel_moved(self._view.remove_link(ifindex))

    def observe_configuration(self, body: bytes) -> None:
        observe_netconf(self._view.underlay.table, body)

    def observe_address(self, address: LinkAddress, *, came: bool) -> None:
        self.links_changed = True
        self._view.observe_address(address, came=came)
        if self._desired.is_of_own_network(address):
            self._desired.decide_all()

    # ------------------------------------------------------------------------------------------ inside

    def _matters(self, terms: RouteTerms) -> bool:
        return terms.table in (MAIN_TABLE, self._desired.plan.table)

    def _touched(self, destination: Destination) -> None:
        if destination in self._desired:
            self._work.mark_to_repair(destination)
        else:
            self._work.mark_one_dirty(destination)

    def _tunnel_moved(self, link: Link | None) -> None:
        if link is not None and self._desired.depends_on(link):
            self._desired.decide_all()
