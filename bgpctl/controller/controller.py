"""The controller on one page: what its stages are, and what passes from one to the next.

    follow     datastore        the API server -> the cluster's resources
    in force   daemon           an invalid resource stays as it was when it was last good
    complete   found            with what agents have found on their machines
    compile    compilation      what differs of every node's plan
    lead       leadership       whether this controller is the one that writes
    write      plan_store       NodePlan objects -> as they are wanted

Every replica follows and compiles, so the one that takes over has everything at hand; only the leader writes. What it
writes is a reconciliation, not a list of changes: after a start, a change of leaders or an API server that was away it
looks at what is there, and writes what differs. Each stage is guarded (daemon/guard.py).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial

from bgpctl.controller.compilation import Compilation
from bgpctl.controller.found import Completion
from bgpctl.controller.leadership import PAUSE, Leadership
from bgpctl.controller.options import ControllerOptions
from bgpctl.controller.plan_objects import PlanObjects
from bgpctl.controller.plan_store import News, PlanStore, Reconciled
from bgpctl.controller.wanted import Computing, WantedPlans
from bgpctl.daemon.guard import Guard
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.versions_file import VersionsFile
from bgpctl.datastore.kubernetes import ClusterOptions, watch_cluster
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import FailedError
from bgpctl.kubernetes.notices import Notice
from bgpctl.kubernetes.pauses import Pauses
from bgpctl.resources import Loaded
from bgpctl.resources.checks.secret_references import secret_references
from bgpctl.resources.in_force.in_force import InForce, in_force
from bgpctl.resources.in_force.invalid import Invalid
from bgpctl.resources.in_force.kind_rules import Outcome
from bgpctl.resources.in_force.versions import Versions
from bgpctl.yaml_source.problem import Problem
from reflector.process.garbage import settle

LEASE = "bgpctl-controller"
LAST_GOOD_FILE = "last-good.json"
# Seconds between two looks at what became of former plans.
REFRESH_PAUSE = 10.0

log = get_logger("controller")


class Controller:
    """One replica. `work` runs it for ever."""

    def __init__(self, options: ControllerOptions) -> None:
        """Raises NotReadyError when the access to the cluster cannot be used."""
        self._options = options
        self._internal_errors = InternalErrors()
        self._server = ApiServer(options.access)
        self._leadership = Leadership(self._server, options.namespace, LEASE, options.identity)
        self._objects = PlanObjects(self._server)
        self._is_due, self._is_to_compile = asyncio.Event(), asyncio.Event()
        news = News(due=self._is_due.set, found=self._is_to_compile.set)
        self._store = PlanStore(self._objects, lambda: self._leadership.is_leader, news)
        self._versions_file = VersionsFile(options.run_dir / LAST_GOOD_FILE)
        self._versions: Versions | None = None
        self._loaded: Loaded | None = None
        self._completion = Completion()
        self._refused: Mapping[str, Problem] = {}
        self._compilation = Compilation(options.compile_options, self._internal_errors.report)
        self._computing = Computing()
        self._wanted: WantedPlans | None = None
        self._is_new_cluster = False
        self._invalid: tuple[Invalid, ...] = ()
        self._waits: tuple[str, ...] = ()
        self._refresh_at = 0.0
        self._withheld: frozenset[str] = frozenset()
        self._failed: frozenset[str] = frozenset()

    async def work(self) -> None:
        """For ever. Raises NotReadyError, possibly in an exception group, when the cluster cannot be reached at all."""
        options = self._options
        log.info("controller starts", cluster=str(options.access), identity=options.identity)
        guard = Guard(self._internal_errors)
        stages: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("following the cluster", self._follow),
            ("compiling", self._compile),
            ("holding the Lease", self._lead),
            ("following the plans", self._follow_plans),
            ("writing plans", self._write),
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                for doing, stage in stages:
                    tasks.create_task(guard.keep(doing, stage))
        finally:
            await self._end()

    async def _end(self) -> None:
        """The next controller need not wait for the end of the Lease."""
        try:
            await self._leadership.release()
        except FailedError as error:
            log.warning("the Lease is not given back, it ends by itself", reason=str(error))
        self._computing.close()
        await self._server.close()

    # -------------------------------------------------------------------------------------------- follow, compile

    async def _follow(self) -> None:
        wants = ClusterOptions.for_agents_to_complete()
        self._is_new_cluster = not await self._objects.has_any()
        async with aclosing(watch_cluster(self._options.access, wants, self._report)) as changes:
            async for loaded in changes:
                self._loaded = loaded
                self._is_to_compile.set()
        raise AssertionError("the watch of the cluster has no end")

    async def _compile(self) -> None:
        """Not before it is known what agents have found on their machines."""
        while True:
            await self._is_to_compile.wait()
            self._is_to_compile.clear()
            if self._loaded is None or not self._store.is_known:
                continue
            wanted = await self._computing.do(partial(self._take, self._loaded, self._store.reports))
            if wanted is not None:
                self._wanted = wanted
                self._is_due.set()

    def _take(self, loaded: Loaded, reports: Mapping[str, bytes]) -> WantedPlans | None:
        found = self._in_force(loaded)
        if found is None:
            return None
        completed = self._completion.take(found.resources, reports)
        for name, problem in completed.problems.items():
            if problem != self._refused.get(name):
                log.warning("the report of a node is not right", node=name, reason=problem.message)
        self._refused = completed.problems
        update = self._compilation.take(completed)
        if self._wanted is None:
            # What a cluster is made of lives long: traversing it costs more than the plans of one change.
            settle()
        if update.changed or update.gone:
            log.info("plans differ", changed=len(update.changed), gone=len(update.gone), compiled=update.compiled)
        return WantedPlans(
            self._compilation.plans,
            is_complete=found.is_complete,
            computing=self._computing,
            report=self._internal_errors.report,
        )

    def _in_force(self, loaded: Loaded) -> InForce | None:
        """None while nothing may be concluded: then every plan stays what it is. So it is where plans are in force and
        the versions that they were made of are not known."""
        before = self._versions if self._versions is not None else self._versions_file.read()
        found = in_force(loaded, before)
        is_unknown = before.is_empty and not self._is_new_cluster
        waits = tuple(str(each) for each in found.invalid if is_unknown or each.outcome is Outcome.PLAN_WAITS)
        for each in found.invalid:
            if each not in self._invalid:
                log.error("a resource is invalid", resource=each.name, instead=str(each))
        if waits and waits != self._waits:
            log.error("every plan stays what it is until this is put right", first=waits[0], of=len(waits))
        self._invalid, self._waits = found.invalid, waits
        if waits:
            return None
        self._versions = found.versions
        namespace = self._options.compile_options.secret_namespace
        secrets = frozenset((namespace, each.reference.name) for each in secret_references(found.resources))
        self._versions_file.write(found.versions, secrets)
        return found

    # -------------------------------------------------------------------------------------------- lead, write

    async def _lead(self) -> None:
        was_leader, reason = False, ""
        while True:
            before, reason = reason, await self._attempt()
            if reason and reason != before:
                log.warning("the Lease is not renewed", reason=reason)
            is_leader = self._leadership.is_leader
            if is_leader != was_leader:
                log.info("this controller writes" if is_leader else "another writes", holder=self._leadership.holder)
                self._is_due.set()
            was_leader = is_leader
            await asyncio.sleep(PAUSE)

    async def _attempt(self) -> str:
        """To hold the Lease; why it failed, "" if it did not."""
        try:
            await self._leadership.attempt()
        except FailedError as error:
            return str(error)
        return ""

    async def _follow_plans(self) -> None:
        """What somebody else does to a plan is put right by the leader."""
        pauses, reason = Pauses(random.random), ""
        while True:
            try:
                await self._store.follow(pauses.succeeded)
            except FailedError as error:
                if str(error) != reason:
                    log.warning("NodePlans cannot be followed", reason=str(error))
                reason = str(error)
                await asyncio.sleep(pauses.next(error.failure.retry_after))

    async def _write(self) -> None:
        pauses = Pauses(random.random)
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            if self._wanted is None or not self._leadership.is_leader or not self._store.is_known:
                continue
            done = await self._store.reconcile(self._newest)
            self._log(done)
            await self._refresh(self._wanted)
            if done.failed:
                await asyncio.sleep(pauses.next())
                self._is_due.set()
            else:
                pauses.succeeded()

    def _newest(self) -> WantedPlans:
        if self._wanted is None:
            raise AssertionError("nothing was compiled yet")
        return self._wanted

    async def _refresh(self, wanted: WantedPlans) -> None:
        """What became of former plans, for the nodes that hold something. It may need the topology proof each time."""
        if not self._store.to_refresh(wanted):
            return
        loop = asyncio.get_running_loop()
        if loop.time() >= self._refresh_at:
            self._refresh_at = loop.time() + REFRESH_PAUSE
            done = await self._store.refresh(wanted)
            if done.written:
                log.info("what became of former plans is written anew", nodes=done.written)
            self._log_failures(done)
        loop.call_at(self._refresh_at, self._is_due.set)

    def _log(self, done: Reconciled) -> None:
        """What is news, once."""
        if done.written or done.deleted:
            log.info("plans are written", written=done.written, deleted=done.deleted)
        self._log_failures(done)
        if done.withheld and done.withheld != self._withheld:
            log.error(
                "most nodes are gone, their plans stay; put the Nodes right, or delete their NodePlans",
                nodes=len(done.withheld),
                first=min(done.withheld),
            )
        self._failed, self._withheld = frozenset(done.failed), done.withheld

    def _log_failures(self, done: Reconciled) -> None:
        if new := done.failed.keys() - self._failed:
            first = min(new)
            log.warning("plans cannot be written", nodes=len(done.failed), first=first, reason=done.failed[first])

    def _report(self, notice: Notice) -> None:
        if notice.error is not None:
            self._internal_errors.report(f"reading {notice.about}", notice.error)
        else:
            log.warning("reading the cluster", about=notice.about, notice=notice.message)
