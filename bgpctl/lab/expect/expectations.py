"""What must be true of a lab: the values that its expectations.yml is read into (expectation_sections.py).

The rule: sessions are expected exactly, everything else as far as it is written down. An event's expectations are a
difference: `base.then(difference)` holds while it lasts. Pure; docs/lab-expectations.md is the language.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TypeVar

from bgpctl.lab.traffic.ping import Ping

DEFAULT_WITHIN = 30

Pair = tuple[str, str]
Pairs = frozenset[Pair]


@dataclass(frozen=True, slots=True)
class ExpectedRoute:
    """On each node of `on`, in the kernel's main table: the route to `to` with exactly these gateways, or none.

    via        one gateway, or several of an ECMP route; none: on link or a blackhole
    dev        "" for any device
    """

    to: str
    via: tuple[str, ...] = ()
    dev: str = ""
    on: tuple[str, ...] = ()
    absent: bool = False
    blackhole: bool = False

    @property
    def prefix(self) -> str:
        return self.to

    def __str__(self) -> str:
        if self.absent:
            return f"no route to {self.to}"
        if self.blackhole:
            return f"{self.to} blackhole"
        via = f" via {' and '.join(self.via)}" if self.via else ""
        return f"{self.to}{via}{f' dev {self.dev}' if self.dev else ''}"


@dataclass(frozen=True, slots=True)
class ExpectedBgpRoute:
    """On each node of `on`, in its RIB: the best route of `prefix`, or none. None stands for any value. All of
    `communities` must be there (others may)."""

    prefix: str
    on: tuple[str, ...]
    next_hop: str | None = None
    as_path: str | None = None
    local_pref: int | None = None
    communities: tuple[str, ...] = ()
    stale: bool | None = None
    absent: bool = False


Route = TypeVar("Route", ExpectedRoute, ExpectedBgpRoute)


@dataclass(frozen=True, slots=True)
class Expectations:
    """Sessions are (node, peer node), both ways.

    sessions      Established
    down          not Established, whether or not the node has such a session
    never         not there at all
    pods          the addresses of each node that pings and is pinged
    unreachable   (from, to), both ways, of `pods`
    ignored       nodes at which nothing is looked: their ends of sessions, their routes
    within        seconds until all of it must be so
    """

    sessions: Pairs = frozenset()
    down: Pairs = frozenset()
    never: Pairs = frozenset()
    routes: tuple[ExpectedRoute, ...] = ()
    bgp: tuple[ExpectedBgpRoute, ...] = ()
    pods: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unreachable: Pairs = frozenset()
    reachable: Pairs = frozenset()
    ignored: frozenset[str] = frozenset()
    within: float = DEFAULT_WITHIN

    def then(self, other: Expectations) -> Expectations:
        """These expectations with the differences of `other`: for each session, route and pair its value wins."""
        changed = other.sessions | other.down | other.never
        ignored = self.ignored | other.ignored
        return Expectations(
            sessions=_not_at(ignored, (self.sessions - changed) | other.sessions),
            down=_not_at(ignored, (self.down - changed) | other.down),
            never=_not_at(ignored, (self.never - changed) | other.never),
            routes=(*_without(self.routes, other.routes, ignored), *other.routes),
            bgp=(*_without(self.bgp, other.bgp, ignored), *other.bgp),
            pods={**self.pods, **other.pods},
            # What is expected to be reachable is no longer expected to be unreachable.
            unreachable=(self.unreachable - other.reachable) | other.unreachable,
            ignored=ignored,
            within=other.within,
        )

    @property
    def all_pings(self) -> tuple[Ping, ...]:
        """Between each two that have addresses of the same family."""
        return tuple(
            Ping(source, target, address)
            for source, target in permutations(self.pods, 2)
            for address in self.pods[target]
            if any(_version(address) == _version(own) for own in self.pods[source])
        )

    @property
    def pings(self) -> tuple[Ping, ...]:
        """Those that must be answered."""
        return tuple(ping for ping in self.all_pings if (ping.source, ping.target) not in self.unreachable)


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version


def _not_at(nodes: frozenset[str], sessions: Pairs) -> Pairs:
    return frozenset(pair for pair in sessions if pair[0] not in nodes)


def _without(routes: tuple[Route, ...], others: tuple[Route, ...], ignored: frozenset[str]) -> tuple[Route, ...]:
    """The routes, each only on the nodes for which `others` have no such route, and that are not ignored."""
    replaced = {(route.prefix, node) for route in others for node in route.on}
    replaced |= {(route.prefix, node) for route in routes for node in ignored}
    kept = ((route, tuple(node for node in route.on if (route.prefix, node) not in replaced)) for route in routes)
    return tuple(replace(route, on=on) for route, on in kept if on)
