"""The state of the links, as far as it decides which legs of a route the kernel uses.

Rule: a link that nothing is known of is up and has a carrier. What each state means is in `resolve`.
"""

from __future__ import annotations

from typing import NamedTuple

from reflector.plan import Family

# NETCONFA_IFINDEX_ALL (linux/netconf.h).
ALL_INTERFACES = -1


class InterfaceState(NamedTuple):
    """`up`: it is switched on. `carrier`: as the kernel sees it when it marks routes RTNH_F_LINKDOWN."""

    up: bool = True
    carrier: bool = True


UP, NO_CARRIER, DOWN = InterfaceState(), InterfaceState(carrier=False), InterfaceState(up=False, carrier=False)


class Interfaces:
    """Mutable. Links that are up with a carrier are not kept."""

    def __init__(self) -> None:
        self._states: dict[int, InterfaceState] = {}
        self._ignoring: dict[Family, set[int]] = {4: set(), 6: set()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interfaces) and (self._states, self._ignoring) == (other._states, other._ignoring)

    __hash__ = None  # type: ignore[assignment]

    def state(self, ifindex: int) -> InterfaceState:
        return self._states.get(ifindex, UP)

    def set_state(self, ifindex: int, state: InterfaceState) -> None:
        if state == UP:
            self._states.pop(ifindex, None)
        else:
            self._states[ifindex] = state

    def set_ignoring(self, family: Family, ifindex: int, *, ignores: bool) -> bool:
        """`ignore_routes_with_linkdown` of this link, or of ALL_INTERFACES. Returns whether that is new."""
        ignoring = self._ignoring[family]
        if (ifindex in ignoring) == ignores:
            return False
        (ignoring.add if ignores else ignoring.discard)(ifindex)
        return True

    def remove(self, ifindex: int) -> None:
        """The link is gone, and nothing leads over it."""
        self._states.pop(ifindex, None)
        for ignoring in self._ignoring.values():
            ignoring.discard(ifindex)

    def has_carrier(self, ifindex: int) -> bool:
        return self._states.get(ifindex, UP).carrier

    def takes_part(self, ifindex: int, family: Family) -> bool:
        """Whether the kernel uses legs over this link."""
        state = self._states.get(ifindex)
        if state is None:
            return True
        return state.up and (state.carrier or not self._ignores(family, ifindex))

    def _ignores(self, family: Family, ifindex: int) -> bool:
        ignoring = self._ignoring[family]
        return ifindex in ignoring or (family == 4 and ALL_INTERFACES in ignoring)
