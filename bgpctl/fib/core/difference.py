"""Desired versus observed: what has to be changed in the kernel. Pure.

    desired   observed (ours)   foreign route of that key   then
    yes       no                no                          add
    yes       the same          no                          nothing
    yes       another           no                          replace: the kernel swaps them, there is no gap
    yes       -                 yes                         blocked: reported, never overwritten
    yes       another           yes                         blocked, and ours deleted (it is no longer right)
    no        yes               -                           delete

All adds come first and deletes last: a changed metric is another key, so the new route carries the traffic before
the old one goes.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple

from reflector.kernel.change import Change, Verb
from reflector.kernel.route import KernelRoute, RouteKey


class Difference(NamedTuple):
    """`changes` in the order in which they must happen; `blocked` are the desired keys that foreign routes occupy."""

    changes: tuple[Change, ...] = ()
    blocked: tuple[RouteKey, ...] = ()


def difference(
    desired: Mapping[RouteKey, KernelRoute],
    observed: Mapping[RouteKey, KernelRoute],
    foreign: Container[RouteKey] = (),
) -> Difference:
    """What makes `observed` into `desired`. `observed` has only our own routes."""
    adds: list[Change] = []
    replaces: list[Change] = []
    deletes: list[Change] = []
    blocked: list[RouteKey] = []
    for key, route in desired.items():
        have = observed.get(key)
        if key in foreign:
            blocked.append(key)
            if have is not None and have != route:
                deletes.append(Change(Verb.DELETE, have))
        elif have is None:
            adds.append(Change(Verb.ADD, route))
        elif have != route:
            replaces.append(Change(Verb.REPLACE, route))
    deletes += [Change(Verb.DELETE, route) for key, route in observed.items() if key not in desired]
    return Difference((*adds, *replaces, *deletes), tuple(blocked))
