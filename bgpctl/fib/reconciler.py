"""Where desired and observed routes meet: told of every event, it says what to tell the kernel next. Pure.

A destination is *dirty* when something about it may have changed; `next_changes` compares the dirty ones, a slice
at a time. Whatever the kernel answers comes back by `applied` or `refused`.

Restart: routes that were there before, and Loc-RIB routes of before a `begin_sync`, are *stale*. They stay in the
kernel, and are repaired, until the new stream has named them or is in sync; then the rest is swept - or, with
`retain`, stays until somebody says of each that it is over (`release`). It is between the speaker and the kernel what
RFC 4724 4.2 is between peers, and RFC 9494 4.2.

Ours is what carries our protocol number. Routes of others are never changed: where one holds a key that we want,
that is reported as foreign, and our route takes its place once it has gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from errno import EEXIST, ENOENT, ESRCH

from bgpctl.fib.desired import NOTHING, DesiredRoutes, Paths, Wish
from bgpctl.fib.difference import Change, Verb, difference
from bgpctl.fib.foreign import holders, shadowed, without_harm
from bgpctl.fib.kernel.kernel_view import KernelView, RouteEvent
from bgpctl.fib.kernel.underlay import Link, LinkAddress
from bgpctl.fib.retained import RetainedRoute, gateways_of
from bgpctl.fib.route import Destination, KernelRoute
from bgpctl.fib.troubles import Troubles
from reflector.plan import MAIN_TABLE, KernelPlan

_ALREADY_GONE = (ESRCH, ENOENT)


class Reconciler:
    """The state of the FIB. `links_changed`: links or addresses did since somebody set it back."""

    def __init__(self, plan: KernelPlan) -> None:
        self.view = KernelView()
        self.troubles = Troubles()
        self.syncing = True
        self.links_changed = False
        self.repairs = 0
        self._plan = plan
        self._protocols = {plan.protocol}
        self._desired = DesiredRoutes(plan, self.view.underlay)
        self._own: dict[Destination, Wish] = {}
        self._loc_rib: dict[Destination, Paths] = {}
        self._wanted: dict[Destination, tuple[KernelRoute, ...]] = {}
        self._wanted_count = 0
        self._stale: set[Destination] = set()
        self._dirty: dict[Destination, None] = {}
        self._to_repair: set[Destination] = set()
        self.want_resync()

    # --------------------------------------------------------------------------------- what should be there

    def adopt(self, protocol: int) -> None:
        """Routes with this number are ours, too: that of an agent before us. Before anything is observed."""
        self._protocols.add(protocol)

    def apply_plan(self, plan: KernelPlan) -> None:
        """Everything is decided again; what does not differ is not touched."""
        # Foreign routes are known only of the tables that matter: another table has to be looked at first.
        if plan.table != self._plan.table:
            self.want_resync()
        self._plan = plan
        self._protocols.add(plan.protocol)
        self._decide_all_again()

    def begin_sync(self) -> None:
        """A new Loc-RIB stream starts: what is known is stale until it comes again."""
        self.syncing = True
        self._stale = {*self._loc_rib, *self.view.observed.destinations()}

    def announce(self, destinations: Iterable[Destination], paths: Paths) -> None:
        for destination in destinations:
            self._stale.discard(destination)
            known = self._loc_rib.get(destination) == paths
            self._loc_rib[destination] = paths
            if not known or self._wanted.get(destination) != self.view.observed.at(destination):
                self._dirty[destination] = None

    def withdraw(self, destinations: Iterable[Destination]) -> None:
        for destination in destinations:
            self._stale.discard(destination)
            self._loc_rib.pop(destination, None)
            self._dirty[destination] = None

    def end_sync(self) -> None:
        """The stream is in sync: what it did not name is swept."""
        if self.syncing:
            self.syncing = False
            self.withdraw(list(self._stale))

    def recall(self, destinations: Iterable[Destination], paths: Paths) -> None:
        """What an earlier agent knew of routes: of those that are still there it is taken up, nothing is added."""
        for destination in destinations:
            if destination in self._stale and destination not in self._loc_rib:
                self._loc_rib[destination] = paths
                self._dirty[destination] = None

    def retain(self) -> None:
        """The stream has said all that it can say now: what was learned and it did not name stays until `release`."""
        if self.syncing:
            self.syncing = False
            self.withdraw([each for each in self._stale if not self._was_learned(each)])

    def release(self, destinations: Iterable[Destination]) -> None:
        """What is retained of these goes."""
        self.withdraw([destination for destination in destinations if destination in self._stale])

    def retained(self) -> Iterator[RetainedRoute]:
        """What stays without being named by the stream, or not yet."""
        for destination in self._stale:
            paths = self._loc_rib.get(destination)
            if paths is not None:
                yield RetainedRoute(destination, paths.next_hops, is_certain=True)
            elif self._was_learned(destination):
                yield gateways_of(destination, self.view.observed.at(destination))

    @property
    def retained_count(self) -> int:
        """How many stay though the stream has said all."""
        return 0 if self.syncing else len(self._stale)

    def known(self) -> Iterator[tuple[Destination, Paths]]:
        """All routes of the Loc-RIB, retained ones as well."""
        return iter(self._loc_rib.items())

    def _was_learned(self, destination: Destination) -> bool:
        """By BGP: neither the plan's own nor a blackhole of an earlier plan."""
        if destination in self._own:
            return False
        return destination in self._loc_rib or any(route.hops for route in self.view.observed.at(destination))

    # -------------------------------------------------------------------------------------- what is there

    @property
    def resync_wanted(self) -> bool:
        """Something happened that no notification tells: a whole dump is due."""
        return self.view.outdated

    @property
    def resync_can_wait(self) -> bool:
        """What we know is right, but for routes of ours that the kernel dropped with their link: what is to be changed
        because of that does not wait for the dump that finds the others."""
        return self._knows_others

    def want_resync(self) -> None:
        self._knows_others = False
        self.view.outdated = True

    def add_to(self, view: KernelView, route: KernelRoute) -> None:
        """One route of a dump."""
        if route.protocol in self._protocols:
            view.observed.put(route)
        elif self._matters(route):
            view.underlay.put_route(route)

    def observe_all(self, view: KernelView) -> None:
        """A whole dump, the truth from here on. The view is ours afterwards."""
        self._knows_others = True
        believed, self.view = self.view.observed, view
        view.underlay.take_changes()
        for destination in believed.destinations():
            if view.observed.at(destination) != believed.at(destination):
                self._touched(destination)
        if self.syncing:
            self._stale.update(d for d in view.observed.destinations() if d not in self._loc_rib)
        self._decide_all_again()

    def observe(self, event: RouteEvent) -> None:
        """A notification of a change that we did not make."""
        if event.route.protocol in self._protocols:
            self.view.observe_ours(event)
            self._touched(event.route.destination)
        elif self._matters(event.route) and self.view.observe_foreign(event):
            self._dirty[event.route.destination] = None

    def observe_link(self, link: Link) -> None:
        self.links_changed = True
        before = self.view.underlay.links.get(link.index)
        if self.view.observe_link(link):
            self._tunnel_moved(link)
        if before is not None and before.running != link.running:
            moved = self._desired.refresh_links()
            self._soil(d for d, paths in self._loc_rib.items() if paths.next_hops in moved)
        self.retry_refused()

    def forget_link(self, ifindex: int) -> None:
        self.links_changed = True
        self._tunnel_moved(self.view.forget_link(ifindex))

    def observe_address(self, address: LinkAddress, *, came: bool) -> None:
        self.links_changed = True
        self.view.observe_address(address, came=came)

    def refresh(self) -> None:
        """Takes up what changed below us: next hops are resolved again, refused routes tried again."""
        changed = self.view.underlay.take_changes()
        if not changed:
            return
        moved = self._desired.refresh(changed)
        if moved:
            self._soil(d for d, paths in self._loc_rib.items() if not moved.isdisjoint(paths.next_hops))
        self._own = self._desired.own()
        self._soil(self._own)
        self._soil(d for d in changed if d in self._wanted)
        self.retry_refused()

    def retry_refused(self) -> None:
        self._soil(self.troubles.refused_destinations())

    # --------------------------------------------------------------------------------------- what to change

    @property
    def has_work(self) -> bool:
        return bool(self._dirty)

    def next_changes(self, limit: int) -> list[Change]:
        """Compares dirty destinations until there are `limit` changes, or a few more, or as many destinations are
        done as a slice of work should have. Deletions come last."""
        changes: list[Change] = []
        deletions: list[Change] = []
        compared = 0
        while self._dirty and len(changes) + len(deletions) < limit and compared < 2 * limit:
            destination, _ = self._dirty.popitem()
            for change in self._changes_at(destination):
                (deletions if change.verb is Verb.DELETE else changes).append(change)
            compared += 1
        return changes + deletions

    def applied(self, change: Change) -> None:
        """The kernel accepted the change."""
        destination = change.route.destination
        self.view.observed.accepted(change)
        if self.troubles.concern(destination):
            self.troubles.forgive(destination, change.route.key)
        if destination in self._to_repair and change.verb is not Verb.DELETE:
            self._to_repair.remove(destination)
            self.repairs += 1

    def refused(self, change: Change, errno: int, reason: str) -> bool:
        """The kernel said no. Returns whether that is news."""
        if change.verb is Verb.DELETE and errno in _ALREADY_GONE:
            self.applied(change)
            return False
        news = self.troubles.refuse(change.route.destination, change.route.key, reason)
        if errno == EEXIST and news:
            # A key that exists where we know of none: we missed something. Once, or we would look for ever.
            self.want_resync()
        return news

    @property
    def desired_count(self) -> int:
        return self._wanted_count

    @property
    def installed_count(self) -> int:
        """Desired routes that the kernel holds exactly so. Where nothing is outstanding, it does."""
        missing = 0
        troubles = self.troubles
        for destination in {*self._dirty, *troubles.refused_destinations(), *troubles.held_destinations()}:
            there = self.view.observed.at(destination)
            missing += sum(route not in there for route in self._wanted.get(destination, ()))
        return self._wanted_count - missing

    # --------------------------------------------------------------------------------------------- inside

    def _matters(self, route: KernelRoute) -> bool:
        """Foreign routes: those that next hops resolve through, those beside ours."""
        return route.table in (MAIN_TABLE, self._plan.table)

    def _soil(self, destinations: Iterable[Destination]) -> None:
        self._dirty |= dict.fromkeys(destinations)

    def _touched(self, destination: Destination) -> None:
        """Somebody changed our routes here: putting a wanted one back counts as a repair."""
        self._dirty[destination] = None
        if destination in self._wanted:
            self._to_repair.add(destination)

    def _tunnel_moved(self, link: Link | None) -> None:
        if link is not None and link.name in self._desired.tunnel_devices():
            self._decide_all_again()

    def _decide_all_again(self) -> None:
        self._desired = DesiredRoutes(self._plan, self.view.underlay)
        self._own = self._desired.own()
        for destinations in (self._own, self._loc_rib, self._wanted, self.view.observed.destinations()):
            self._soil(destinations)

    def _changes_at(self, destination: Destination) -> tuple[Change, ...]:
        foreign = self.view.underlay.at(destination)
        wanted = self._decide(destination, foreign)
        there = self.view.observed.at(destination)
        if wanted == there and not foreign:  # by far the most common case
            self.troubles.settled(destination)
            self._to_repair.discard(destination)
            return ()
        if not foreign and not self.troubles.concern(destination):  # new, gone or led elsewhere: the other common cases
            if not there and len(wanted) == 1:
                return (Change(Verb.ADD, wanted[0]),)
            if not wanted and len(there) == 1 and destination not in self._stale:
                return (Change(Verb.DELETE, there[0]),)
            if len(wanted) == len(there) == 1 and wanted[0].key == there[0].key:
                return (Change(Verb.REPLACE, wanted[0]),)
        observed = {route.key: route for route in there}
        desired = {route.key: route for route in wanted}
        if destination in self._stale:
            desired = observed | desired
        found = difference(desired, observed, {route.key for route in foreign})
        self.troubles.set_held(destination, holders(found.blocked, foreign))
        self.troubles.set_shadowed(destination, shadowed(wanted, foreign))
        self.troubles.keep_refusals(destination, {change.route.key for change in found.changes})
        if not found.changes:
            self._to_repair.discard(destination)
        return found.changes

    def _decide(self, destination: Destination, foreign: tuple[KernelRoute, ...]) -> tuple[KernelRoute, ...]:
        """The routes wanted here, remembered together with what cannot be had."""
        own = self._own.get(destination, NOTHING)
        if foreign:
            own = own._replace(routes=without_harm(own.routes, foreign))
        paths = self._loc_rib.get(destination)
        learned = self._desired.bgp(destination, paths) if paths is not None else NOTHING
        routes = _both(own, learned)
        self._wanted_count += len(routes) - len(self._wanted.get(destination, ()))
        if routes:
            self._wanted[destination] = routes
        else:
            self._wanted.pop(destination, None)
        if own.reason or learned.reason or self.troubles.is_unresolved(destination):
            self.troubles.set_unresolved(destination, "; ".join(filter(None, (own.reason, learned.reason))))
        return routes


def _both(own: Wish, learned: Wish) -> tuple[KernelRoute, ...]:
    """The plan's own route wins where both have the same key."""
    if not own.routes:
        return learned.routes
    taken = [route.key for route in own.routes]
    return (*own.routes, *(route for route in learned.routes if route.key not in taken))
