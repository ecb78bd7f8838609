"""Where desired and observed routes meet: told of every event, it says what to tell the kernel next. Pure.

A destination is *dirty* when something about it may have changed; `next_changes` compares the dirty ones, a slice
at a time. Whatever the kernel answers comes back by `applied` or `refused`.

Restart: routes that were there before, and Loc-RIB routes of before a `begin_sync`, are *stale*. They stay in the
kernel, and are repaired, until the new stream has named them or is in sync; then the rest is swept. It is between
the speaker and the kernel what RFC 4724 4.2 is between peers.

Ours is what carries our protocol number. Routes of others are never changed: where one holds a key that we want,
that is reported as foreign, and our route takes its place once it has gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from errno import EEXIST, ENOENT, ESRCH
from typing import NamedTuple, TypeVar

import msgspec

from bgpctl.fib.desired import DesiredRoutes, Paths, Wish
from bgpctl.fib.difference import Change, Verb, difference
from bgpctl.fib.observed import ObservedRoutes
from bgpctl.fib.route import Destination, KernelRoute, RouteKey, prefix_text
from bgpctl.fib.underlay import Link, LinkAddress, Underlay
from reflector.plan import MAIN_TABLE, KernelPlan

T = TypeVar("T")

_ALREADY_GONE = (ESRCH, ENOENT)
_HELD = "a route that is not ours holds this key"


class RouteTrouble(msgspec.Struct, frozen=True):
    """A desired route that is not in the kernel as wanted, and why. `metric` is 0 where none was decided."""

    prefix: str
    reason: str
    metric: int = 0


class RouteEvent(msgspec.Struct, frozen=True, gc=False):
    """A notification: the route came or went. `replaces`: it took the place of the one that held its key;
    `appended`: it was put beside it."""

    route: KernelRoute
    came: bool
    replaces: bool = False
    appended: bool = False


class KernelView(NamedTuple):
    """What one dump saw: links, addresses and foreign routes; our routes."""

    underlay: Underlay
    observed: ObservedRoutes


class Reconciler:
    """The state of the FIB. `resync_wanted` asks for a whole dump: something happened that no notification tells.
    `links_changed`: links or addresses did since somebody set it back."""

    def __init__(self, plan: KernelPlan) -> None:
        self.underlay = Underlay()
        self.observed = ObservedRoutes()
        self.syncing = True
        self.resync_wanted = True
        self.links_changed = False
        self.repairs = 0
        self._plan = plan
        self._protocols = {plan.protocol}
        self._desired = DesiredRoutes(plan, self.underlay)
        self._own: dict[Destination, Wish] = {}
        self._loc_rib: dict[Destination, Paths] = {}
        self._wanted: dict[Destination, tuple[KernelRoute, ...]] = {}
        self._wanted_count = 0
        self._stale: set[Destination] = set()
        self._dirty: dict[Destination, None] = {}
        self._to_repair: set[Destination] = set()
        self._unresolved: dict[Destination, str] = {}
        self._failed: dict[Destination, dict[RouteKey, str]] = {}
        self._foreign: dict[Destination, tuple[RouteKey, ...]] = {}
        self.apply_plan(plan)

    # --------------------------------------------------------------------------------- what should be there

    def apply_plan(self, plan: KernelPlan) -> None:
        """Everything is decided again; what does not differ is not touched."""
        # Foreign routes are known only of the tables that matter: another table has to be looked at first.
        self.resync_wanted |= plan.table != self._plan.table
        self._plan = plan
        self._protocols.add(plan.protocol)
        self._decide_all_again()
        self._soil(self.observed.destinations())

    def begin_sync(self) -> None:
        """A new Loc-RIB stream starts: what is known is stale until it comes again."""
        self.syncing = True
        self._stale = {*self._loc_rib, *self.observed.destinations()}

    def announce(self, destinations: Iterable[Destination], paths: Paths) -> None:
        for destination in destinations:
            self._stale.discard(destination)
            known = self._loc_rib.get(destination) == paths
            self._loc_rib[destination] = paths
            if not known or self._wanted.get(destination) != self.observed.at(destination):
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

    # -------------------------------------------------------------------------------------- what is there

    def is_ours(self, route: KernelRoute) -> bool:
        return route.protocol in self._protocols

    def observe(self, event: RouteEvent) -> None:
        """A notification of a change that we did not make."""
        if self.is_ours(event.route):
            self._observe_ours(event)
        elif event.route.table in (MAIN_TABLE, self._plan.table):
            self._observe_foreign(event)

    def add_to(self, view: KernelView, route: KernelRoute) -> None:
        """One route of a dump."""
        if self.is_ours(route):
            view.observed.put(route)
        elif route.table in (MAIN_TABLE, self._plan.table):
            view.underlay.put_route(route)

    def observe_all(self, view: KernelView) -> None:
        """A whole dump, the truth from here on. The view is ours afterwards."""
        believed, (self.underlay, self.observed) = self.observed, view
        self.underlay.take_changes()
        for destination in believed.destinations():
            if self.observed.at(destination) != believed.at(destination):
                self._touched(destination)
        if self.syncing:
            self._stale.update(d for d in self.observed.destinations() if d not in self._loc_rib)
        self._decide_all_again()
        self._soil(self.observed.destinations())
        self.resync_wanted = False

    def observe_link(self, link: Link) -> None:
        before = self.underlay.links.get(link.index)
        self.underlay.put_link(link)
        self.links_changed = True
        if before is not None and before.up and not link.up:
            self._link_went_down(link.index)
        moved = before is None or (before.up, before.name) != (link.up, link.name)
        if moved and link.name in self._desired.tunnel_devices():
            self._decide_all_again()
        self.retry_failed()

    def forget_link(self, ifindex: int) -> None:
        before = self.underlay.links.get(ifindex)
        self.underlay.forget_link(ifindex)
        self.links_changed = True
        self._link_went_down(ifindex)
        if before is not None and before.name in self._desired.tunnel_devices():
            self._decide_all_again()

    def observe_address(self, address: LinkAddress, *, came: bool) -> None:
        self.links_changed = True
        if came:
            self.underlay.put_address(address)
            return
        self.underlay.forget_address(address)
        left = (a for a in self.underlay.addresses if a.ifindex == address.ifindex and len(a.address) == 4)
        if len(address.address) == 4 and next(left, None) is None:
            # With the last IPv4 address of a link the kernel drops its IPv4 routes, as if it had gone down.
            self._link_went_down(address.ifindex)

    def refresh(self) -> None:
        """Takes up what changed below us: next hops are resolved again, refused routes tried again."""
        changed = self.underlay.take_changes()
        if not changed:
            return
        moved = self._desired.refresh(changed)
        if moved:
            self._soil(d for d, paths in self._loc_rib.items() if not moved.isdisjoint(paths.next_hops))
        self._own = self._desired.own()
        self._soil(self._own)
        self._soil(d for d in changed if d in self._wanted)
        self.retry_failed()

    def retry_failed(self) -> None:
        self._soil(self._failed)

    # --------------------------------------------------------------------------------------- what to change

    @property
    def has_work(self) -> bool:
        return bool(self._dirty)

    def next_changes(self, limit: int) -> list[Change]:
        """Compares dirty destinations until there are `limit` changes, or a few more, or as many destinations are
        done as a slice of work should have. Deletions come last."""
        changes: list[Change] = []
        compared = 0
        while self._dirty and len(changes) < limit and compared < 2 * limit:
            destination, _ = self._dirty.popitem()
            changes += self._changes_at(destination)
            compared += 1
        changes.sort(key=lambda change: change.verb is Verb.DELETE)
        return changes

    def applied(self, change: Change) -> None:
        """The kernel accepted the change."""
        destination = change.route.destination
        self.observed.accepted(change)
        self._forgive(destination, change.route.key)
        if destination in self._to_repair and change.verb is not Verb.DELETE:
            self._to_repair.remove(destination)
            self.repairs += 1

    def refused(self, change: Change, errno: int, reason: str) -> bool:
        """The kernel said no. Returns whether that is news."""
        destination, key = change.route.destination, change.route.key
        if change.verb is Verb.DELETE and errno in _ALREADY_GONE:
            self.applied(change)
            return False
        failures = self._failed.setdefault(destination, {})
        news = failures.get(key) != reason
        # A key that exists where we know of none: we missed something. Once, or we would look for ever.
        self.resync_wanted |= errno == EEXIST and news
        failures[key] = reason
        return news

    # ---------------------------------------------------------------------------------------------- status

    @property
    def desired_count(self) -> int:
        return self._wanted_count

    @property
    def installed_count(self) -> int:
        """Desired routes that the kernel holds exactly so. Where nothing is outstanding, it does."""
        missing = 0
        for destination in {*self._dirty, *self._failed, *self._foreign}:
            there = self.observed.at(destination)
            missing += sum(route not in there for route in self._wanted.get(destination, ()))
        return self._wanted_count - missing

    @property
    def has_failures(self) -> bool:
        return bool(self._failed)

    def failed(self) -> tuple[RouteTrouble, ...]:
        found = (item for failures in self._failed.values() for item in failures.items())
        return tuple(_trouble(key, reason) for key, reason in sorted(found))

    def foreign(self) -> tuple[RouteTrouble, ...]:
        return tuple(_trouble(key, _HELD) for key in sorted(k for keys in self._foreign.values() for k in keys))

    def unresolved(self) -> tuple[RouteTrouble, ...]:
        return tuple(RouteTrouble(prefix_text(d), reason) for d, reason in sorted(self._unresolved.items()))

    # --------------------------------------------------------------------------------------------- deciding

    def _soil(self, destinations: Iterable[Destination]) -> None:
        self._dirty |= dict.fromkeys(destinations)

    def _decide_all_again(self) -> None:
        self._soil(self._own)
        self._desired = DesiredRoutes(self._plan, self.underlay)
        self._own = self._desired.own()
        self._soil(self._own)
        self._soil(self._loc_rib)
        self._soil(self._wanted)

    def _changes_at(self, destination: Destination) -> tuple[Change, ...]:
        wanted = self._decide(destination)
        there = self.observed.at(destination)
        foreign = self.underlay.keys_at(destination)
        self._foreign.pop(destination, None)
        if wanted == there and not foreign:
            self._failed.pop(destination, None)
            self._to_repair.discard(destination)
            return ()
        observed = {route.key: route for route in there}
        desired = {route.key: route for route in wanted}
        found = difference(observed | desired if destination in self._stale else desired, observed, foreign)
        if found.blocked:
            self._foreign[destination] = found.blocked
        self._keep_failures(destination, {change.route.key for change in found.changes})
        if not found.changes:
            self._to_repair.discard(destination)
        return found.changes

    def _decide(self, destination: Destination) -> tuple[KernelRoute, ...]:
        """The routes wanted here, remembered together with what cannot be had."""
        wish = self._own.get(destination, Wish())
        paths = self._loc_rib.get(destination)
        learned = self._desired.bgp(destination, paths) if paths is not None else Wish()
        taken = [route.key for route in wish.routes]
        routes = (*wish.routes, *(route for route in learned.routes if route.key not in taken))
        self._wanted_count += len(routes) - len(self._wanted.get(destination, ()))
        _put_or_pop(self._wanted, destination, routes)
        _put_or_pop(self._unresolved, destination, "; ".join(filter(None, (wish.reason, learned.reason))))
        return routes

    def _keep_failures(self, destination: Destination, keys: set[RouteKey]) -> None:
        failures = self._failed.get(destination)
        if failures is not None:
            _put_or_pop(self._failed, destination, {key: why for key, why in failures.items() if key in keys})

    def _forgive(self, destination: Destination, key: RouteKey) -> None:
        failures = self._failed.get(destination)
        if failures is not None:
            failures.pop(key, None)
            _put_or_pop(self._failed, destination, failures)

    # -------------------------------------------------------------------------------------------- observing

    def _touched(self, destination: Destination) -> None:
        """Somebody changed our routes here: putting a wanted one back counts as a repair."""
        self._dirty[destination] = None
        if destination in self._wanted:
            self._to_repair.add(destination)

    def _link_went_down(self, ifindex: int) -> None:
        """The kernel drops IPv4 routes through it and says nothing: forget foreign ones, look again for ours."""
        self.underlay.forget_routes_through(ifindex)
        self.resync_wanted |= self.observed.uses(ifindex)

    def _observe_ours(self, event: RouteEvent) -> None:
        route = event.route
        if event.came:
            self.observed.put(route)
        else:
            self.observed.went(route)
        if event.replaces:
            self.underlay.forget_key(route.key)
        self._touched(route.destination)

    def _observe_foreign(self, event: RouteEvent) -> None:
        route = event.route
        ours = any(each.key == route.key for each in self.observed.at(route.destination))
        if not event.came:
            self.underlay.forget_route(route)
        elif ours and event.appended and route.family == 6:
            # IPv6 joins an appended route with ours of that key: only a dump says what it is now.
            self.resync_wanted = True
        else:
            self.underlay.put_route(route, replaces=event.replaces)
            if ours and event.replaces:
                self.observed.forget(route.destination, route.key)
        if ours:
            self._dirty[route.destination] = None


def _put_or_pop(at: dict[Destination, T], destination: Destination, value: T) -> None:
    """Only what is not empty is kept."""
    if value:
        at[destination] = value
    else:
        at.pop(destination, None)


def _trouble(key: RouteKey, reason: str) -> RouteTrouble:
    return RouteTrouble(prefix_text((key.family, key.nlri)), reason, key.metric)
