"""What is wrong at a node that runs: the one list behind `bgpctl status` and its exit status.

Rule: an error is what keeps the node from being as its resources ask, and makes the exit status 1. A warning works, and
somebody should look at it. Each check is a function from the agent's status to problems; CHECKS has all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bgpctl.agent.speaker.state import SpeakerState
from bgpctl.cli.fib import is_wrong
from bgpctl.cli.text_table import duration
from reflector.messages import AgentStatus, DownSession, ProblemStatus

ERROR = "error"
WARNING = "warning"
# So many sessions of a node, and so many objects that take something away, are named.
MOST_SESSIONS = 5
MOST_CAUSES = 8


@dataclass(frozen=True, slots=True)
class NodeProblem:
    """`severity` is `error` or `warning`; `details` are more lines about the sentence."""

    severity: str
    sentence: str
    details: tuple[str, ...] = ()


Problems = Iterator[NodeProblem]


def problems_of(agent: AgentStatus) -> tuple[NodeProblem, ...]:
    """All of them, errors first."""
    found = [problem for check in CHECKS for problem in check(agent)]
    return tuple(sorted(found, key=lambda problem: problem.severity != ERROR))


def _plan(agent: AgentStatus) -> Problems:
    if not agent.plan_generation:
        yield NodeProblem(ERROR, "there is no plan yet: no session is set up")
    elif not agent.plan_is_current and not agent.held and not agent.invalid:
        yield NodeProblem(ERROR, "the plan that runs is not that of the newest resources")


def _resources(agent: AgentStatus) -> Problems:
    for problem in agent.problems:
        yield NodeProblem(problem.severity, _resource_problem(problem))


def _findings(agent: AgentStatus) -> Problems:
    """Of the guardrails, but for what the compiler has reported for this node itself."""
    known = set(agent.problems)
    for finding in agent.findings:
        if finding not in known:
            yield NodeProblem(finding.severity, _resource_problem(finding))


def _invalid(agent: AgentStatus) -> Problems:
    for each in agent.invalid:
        yield NodeProblem(ERROR, f"invalid: {each.sentence}")


def _resource_problem(problem: ProblemStatus) -> str:
    place = ":".join(part for part in (problem.file, str(problem.line or "")) if part)
    return ": ".join(part for part in (place, problem.path, problem.message) if part)


def _held(agent: AgentStatus) -> Problems:
    """What is held, which objects take it away, and how it is confirmed."""
    for held in agent.held:
        causes = [f"by {cause}" for cause in held.causes[:MOST_CAUSES]]
        if len(held.causes) > MOST_CAUSES:
            causes.append(f"and by {len(held.causes) - MOST_CAUSES} more objects")
        what_to_do = f"held: digest {agent.held_digest}; put the resources right, or bgpctl confirm {agent.node}"
        yield NodeProblem(ERROR, f"held: {held.sentence}", (*causes, what_to_do))


def _speaker(agent: AgentStatus) -> Problems:
    if agent.speaker_state != SpeakerState.RUNNING:
        yield NodeProblem(ERROR, f"the speaker is not running: {agent.speaker_state}")
    if agent.speaker_failures:
        pause = f"; the next one starts after {agent.speaker_pause:g} s" if agent.speaker_pause else ""
        ended = f"the speaker ended {agent.speaker_failures} times in a row{pause}"
        yield NodeProblem(
            ERROR if agent.speaker_crash_loop else WARNING, f"{ended}; its last line: {agent.speaker_last_line or '-'}"
        )


def _sessions(agent: AgentStatus) -> Problems:
    if agent.speaker_state == SpeakerState.RUNNING and not agent.sessions_known:
        yield NodeProblem(ERROR, "the speaker does not answer how its sessions stand")
    overdue = [session for session in agent.sessions_down if session.is_overdue]
    for session in overdue[:MOST_SESSIONS]:
        yield NodeProblem(ERROR, _down(session))
    more = agent.sessions_overdue - min(len(overdue), MOST_SESSIONS)
    if more:
        yield NodeProblem(ERROR, f"{more} more sessions are down: bgpctl peers --down --node {agent.node}")
    overdue_names = {session.name for session in overdue}
    for flapping in agent.sessions_flapping[:MOST_SESSIONS]:
        if flapping.name not in overdue_names:
            peer = _peer(flapping.peer_address, flapping.peer_node)
            yield NodeProblem(ERROR, f"the session with {peer} went down three times in ten minutes: {flapping.ended}")


def _peer(address: str, node: str) -> str:
    return f"{address} ({node})" if node else address


def _down(session: DownSession) -> str:
    peer = _peer(session.peer_address, session.peer_node)
    ended = f" ({session.ended})" if session.ended not in ("", session.last_error) else ""
    down = f"the session with {peer} has been down for {duration(session.down)}{ended}"
    if not session.last_error:
        return down
    return f"{down}: {session.last_error} ({duration(session.last_error_age)} ago)"


def _suppressed(agent: AgentStatus) -> Problems:
    for session in agent.suppressed:
        severity = ERROR if session in agent.missing else WARNING
        yield NodeProblem(severity, f"suppressed session {session}")


def _kernel(agent: AgentStatus) -> Problems:
    if not is_wrong(agent):
        sentences: tuple[str, ...] = ()
    elif not agent.fib_in_sync:
        sentences = ("the kernel has not been compared with all routes yet", *agent.fib_failures)
    else:
        missing = f"{agent.fib_desired - agent.fib_installed} of {agent.fib_desired} routes are not in the kernel"
        sentences = agent.fib_failures or (missing,)
    for sentence in sentences:
        yield NodeProblem(ERROR, f"kernel: {sentence}")
    for sentence in agent.fib_notes:
        yield NodeProblem(WARNING, f"kernel: {sentence}")


def _retention(agent: AgentStatus) -> Problems:
    if agent.retention:
        yield NodeProblem(WARNING, agent.retention)


def _internal_errors(agent: AgentStatus) -> Problems:
    if agent.internal_errors:
        times = "one internal error" if agent.internal_errors == 1 else f"{agent.internal_errors} internal errors"
        yield NodeProblem(WARNING, f"{times} since the agent started, a fault of bgpctl: its log has the traceback")


CHECKS: tuple[Callable[[AgentStatus], Problems], ...] = (
    _plan,
    _resources,
    _findings,
    _invalid,
    _held,
    _speaker,
    _sessions,
    _suppressed,
    _kernel,
    _retention,
    _internal_errors,
)
