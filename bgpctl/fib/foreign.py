"""What foreign routes to a destination mean for ours there (ours: what carries our protocol number). Pure.

the same key                our route is held back, and that is reported
a lower metric              our route is in the kernel but unused: told, for it may be meant so. Not of the kernel's
                            own (connected) routes, which are meant so, and not of a blackhole, which is there for
                            the case that nothing else is
a way, with a higher metric our blackhole would take its traffic away - a local workload that owns the whole block,
                            say - so there is no blackhole while that route is there
"""

from __future__ import annotations

from collections.abc import Iterable

from bgpctl.fib.owners import owner_of
from bgpctl.fib.route import BLACKHOLE, UNICAST, KernelRoute, RouteKey

_CONNECTED = 2  # RTPROT_KERNEL


def holders(blocked: Iterable[RouteKey], foreign: tuple[KernelRoute, ...]) -> dict[RouteKey, str]:
    """The blocked keys with a sentence on who holds them."""
    owners = {route.key: owner_of(route) for route in foreign}
    return {key: f"a route of {owners[key]} holds its place" for key in blocked}


def shadowed(wanted: Iterable[KernelRoute], foreign: tuple[KernelRoute, ...]) -> dict[RouteKey, str]:
    """The wanted routes that the kernel does not use, with a sentence on what it uses instead."""
    found = {}
    for route in wanted:
        better = [each for each in foreign if _competes(each, route) and each.metric < route.metric]
        if better and route.kind != BLACKHOLE:
            used = min(better, key=lambda each: each.metric)
            if used.protocol != _CONNECTED:
                found[route.key] = f"a route of {owner_of(used)} is used instead"
    return found


def without_harm(routes: tuple[KernelRoute, ...], foreign: tuple[KernelRoute, ...]) -> tuple[KernelRoute, ...]:
    """The routes of the plan without the blackholes that would take traffic from a foreign route."""
    return tuple(route for route in routes if route.kind != BLACKHOLE or not _would_shadow(route, foreign))


def _would_shadow(blackhole: KernelRoute, foreign: tuple[KernelRoute, ...]) -> bool:
    return any(
        _competes(each, blackhole) and each.kind == UNICAST and each.metric > blackhole.metric for each in foreign
    )


def _competes(one: KernelRoute, other: KernelRoute) -> bool:
    return one.table == other.table and not one.tos
