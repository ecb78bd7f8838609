"""What the agent's status says of the kernel's routes: numbers, and a sentence on each that is not as wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from reflector.messages import AgentStatus

if TYPE_CHECKING:
    from bgpctl.fib.programmer import FibStatus
    from bgpctl.fib.troubles import RouteTrouble

# A broken link can make every route a trouble; a person reads the first ones, metrics count them all.
MOST_TROUBLES = 20


def with_fib(status: AgentStatus, fib: FibStatus | None) -> AgentStatus:
    """The status with what the route programmer says; None where there is none (yet)."""
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
        fib_failures=_troubles(fib),
        fib_shadowed=len(fib.shadowed),
        fib_notes=_sentences(fib.shadowed),
        fib_batches=fib.batches,
        propagation=fib.propagation,
    )


def _troubles(fib: FibStatus) -> tuple[str, ...]:
    routes = (*fib.failed, *fib.foreign, *fib.unresolved)
    sentences = [f"{trouble.name}: {trouble.reason}" for trouble in fib.devices]
    return (*sentences, *_sentences(routes))[:MOST_TROUBLES]


def _sentences(routes: tuple[RouteTrouble, ...]) -> tuple[str, ...]:
    return tuple(f"{trouble.prefix}: {trouble.reason}" for trouble in routes[:MOST_TROUBLES])
