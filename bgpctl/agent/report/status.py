"""The agent's status: what each stage has come to, read off the stages when it is asked for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bgpctl.agent.brake.braking import Braking
from bgpctl.agent.deploy.deployment import Deployment
from bgpctl.agent.deploy.draining import DrainKeeper
from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.node_status.report import Standing
from bgpctl.agent.plan.problem_statuses import error_status
from bgpctl.agent.retention.retention import Retention
from bgpctl.agent.routes.programming import RouteProgramming
from bgpctl.agent.routes.report import with_fib
from bgpctl.agent.sources.source import Source
from bgpctl.agent.speaker.state import SpeakerState
from bgpctl.agent.speaker.supervisor import SpeakerSupervisor
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.daemon.version import version
from bgpctl.kubernetes.events import EventRecorder
from reflector.messages import AgentStatus, InvalidStatus
from reflector.plan import NodePlan, SuppressedSession


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one agent, in the order in which a change passes them; what failed in any of them, and in a cluster
    who writes events of them."""

    source: Source
    braking: Braking
    deployment: Deployment
    drain: DrainKeeper
    speaker: SpeakerSupervisor
    routes: RouteProgramming
    retention: Retention
    internal_errors: InternalErrors
    recorder: EventRecorder | None = None


class AgentReport:
    """The status of one agent. `metrics_address` is where its pages are, once they are."""

    def __init__(self, node: str, stages: Stages, run_directory: RunDirectory, *, programs_kernel: bool) -> None:
        self.metrics_address = ""
        self._node = node
        self._stages = stages
        self._directory = run_directory
        self._programs_kernel = programs_kernel
        self._started = time.monotonic()

    def standing(self) -> Standing:
        """What a CalicoNodeStatus has of the agent itself."""
        plan, speaker = self._stages.deployment.plan, self._stages.speaker
        router_id = plan.router_id if plan else ""
        is_running = speaker.state is SpeakerState.RUNNING
        return Standing(f"bgpctl {version()}", is_running, router_id, self._directory.installed_at())

    def status(self) -> AgentStatus:
        stages = self._stages
        source, deployment, speaker = stages.source.standing, stages.deployment, stages.speaker
        plan, retention = deployment.plan, stages.retention.report
        refusal = (error_status(deployment.refusal),) if deployment.refusal else ()
        status = AgentStatus(
            node=self._node,
            version=version(),
            pid=os.getpid(),
            uptime=time.monotonic() - self._started,
            plan_generation=deployment.generation,
            plan_is_current=self._is_current(),
            last_compile_seconds=source.seconds,
            compiled_at=source.succeeded_at,
            applied_at=deployment.applied_at,
            problems=source.problems + refusal,
            findings=source.findings,
            examined_at=source.examined_at,
            invalid=tuple(
                InvalidStatus(each.name, each.file, each.line, each.outcome.value, str(each)) for each in source.invalid
            ),
            suppressed=tuple(map(_suppressed, plan.suppressed)) if plan else (),
            missing=tuple(map(_suppressed, _without_another(plan))) if plan else (),
            speaker_pid=speaker.pid,
            speaker_state=speaker.state.value,
            speaker_restarts=speaker.restarts,
            speaker_failures=speaker.failures.in_a_row,
            speaker_crash_loop=speaker.failures.is_crash_loop,
            speaker_pause=speaker.pause,
            speaker_last_line=speaker.failures.last_line,
            fib_enabled=self._programs_kernel,
            local_endpoints=stages.routes.local_endpoints(plan),
            metrics_address=self.metrics_address,
            detected_addresses=source.addresses,
            drain=stages.drain.status,
            retained_routes=retention.routes,
            retained_left=retention.left(time.time()),
            reflectors_down=retention.reflectors_down,
            retention=retention.sentence,
            internal_errors=stages.internal_errors.count,
            events_dropped=stages.recorder.dropped if stages.recorder is not None else 0,
            held=stages.braking.status,
            held_digest=stages.braking.digest,
            held_since=stages.braking.since,
        )
        return with_fib(status, stages.routes.status())

    def _is_current(self) -> bool:
        stages = self._stages
        return stages.source.standing.usable and not stages.deployment.refusal and not stages.braking.held


def _suppressed(session: SuppressedSession) -> str:
    return f"{session.name}: {session.reason}"


def _without_another(plan: NodePlan) -> Iterator[SuppressedSession]:
    """The suppressed sessions whose peer has no other session."""
    addresses = {session.peer_address for session in plan.sessions}
    return (each for each in plan.suppressed if each.peer_address not in addresses)
