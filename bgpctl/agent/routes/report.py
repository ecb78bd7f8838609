"""The kernel's routes in the agent's status: counts, and a sentence for each that is not as desired."""

from __future__ import annotations

from msgspec import structs

from bgpctl.fib.core.failures import RouteFailure
from bgpctl.fib.core.workload_routes import MOST_WORKLOAD_ROUTES
from bgpctl.fib.status import FibStatus
from reflector.messages import AgentStatus, ProblemStatus

# A broken link can make every route fail; a person reads the first ones, metrics count them all.
MOST_FAILURES = 20


def with_fib(status: AgentStatus, fib: FibStatus | None) -> AgentStatus:
    """The status with what the route programmer reports; None where there is none (yet)."""
    if fib is None:
        return status
    return structs.replace(
        status,
        fib_desired=fib.desired,
        fib_installed=fib.installed,
        fib_failed=len(fib.failed),
        fib_foreign=len(fib.foreign),
        fib_repairs=fib.repairs,
        fib_in_sync=fib.in_sync,
        fib_synced_at=fib.synced_at,
        fib_unresolved=len(fib.unresolved),
        fib_failures=_failures(fib),
        fib_shadowed=len(fib.shadowed),
        fib_unsafe=len(fib.unsafe) + len(fib.unsafe_own),
        fib_notes=_sentences((*fib.unsafe, *fib.shadowed)),
        fib_batches=fib.batches,
        propagation=fib.propagation,
        workload_routes=min(fib.workload_routes, MOST_WORKLOAD_ROUTES),
        problems=(*status.problems, *_left_out(fib)),
    )


def _left_out(fib: FibStatus) -> tuple[ProblemStatus, ...]:
    """Workloads that others cannot reach, since their routes are too many."""
    count = fib.workload_routes - MOST_WORKLOAD_ROUTES
    if count <= 0:
        return ()
    sentence = (
        f"{count} of {fib.workload_routes} kernel routes to workloads are not announced: {MOST_WORKLOAD_ROUTES} are, "
        "and no more; give the node blocks for its workloads, or remove routes that are not to workloads"
    )
    return (ProblemStatus("error", "", 0, "", sentence),)


def _failures(fib: FibStatus) -> tuple[str, ...]:
    routes = (*fib.unsafe_own, *fib.failed, *fib.foreign, *fib.unresolved)
    sentences = [f"{failure.name}: {failure.reason}" for failure in fib.devices]
    return (*sentences, *_sentences(routes))[:MOST_FAILURES]


def _sentences(routes: tuple[RouteFailure, ...]) -> tuple[str, ...]:
    return tuple(f"{failure.prefix}: {failure.reason}" for failure in routes[:MOST_FAILURES])
