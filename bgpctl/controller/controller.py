"""The controller on one page: what its stages are, and what passes from one to the next.

    follow     datastore        the API server -> the cluster's resources
    in force   daemon           an invalid resource stays as it was when it was last good
    complete   found            with what agents have found on their machines
    compile    compilation      what differs of every node's plan
    lead       leadership       whether this controller is the one that writes
    write      plan_store       NodePlan objects -> as they are wanted
    keep       revisions        the configuration that plans are made of, as ControllerRevisions
    report     pages            how it stands, for probes and Prometheus
    report     problem_events   what is wrong -> events on the objects that have it

Every replica follows and compiles, so the one that takes over has everything at hand; only the leader writes. What it
writes is a reconciliation, not a list of changes: after a start, a change of leaders or an API server that was away it
looks at what is there, and writes what differs. Each stage is guarded (daemon/guard.py).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial

from bgpctl.controller.compilation import Compilation
from bgpctl.controller.configuration import Configuration, configuration_of
from bgpctl.controller.found import Completion
from bgpctl.controller.leadership import PAUSE, Leadership
from bgpctl.controller.options import ControllerOptions
from bgpctl.controller.pages import controller_pages
from bgpctl.controller.plan_objects import PlanObjects
from bgpctl.controller.plan_store import News, PlanStore, Reconciled
from bgpctl.controller.problem_events import of_plans, of_resources
from bgpctl.controller.revisions import Revisions
from bgpctl.controller.status import ControllerStatus, Progress
from bgpctl.controller.wanted import Computing, WantedPlans
from bgpctl.daemon.guard import Guard
from bgpctl.daemon.http.server_thread import ServerThread
from bgpctl.daemon.http.tls import ServerTls
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.versions_file import VersionsFile
from bgpctl.datastore.kubernetes import ClusterOptions, watch_cluster
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.events import EventRecorder, Reporter
from bgpctl.kubernetes.failure import FailedError
from bgpctl.kubernetes.lasting_events import LastingEvents
from bgpctl.kubernetes.notices import Notice
from bgpctl.kubernetes.occurrence import Occurrence
from bgpctl.kubernetes.pauses import Pauses
from bgpctl.resources import Loaded
from bgpctl.resources.checks.secret_references import secret_references
from bgpctl.resources.in_force.in_force import InForce, in_force
from bgpctl.resources.in_force.invalid import Invalid
from bgpctl.resources.in_force.outcome import Outcome
from bgpctl.resources.in_force.versions import Versions
from bgpctl.yaml_source.problem import Problem
from reflector.process.garbage import settle

LEASE = "bgpctl-controller"
# Who reports, in an Event.
CONTROLLER = "bgpctl.io/controller"
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
        self._revisions, self._unkept = Revisions(self._server, options.namespace), ""
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
        self._progress = Progress()
        self._withheld: frozenset[str] = frozenset()
        self._failed: frozenset[str] = frozenset()
        self._recorder = EventRecorder(self._server, Reporter(CONTROLLER, options.identity), _warn)
        self._lasting = LastingEvents(self._recorder.record)
        self._of_resources: tuple[Occurrence, ...] = ()
        self._of_plans: tuple[Occurrence, ...] = ()

    async def work(self) -> None:
        """For ever. Raises NotReadyError, possibly in an exception group, when the cluster cannot be reached at all or
        the pages cannot be served."""
        options = self._options
        log.info("controller starts", cluster=str(options.access), identity=options.identity)
        guard = Guard(self._internal_errors)
        stages: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("following the cluster", self._follow),
            ("compiling", self._compile),
            ("holding the Lease", self._lead),
            ("following the plans", self._follow_plans),
            ("writing plans", self._write),
            ("writing events", self._recorder.run),
        )
        try:
            async with self._served(), asyncio.TaskGroup() as tasks:
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

    # ------------------------------------------------------------------------------------------------------ report

    @asynccontextmanager
    async def _served(self) -> AsyncIterator[None]:
        """The pages are open inside. Raises NotReadyError when the address is taken or a certificate bad."""
        options = self._options
        if options.metrics_address is None:
            yield
            return
        tls = ServerTls.of(options.page_tls.files)
        pages = controller_pages(self.status)
        server = await ServerThread.open(options.metrics_address, pages, self._internal_errors.report, tls)
        log.info("pages are served", address=str(server.address))
        try:
            yield
        finally:
            server.close()

    def status(self) -> ControllerStatus:
        return ControllerStatus(
            self._options.identity,
            self._progress,
            self._missing(),
            self._leadership.is_leader,
            self._invalid,
            self._waits,
            self._internal_errors.count,
            self._recorder.dropped,
        )

    def _missing(self) -> str:
        if self._wanted is not None:
            return ""
        if self._loaded is None:
            return "the resources of the cluster are not read yet"
        if not self._store.is_known:
            return "the NodePlans of the cluster are not read yet"
        if self._waits:
            return f"every plan stays what it is until this is put right: {self._waits[0]}"
        return "the plans are not compiled yet"

    # -------------------------------------------------------------------------------------------- follow, compile

    async def _follow(self) -> None:
        wants = ClusterOptions.for_agents_to_complete()
        self._is_new_cluster = await self._has_no_plans()
        async with aclosing(watch_cluster(self._options.access, wants, self._report)) as changes:
            async for loaded in changes:
                self._loaded = loaded
                self._is_to_compile.set()
        raise AssertionError("the watch of the cluster has no end")

    async def _has_no_plans(self) -> bool:
        """As soon as the API server answers: a controller may be started while it does not."""
        pauses, reason = Pauses(random.random), ""
        while True:
            try:
                return not await self._objects.has_any()
            except FailedError as error:
                if str(error) != reason:
                    log.warning("the cluster is not read yet", reason=str(error))
                reason = str(error)
                await asyncio.sleep(pauses.next(error.failure.retry_after))

    async def _compile(self) -> None:
        """Not before it is known what agents have found on their machines."""
        while True:
            await self._is_to_compile.wait()
            self._is_to_compile.clear()
            if self._loaded is None or not self._store.is_known:
                continue
            began = time.monotonic()
            wanted = await self._computing.do(partial(self._take, self._loaded, self._store.reports))
            if wanted is not None:
                self._progress = self._progress.compiled(self._compilation.nodes, time.monotonic() - began)
                self._wanted = wanted
                self._is_due.set()

    def _take(self, loaded: Loaded, reports: Mapping[str, bytes]) -> WantedPlans | None:
        found = self._in_force(loaded)
        if found is None:
            self._of_resources = of_resources(loaded, self._invalid, ())
            return None
        completed = self._completion.take(found.resources, reports)
        for name, problem in completed.problems.items():
            if problem != self._refused.get(name):
                log.warning("the report of a node is not right", node=name, reason=problem.message)
        self._refused = completed.problems
        configuration = configuration_of(found.versions)
        update = self._compilation.take(completed, configuration.revision)
        compiled = (problem for each in self._compilation.nodes.values() for problem in each.problems)
        self._of_resources = of_resources(loaded, self._invalid, (*completed.problems.values(), *compiled))
        if self._wanted is None:
            # What a cluster is made of lives long: traversing it costs more than the plans of one change.
            settle()
        if update.changed or update.gone:
            log.info("plans differ", changed=len(update.changed), gone=len(update.gone), compiled=update.compiled)
        return WantedPlans(
            self._compilation.plans,
            configuration,
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
            self._report_what_lasts(is_leader=is_leader)
            await asyncio.sleep(PAUSE)

    def _report_what_lasts(self, *, is_leader: bool) -> None:
        """Only of the leader: one event of each problem, however many controllers see it."""
        if is_leader:
            self._lasting.look((*self._of_resources, *self._of_plans), time.monotonic())
        else:
            self._lasting.forget()

    async def _attempt(self) -> str:
        """To hold the Lease; why it failed, "" if it did not."""
        was_leader = self._leadership.is_leader
        self._leadership.note = self._store.departures.note if was_leader else ""
        try:
            await self._leadership.attempt()
        except FailedError as error:
            return str(error)
        if self._leadership.is_leader and not was_leader:
            self._store.departures.remember(self._leadership.found_note)
        self._progress = self._progress.answered()
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
            self._progress = self._progress.reconciled(done)
            self._log(done)
            await self._keep_revision(self._newest().configuration)
            if self._loaded is not None:
                self._of_plans = tuple(of_plans(self._loaded, done.refused, done.withheld))
            await self._refresh(self._wanted)
            if done.failed:
                await asyncio.sleep(pauses.next())
                self._is_due.set()
            else:
                pauses.succeeded()

    async def _keep_revision(self, configuration: Configuration) -> None:
        """After its plans. One that cannot be kept is missing once somebody wants to go back to it."""
        try:
            await self._revisions.keep(configuration, self._store.revisions)
        except FailedError as error:
            if str(error) != self._unkept:
                log.warning("the configuration is not kept as a ControllerRevision", reason=str(error))
            self._unkept = str(error)
        else:
            self._unkept = ""

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
            self._progress = self._progress.refreshed(done)
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


def _warn(sentence: str) -> None:
    log.warning("writing events", reason=sentence)
