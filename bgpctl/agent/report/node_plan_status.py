"""The agent's status as the status of its NodePlan. Pure.

Rule: nothing in it changes while nothing happens, so no ages: who is at rest writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from bgpctl.agent.report.readiness import waiting_for
from bgpctl.node_plan.status import (
    APPLIED,
    DEGRADED,
    HELD,
    READY,
    Condition,
    Found,
    Held,
    HeldDifference,
    NodePlanStatus,
    Routes,
    Sessions,
)
from reflector.messages import AgentStatus, DownSession

# An object is no place for thousands of sentences; `bgpctl status` has all of them.
MOST_SENTENCES = 10
TRUE, FALSE = "True", "False"
# Why a condition is as it is.
PLAN_KEPT, SPEAKER_CRASH_LOOP = "PlanKept", "SpeakerCrashLoop"


def node_plan_status(
    status: AgentStatus, found: Found, digest: str, running: str, before: NodePlanStatus, now: float
) -> NodePlanStatus:
    """`digest` and `running` as in NodePlanStatus; `before` is the last one, `now` in seconds since the epoch."""
    up, expected = status.sessions_established, status.sessions_expected
    made = NodePlanStatus(
        digest=digest,
        running=running,
        applied_at=_moment(status.applied_at),
        sessions=Sessions(up, expected, f"{up}/{expected}", tuple(map(_down, status.sessions_down[:MOST_SENTENCES]))),
        routes=Routes(status.fib_desired, status.fib_installed),
        held=Held(
            status.held_digest,
            len(status.held),
            tuple(
                HeldDifference(each.kind, each.sentence, each.causes[:MOST_SENTENCES])
                for each in status.held[:MOST_SENTENCES]
            ),
        ),
        problems=tuple(each.message for each in status.problems[:MOST_SENTENCES]),
        retention=status.retention,
        version=status.version,
        speaker=status.speaker_state,
        found=found,
    )
    times = {each.type: each for each in before.conditions}
    return replace(made, conditions=tuple(_since(each, times, now) for each in _conditions(status, digest)))


def _conditions(status: AgentStatus, digest: str) -> Iterator[Condition]:
    waits = waiting_for(status)
    yield Condition(READY, FALSE if waits else TRUE, "NotReady" if waits else "Running", waits)
    if not digest:
        yield Condition(APPLIED, FALSE, "NoPlan", "no NodePlan has been put in force yet")
    elif status.plan_is_current:
        yield Condition(APPLIED, TRUE, "InForce")
    else:
        reason = "PlanHeld" if status.held else PLAN_KEPT
        message = next((each.message for each in status.problems if each.severity == "error"), "")
        yield Condition(APPLIED, FALSE, reason, message)
    if status.held:
        sentences = "; ".join(each.sentence for each in status.held)
        how = how_to_confirm(status.node, status.held_digest)
        yield Condition(HELD, TRUE, "PlanHeld", f"{sentences}: {how}")
    else:
        yield Condition(HELD, FALSE, "NothingHeld")
    found = tuple(_degradations(status))
    yield Condition(
        DEGRADED, TRUE if found else FALSE, found[0][0] if found else "AsExpected", "; ".join(each for _, each in found)
    )


def how_to_confirm(node: str, digest: str) -> str:
    """What is done about what is held."""
    return f"put the resources right, or bgpctl confirm {node} --digest {digest}"


def speaker_ends(status: AgentStatus) -> str:
    """Of a speaker in a crash loop."""
    return f"the speaker ends soon after its start: {status.speaker_last_line}"


def _degradations(status: AgentStatus) -> Iterator[tuple[str, str]]:
    """What works less well than it should: a reason and a clause."""
    if status.speaker_crash_loop:
        yield SPEAKER_CRASH_LOOP, speaker_ends(status)
    if status.sessions_overdue:
        yield "SessionsDown", f"{status.sessions_overdue} sessions are down for longer than an attempt takes"
    if status.fib_failed:
        yield "RoutesRefused", f"the kernel refused {status.fib_failed} routes"
    if status.reflectors_down:
        yield "ReflectorsDown", "no session to a reflector is Established"
    if errors := [each.message for each in status.problems if each.severity == "error"]:
        yield "Problems", errors[0]
    if status.missing:
        yield "SessionsSuppressed", status.missing[0]


def _since(condition: Condition, before: Mapping[str, Condition], now: float) -> Condition:
    """With the time of its last transition."""
    known = before.get(condition.type)
    is_same = known is not None and known.status == condition.status
    moment = known.last_transition_time if known is not None and is_same else _moment(now)
    return replace(condition, last_transition_time=moment)


def _down(session: DownSession) -> str:
    return f"{session.name}: {session.last_error or session.ended or session.state}"


def _moment(seconds: float) -> str:
    """RFC 3339; "" for never."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""
