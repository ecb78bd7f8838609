"""Plans that a controller compiles: the NodePlan of this node, completed here with what it does not have.

    follow     the NodePlan, the Secrets that it names, Services where some are advertised (cluster_view.py)
    complete   keys in place of their names, and the services that there are
    keep       for a start without the API server (kept_plan.py)

Rule: what is in force stays until the next is complete. An API server that is away, a NodePlan that is not readable, a
Secret that is not known yet: they change nothing. A NodePlan that is gone is a node that is gone, and that is for the
brake to judge.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.complete.endpoint_status import EndpointStatus
from bgpctl.agent.host.run_directory import ADDRESSES_FILE, RunDirectory
from bgpctl.agent.node_status.asked import Asked
from bgpctl.agent.options import AgentOptions
from bgpctl.agent.plan.problem_statuses import error_status, problem_statuses, warning_status
from bgpctl.agent.plan.wanted import Wanted
from bgpctl.agent.sources.cluster_view import ClusterView
from bgpctl.agent.sources.kept_plan import KeptPlanFile
from bgpctl.agent.sources.machine import Machine
from bgpctl.agent.sources.source import News, Stage, Standing
from bgpctl.brake import OfNodePlan
from bgpctl.compiler import with_services
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.daemon.logs import get_logger
from bgpctl.datastore.kubernetes.problems import obstacles
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.notices import Notice, Notices
from bgpctl.node_plan import (
    Assignment,
    NodePlanSpec,
    UnreadablePlanError,
    assignment_of,
    references,
    with_keys,
    without_key,
)
from reflector.messages import ProblemStatus
from reflector.plan import SuppressedSession

if TYPE_CHECKING:
    from bgpctl.resources import ResourceSet

# Seconds between two looks at what is not read: when it is long enough, it is a problem.
LOOK = 2.0

log = get_logger("plan")


class _Document(msgspec.Struct):
    spec: NodePlanSpec


class NodePlanSource:
    """in_force      the digest of the NodePlan that is in force, but for what of it is held; "" before the first
    running       the digest of the last one of which all was in force
    without_key   sessions that are suppressed because their password is missing
    news          set when one of these or what the machine has is different
    """

    def __init__(
        self,
        options: AgentOptions,
        run_directory: RunDirectory,
        access: Access,
        learned: Callable[[], Mapping[str, tuple[str, ...]]],
        internal_errors: InternalErrors,
    ) -> None:
        """Raises NotReadyError when the access cannot be used."""
        self.in_force = self.running = ""
        self.without_key: tuple[SuppressedSession, ...] = ()
        self.news = asyncio.Event()
        self.server = ApiServer(access)
        self.machine = Machine(
            Detector(options.detection, run_directory.path / ADDRESSES_FILE),
            EndpointStatus(options.endpoint_status),
            options.compile_options.route_protocol,
            self.news.set,
        )
        self.node = options.node
        self._learned = learned
        self._internal_errors = internal_errors
        self._file = KeptPlanFile(options.state_dir, options.node)
        self._changed = asyncio.Event()
        self._assigned: tuple[NodePlanSpec, Assignment] | None = None
        self._given: tuple[Assignment, bool] | None = None
        self._problems: tuple[ProblemStatus, ...] = ()
        self._is_usable = False
        self._read_at = 0.0

    @property
    def standing(self) -> Standing:
        return Standing(
            problems=self._problems,
            usable=self._is_usable,
            succeeded_at=self._read_at,
            addresses=self.machine.sentences,
        )

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (("looking at the machine", self.machine.run),)

    async def follow(self) -> AsyncGenerator[News, None]:
        kept = self._from_file()
        if kept is not None:
            yield kept
        notices = Notices(self._report, asyncio.get_running_loop().time)
        view = ClusterView(self.server, self.node, notices, self._changed.set)
        try:
            while True:
                is_restless = view.has_failures or not view.is_known or self._file.is_due
                with suppress(TimeoutError):  # the usual end of a pause
                    await asyncio.wait_for(self._changed.wait(), LOOK if is_restless else None)
                self._changed.clear()
                found = await self._take(view)
                self._file.write_if_due()
                if found is not None:
                    yield found
        finally:
            await view.close()

    def put_in_force(self, wanted: Wanted, *, is_whole: bool) -> None:
        """It may be an older one than the NodePlan that was read last: one that is not complete yet is not given."""
        running = wanted.digest if is_whole else self.running
        if (wanted.digest, running) != (self.in_force, self.running):
            self.in_force, self.running = wanted.digest, running
            self.news.set()

    # ---------------------------------------------------------------------------------------------- what comes in

    def _from_file(self) -> News | None:
        """The last NodePlan of an earlier agent, at its first turn."""
        kept = self._file.read() if self._assigned is None else None
        if kept is None:
            return None
        try:
            assignment = assignment_of(kept.spec)
        except UnreadablePlanError as error:
            log.warning("the last NodePlan of an earlier agent is left aside", reason=str(error))
            return None
        self._assigned, self._read_at = (kept.spec, assignment), kept.read_at
        self.machine.take(assignment.own_node)
        log.info("goes on with the last NodePlan until there is a newer one", digest=kept.spec.digest)
        return self._give(replace(assignment, plan=kept.plan), kept.spec.digest)

    async def _take(self, view: ClusterView) -> News | None:
        """What the cluster has now; None when that is no news, or not complete."""
        found = obstacles(view.followed(), {}, "", asyncio.get_running_loop().time())
        problems = problem_statuses(found.problems)
        if not view.is_known:
            self._note((*self._waiting(), *problems), is_usable=self._assigned is not None)
            return None
        text = view.node_plan
        if text is None:
            missing = f"there is no NodePlan named {self.node!r}: is there such a Node, and does the controller run?"
            self._note((error_status(missing), *problems), is_usable=False)
            return self._give(self._assigned[1], "", is_gone=True) if self._assigned is not None else None
        try:
            spec, assignment = self._assigned = self._read(text)
        except UnreadablePlanError as error:
            self._note((error_status(f"NodePlan {self.node}: {error}"), *problems), is_usable=False)
            if self._assigned is None:
                return None
            spec, assignment = self._assigned
        else:
            self._note(problems, is_usable=True)
        self.machine.take(assignment.own_node)
        await view.want(references(assignment.plan), services=assignment.services is not None)
        if not view.is_settled:
            return None
        completed = await asyncio.to_thread(_complete, assignment, view.secrets(), view.services())
        self._note_keys(without_key(assignment.plan, completed.plan))
        given = self._give(completed, spec.digest)
        if given is not None:
            self._read_at = time.time()
            self._file.keep(spec, completed.plan)
        return given

    def _read(self, text: str) -> tuple[NodePlanSpec, Assignment]:
        """Raises UnreadablePlanError."""
        try:
            spec = msgspec.json.decode(text, type=_Document).spec
        except msgspec.MsgspecError as error:
            raise UnreadablePlanError(f"it is not readable: {error}") from error
        if self._assigned is not None and self._assigned[0] == spec:
            return self._assigned
        return spec, assignment_of(spec)

    def _give(self, assignment: Assignment, digest: str, *, is_gone: bool = False) -> News | None:
        if self._given == (assignment, is_gone):
            return None
        self._given = assignment, is_gone
        plan = None if is_gone else assignment.plan
        reflectors = frozenset(each.node for each in assignment.facts.reflectors)
        wanted = Wanted(self.node, plan, OfNodePlan(assignment, self._learned), reflectors=reflectors, digest=digest)
        asked = (Asked(each.name, self.node, each.classes, each.period) for each in assignment.status_requests)
        return News(wanted, tuple(asked))

    # --------------------------------------------------------------------------------------------- what is reported

    def _waiting(self) -> tuple[ProblemStatus, ...]:
        if self._assigned is None:
            return (error_status(f"the NodePlan {self.node} has not been read yet"),)
        read_at = datetime.fromtimestamp(self._read_at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        digest = self._assigned[0].digest
        return (warning_status(f"the API server has not answered yet; in use is the NodePlan {digest} of {read_at}"),)

    def _note(self, problems: tuple[ProblemStatus, ...], *, is_usable: bool) -> None:
        if problems and problems != self._problems:
            write = log.warning if is_usable else log.error
            write("the NodePlan has problems", first=problems[0].message, problems=len(problems))
        elif self._problems and not problems:
            log.info("the NodePlan has no problems any more")
        if (problems, is_usable) != (self._problems, self._is_usable):
            self._problems, self._is_usable = problems, is_usable
            self.news.set()

    def _note_keys(self, lacking: tuple[SuppressedSession, ...]) -> None:
        if lacking != self.without_key:
            self.without_key = lacking
            self.news.set()

    def _report(self, notice: Notice) -> None:
        if notice.error is not None:
            self._internal_errors.report(f"reading {notice.about}", notice.error)
        else:
            log.warning("reading the cluster", about=notice.about, notice=notice.message)


Documents = list[tuple[str, str]]


def _complete(assignment: Assignment, secrets: Documents, services: Documents) -> Assignment:
    """With keys and services, also in what the brake goes by. In a thread: a cluster may have many services."""
    plan, transition = assignment.plan, assignment.transition
    plan = with_keys(plan, _resources(secrets).secrets if secrets else {})
    if assignment.services is not None:
        from bgpctl.compiler.cluster.services import service_facts

        facts = service_facts(_resources(services))
        former = with_services(replace(plan, policies=transition.policies), assignment.services, facts)
        transition = replace(transition, policies=former.policies)
        plan = with_services(plan, assignment.services, facts)
    return replace(assignment, plan=plan, transition=transition)


def _resources(documents: Documents) -> ResourceSet:
    """What validates resources is imported by agents that have any to read."""
    from bgpctl.resources import parse_documents

    return parse_documents(documents).resources
