"""A route that stays in the kernel though the speaker does not name it (any more): what is known of it, and its end.

Rule: a route that came by BGP outlives the speaker that learned it until one of these holds; the first that applies:

    its time is over                                                  it goes
    it leads to nodes that have left the cluster                      it goes
    the speaker has not sent all that it has                          it stays
    it leads to a node whose own session is still awaited             it stays
    a reflector, which knows of every node, is in sync                it goes: it would be advertised
    a reflector is awaited, or where it leads is unknown              it stays, if it is one of the cluster's own
    otherwise                                                         it goes

An agent that was restarted together with the speaker may know of a route only its gateway in the kernel. That is a
node if it is the far end of a tunnel, and else perhaps a router in between: then it is not known whether the node is
gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from reflector.kernel.route import Destination, KernelRoute, Prefix, prefix_of
from reflector.plan import Family


class RetainedRoute(NamedTuple):
    """`next_hops` are those of BGP or, where they are not known, the kernel's gateways; `is_certain`: each is the node
    itself."""

    destination: Destination
    next_hops: tuple[bytes, ...]
    is_certain: bool


def gateways_of(destination: Destination, routes: tuple[KernelRoute, ...]) -> RetainedRoute:
    legs = [leg for route in routes for leg in route.legs if leg.gateway]
    gateways = tuple(dict.fromkeys(leg.gateway for leg in legs))
    return RetainedRoute(destination, gateways, is_certain=bool(legs) and all(leg.onlink for leg in legs))


class Networks:
    """The cluster's own networks: pools and services."""

    def __init__(self, networks: tuple[Destination, ...]) -> None:
        self._prefixes: list[Prefix] = [prefix_of(network) for network in networks]

    def contain(self, destination: Destination) -> bool:
        return any(prefix.covers(destination) for prefix in self._prefixes)

    def contain_address(self, address: bytes) -> bool:
        return any(prefix.covers_address(address) for prefix in self._prefixes)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known when it is decided. Sessions count by the families that they carry.

    owner              node by address; None: the nodes are not known
    awaited            families and nodes whose own session is not in sync
    reflector_awaited, reflector_complete   families of any
    in_sync            the speaker has sent all that it has
    """

    owner: Mapping[bytes, str] | None
    networks: Networks
    awaited: frozenset[tuple[Family, str]] = frozenset()
    reflector_awaited: frozenset[Family] = frozenset()
    reflector_complete: frozenset[Family] = frozenset()
    in_sync: bool = False
    is_over: bool = False

    def releases(self, route: RetainedRoute) -> bool:
        if self.is_over or self._leads_nowhere(route):
            return True
        if not self.in_sync:
            return False
        family = route.destination[0]
        owners = self._owners(route)
        if any((family, owner) in self.awaited for owner in owners):
            return False
        if family in self.reflector_complete:
            return True
        is_ours = bool(owners) or self.networks.contain(route.destination)
        return not (is_ours and (family in self.reflector_awaited or self._may_be_of_another(route)))

    def _owners(self, route: RetainedRoute) -> set[str]:
        owner = self.owner or {}
        return {owner[next_hop] for next_hop in route.next_hops if next_hop in owner}

    def _may_be_of_another(self, route: RetainedRoute) -> bool:
        """A gateway that is perhaps a router, and a node that is awaited."""
        return not route.is_certain and any(family == route.destination[0] for family, _ in self.awaited)

    def _leads_nowhere(self, route: RetainedRoute) -> bool:
        if not route.is_certain or not route.next_hops or not self.networks.contain(route.destination):
            return False
        return all(map(self.is_gone, route.next_hops))

    def is_gone(self, next_hop: bytes) -> bool:
        """No node has it. One inside the cluster's networks is a pod that speaks BGP, and of those nothing is known."""
        return self.owner is not None and next_hop not in self.owner and not self.networks.contain_address(next_hop)
