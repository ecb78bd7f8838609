"""Desired against observed at each dirty destination, a slice at a time, and what the kernel answers. Pure.

Ours is what carries our protocol number. Foreign routes are never changed: where one occupies a key that we need, that
is reported, and our route takes its place once it has gone. What the kernel refuses is reported and tried again.
"""

from __future__ import annotations

from errno import EEXIST, ENOENT, ESRCH

from bgpctl.fib.core.desired_state import DesiredState
from bgpctl.fib.core.difference import difference
from bgpctl.fib.core.failures import Failures
from bgpctl.fib.core.foreign import occupied, shadowed
from bgpctl.fib.core.learned import LearnedRoutes
from bgpctl.fib.core.worklist import Worklist
from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.kernel.change import Change, Verb
from reflector.kernel.route import Destination

_ALREADY_GONE = (ESRCH, ENOENT)


class Comparison:
    """Mutable only in what it is made of, and `failures`."""

    def __init__(
        self, work: Worklist, desired: DesiredState, learned: LearnedRoutes, view: KernelView, failures: Failures
    ) -> None:
        self.failures = failures
        self._work = work
        self._desired = desired
        self._learned = learned
        self._view = view

    def next_changes(self, limit: int) -> list[Change]:
        """Compares dirty destinations until there are `limit` changes, or a few more, or as many destinations are
        done as a slice of work should have. Deletions come last."""
        changes: list[Change] = []
        deletions: list[Change] = []
        compared = 0
        while self._work and len(changes) + len(deletions) < limit and compared < 2 * limit:
            for change in self._changes_at(self._work.take()):
                (deletions if change.verb is Verb.DELETE else changes).append(change)
            compared += 1
        return changes + deletions

    def applied(self, change: Change) -> None:
        """The kernel accepted the change."""
        destination = change.route.destination
        self._view.observed.accepted(change)
        if self.failures.concern(destination):
            self.failures.clear(destination, change.route.key)
        if change.verb is not Verb.DELETE:
            self._work.installed(destination)

    def refused(self, change: Change, errno: int, reason: str) -> bool:
        """The kernel refused the change. Returns whether that is new."""
        if change.verb is Verb.DELETE and errno in _ALREADY_GONE:
            self.applied(change)
            return False
        is_new = self.failures.refuse(change.route.destination, change.route.key, reason)
        if errno == EEXIST and is_new:
            # A key that exists where we know of none: we missed something. Once, or we would resync for ever.
            self._view.mark_unknown()
        return is_new

    def retry_refused(self) -> None:
        self._work.mark_dirty(self.failures.refused_destinations())

    def is_installed(self, destination: Destination) -> bool:
        """What was desired here last is what the kernel has."""
        return self._desired.at(destination) == self._view.observed.at(destination)

    @property
    def installed_count(self) -> int:
        """Desired routes that the kernel has exactly so. Where nothing is outstanding, it has."""
        missing = 0
        for destination in {*self._work.dirty, *self.failures.refused_destinations(), *self.failures.occupied_at()}:
            there = self._view.observed.at(destination)
            missing += sum(route not in there for route in self._desired.at(destination))
        return self._desired.count - missing

    def _changes_at(self, destination: Destination) -> tuple[Change, ...]:
        failures = self.failures
        foreign = self._view.underlay.at(destination)
        wanted = self._desired.decide(destination, foreign)
        there = self._view.observed.at(destination)
        if wanted == there and not foreign:  # by far the most common case
            failures.settled(destination)
            self._work.settled(destination)
            return ()
        if not foreign and not failures.concern(destination):  # new, gone or led elsewhere: the other common cases
            if not there and len(wanted) == 1:
                return (Change(Verb.ADD, wanted[0]),)
            if not wanted and len(there) == 1 and not self._learned.is_stale(destination):
                return (Change(Verb.DELETE, there[0]),)
            if len(wanted) == len(there) == 1 and wanted[0].key == there[0].key:
                return (Change(Verb.REPLACE, wanted[0]),)
        observed = {route.key: route for route in there}
        desired = {route.key: route for route in wanted}
        if self._learned.is_stale(destination):
            desired = observed | desired
        found = difference(desired, observed, {route.key for route in foreign})
        failures.set_occupied(destination, occupied(found.blocked, foreign))
        failures.set_shadowed(destination, shadowed(wanted, foreign))
        failures.keep_refusals(destination, {change.route.key for change in found.changes})
        if not found.changes:
            self._work.settled(destination)
        return found.changes
