"""Where the plan, the Loc-RIB and the kernel meet: each event marks the destinations that it concerns. Pure.

    from the plan      `apply_plan`             everything is decided anew
    from the stream    `announce`, ...          see `learned`
    from the kernel    `observation`            see `observation`
    out                `comparison`             what to change in the kernel next
                       `workloads`              what of the kernel's own routes is announced

`refresh` comes before each comparison: it takes up what changed below our routes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from bgpctl.fib.core.comparison import Comparison
from bgpctl.fib.core.desired import Paths
from bgpctl.fib.core.desired_state import DesiredState
from bgpctl.fib.core.failures import Failures
from bgpctl.fib.core.learned import LearnedRoutes
from bgpctl.fib.core.observation import Observation
from bgpctl.fib.core.retained import RetainedRoute, gateways_of
from bgpctl.fib.core.worklist import Worklist
from bgpctl.fib.core.workload_routes import WorkloadRoutes
from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.kernel.route import Destination
from reflector.plan import KernelPlan


class Reconciler:
    """The state of the FIB, and its parts."""

    def __init__(self, plan: KernelPlan, peers: Collection[str] = ()) -> None:
        self.work = Worklist()
        self.view = KernelView()
        self.failures = Failures()
        self.learned = LearnedRoutes()
        self.desired = DesiredState(plan, self.learned, self.view, self.work, self.failures)
        self.desired.peers = peers
        self.comparison = Comparison(self.work, self.desired, self.learned, self.view, self.failures)
        self.workloads = WorkloadRoutes(plan, self.view)
        self.observation = Observation(self.view, self.work, self.desired, self.learned, self.comparison)

    # ------------------------------------------------------------------------------------------ the plan

    def apply_plan(self, plan: KernelPlan, peers: Collection[str] = ()) -> None:
        """Everything is decided anew; what does not differ is not touched. `peers` are the addresses of sessions."""
        # Foreign routes are known only of the tables that matter: another table has to be read first.
        if plan.table != self.desired.plan.table:
            self.view.mark_unknown()
        self.observation.adopt(plan.protocol)
        self.desired.plan, self.desired.peers = plan, peers
        self.desired.decide_all()
        self.workloads.apply_plan(plan)

    # ------------------------------------------------------------------------------------------ the stream

    def begin_sync(self) -> None:
        """A new Loc-RIB stream starts."""
        self.learned.begin_sync(self.view.observed.destinations())

    def announce(self, destinations: Sequence[Destination], paths: Paths) -> None:
        unchanged, is_installed = self.learned.announce(destinations, paths), self.comparison.is_installed
        if unchanged:
            destinations = [each for each in destinations if each not in unchanged or not is_installed(each)]
        self.work.mark_dirty(destinations)

    def withdraw(self, destinations: Sequence[Destination]) -> None:
        self.learned.withdraw(destinations)
        self.work.mark_dirty(destinations)

    def end_sync(self) -> None:
        """The stream is in sync: what it did not name is swept."""
        self.withdraw(self.learned.end_sync(lambda _: True))

    def retain(self) -> None:
        """The stream has sent all that it can: what was learned and it did not name stays until `release`."""
        self.withdraw(self.learned.end_sync(lambda destination: not self._was_learned(destination)))

    def recall(self, destinations: Iterable[Destination], paths: Paths) -> None:
        """What an earlier agent knew of routes that are still there."""
        self.work.mark_dirty(self.learned.recall(destinations, paths))

    def release(self, destinations: Iterable[Destination]) -> None:
        """What is retained of these goes."""
        self.withdraw([destination for destination in destinations if self.learned.is_stale(destination)])

    def retained(self) -> Iterator[RetainedRoute]:
        """What stays without being named by the stream, or not yet."""
        for destination in self.learned.stale:
            paths = self.learned.paths(destination)
            if paths is not None:
                yield RetainedRoute(destination, paths.next_hops, is_certain=True)
            elif self._was_learned(destination):
                yield gateways_of(destination, self.view.observed.at(destination))

    def _was_learned(self, destination: Destination) -> bool:
        """By BGP: neither the plan's own nor a blackhole of an earlier plan."""
        if self.desired.is_own(destination):
            return False
        return destination in self.learned or any(route.legs for route in self.view.observed.at(destination))

    # ------------------------------------------------------------------------------------------ what is below

    def refresh(self) -> None:
        """Takes up what changed below: next hops are resolved anew, refused routes tried again, workloads found."""
        changed = self.view.underlay.table.take_changes()
        self.workloads.refresh(changed, links_changed=self.observation.links_changed)
        if self.desired.refresh(changed):
            self.comparison.retry_refused()

    @property
    def is_in_sync(self) -> bool:
        """The stream has sent all that it has, and nothing is outstanding."""
        return not (self.work or self.view.outdated or self.learned.is_syncing)
