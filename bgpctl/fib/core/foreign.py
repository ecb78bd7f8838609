"""What foreign routes to a destination mean for ours there (ours: what carries our protocol number). Pure.

the same key              it is occupied: our route is not put into the kernel, and that is reported
a lower metric            ours is shadowed: in the kernel but unused. That is reported, and may be meant so. Not for
                          the kernel's own (connected) routes, which are meant so, nor for a blackhole of ours,
                          which is for the case that there is no other route
unicast, a higher metric  our blackhole would take its traffic away - from a local workload that owns the whole
                          block, for example - so there is no blackhole while that route is there
"""

from __future__ import annotations

from collections.abc import Iterable

from bgpctl.fib.core.owners import owner_of, removal_command
from reflector.kernel.route import BLACKHOLE, UNICAST, KernelRoute, RouteKey

_CONNECTED = 2  # RTPROT_KERNEL


def occupied(blocked: Iterable[RouteKey], foreign: tuple[KernelRoute, ...]) -> dict[RouteKey, str]:
    """The blocked keys with a sentence on what occupies them."""
    at = {route.key: route for route in foreign}
    return {key: _occupied(at[key]) for key in blocked}


def shadowed(wanted: Iterable[KernelRoute], foreign: tuple[KernelRoute, ...]) -> dict[RouteKey, str]:
    """The desired routes that the kernel does not use, with a sentence on what it uses instead."""
    found = {}
    for route in wanted:
        better = [each for each in foreign if _competes(each, route) and each.metric < route.metric]
        if better and route.kind != BLACKHOLE:
            used = min(better, key=lambda each: each.metric)
            if used.protocol != _CONNECTED:
                found[route.key] = f"another program's route wins: {owner_of(used)}"
    return found


def without_harm(routes: tuple[KernelRoute, ...], foreign: tuple[KernelRoute, ...]) -> tuple[KernelRoute, ...]:
    """The routes of the plan without the blackholes that would take traffic from a foreign route."""
    return tuple(route for route in routes if route.kind != BLACKHOLE or not _would_shadow(route, foreign))


def _occupied(route: KernelRoute) -> str:
    sentence = f"another program's route has this prefix and metric: {owner_of(route)}"
    return f"{sentence}; remove it with `{removal_command(route)}`"


def _would_shadow(blackhole: KernelRoute, foreign: tuple[KernelRoute, ...]) -> bool:
    return any(
        _competes(each, blackhole) and each.kind == UNICAST and each.metric > blackhole.metric for each in foreign
    )


def _competes(one: KernelRoute, other: KernelRoute) -> bool:
    return one.table == other.table and not one.tos
