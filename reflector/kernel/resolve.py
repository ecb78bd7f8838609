"""How the kernel reaches an address: the one rule, for the speaker's next hops and for the FIB's.

Rule: the answer is what `ip route get` answers, over the main table without this node's own BGP routes; one that
resolved its own next hop would keep itself alive for ever. In this order, the first that is the case:

    an address of this node                              OWN_ADDRESS
    IPv6 link-local                                      LINK_LOCAL: it means something on one link only
    then the longest prefix that covers the address, in it the lowest metric, of that the route that stands first:
      blackhole, unreachable, prohibit, throw            UNREACHABLE; nothing else is asked
      unicast, and no leg takes part                     the next metric, then the next shorter prefix is asked
      unicast, and no leg that takes part has a carrier  NO_CARRIER, with the legs: the kernel sends into a dead link
      unicast                                            the legs that take part; with several of them the kernel
                                                         chooses one for each flow
    no prefix left                                       NO_ROUTE

    a leg takes part     unless its link is set down (the kernel marks it RTNH_F_DEAD), or has no carrier
                         (RTNH_F_LINKDOWN) and `ignore_routes_with_linkdown` is set for it: for IPv4 with `all` or for
                         the link, for IPv6 for the link, to which `all` is copied
    a default route      is a route like any other (as in BIRD; FRR asks for a switch)

The cost is the route's metric as `ip route` shows it, 0 for the network of a link itself.

Measured on Linux 6.18 (tests/session/test_resolve.py asks the kernel about random tables). Not followed: policy rules
and other tables, routes for one TOS or one source, and the state of a neighbour, by which a host that does not forward
IPv6 chooses between routers.
Source: RFC 4271 9.1.2.1 (resolvable: the state of the interface counts) and 9.1.2.2 e (interior cost); in Linux
fib_table_lookup() and fib6_table_lookup().
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from reflector.kernel.interfaces import Interfaces
from reflector.kernel.route import UNICAST, Leg, RouteTerms
from reflector.plan import MAIN_TABLE


class Unresolved(StrEnum):
    """Why a next hop cannot be used."""

    NO_ROUTE = "the kernel has no route to it"
    UNREACHABLE = "the kernel's route to it drops all packets"
    NO_CARRIER = "the link that the kernel uses for it has no carrier"
    OWN_ADDRESS = "it is an address of this node"
    LINK_LOCAL = "it is link-local, and the route has no interface"


class Resolution(NamedTuple):
    """`reason` None: the address can be used as a next hop. `legs` are the ways that the kernel takes; with NO_CARRIER
    there are some as well."""

    reason: Unresolved | None = None
    cost: int = 0
    legs: tuple[Leg, ...] = ()

    @property
    def is_resolvable(self) -> bool:
        return self.reason is None

    @property
    def interfaces(self) -> tuple[int, ...]:
        """The indexes of the links that lead there."""
        return tuple(leg.ifindex for leg in self.legs)


# As long as nothing is known of the kernel.
ASSUMED = Resolution()
NO_ROUTE = Resolution(Unresolved.NO_ROUTE)
UNREACHABLE = Resolution(Unresolved.UNREACHABLE)
OWN_ADDRESS = Resolution(Unresolved.OWN_ADDRESS)
LINK_LOCAL = Resolution(Unresolved.LINK_LOCAL)

# Who puts the network of a link there: the kernel for an address, or for a router advertisement.
_CONNECTS = frozenset((2, 9))
# RTN_LOCAL, RTN_ANYCAST: delivered here.
_LOCAL = frozenset((2, 4))


def way_out(routes: tuple[RouteTerms, ...], interfaces: Interfaces) -> Resolution | None:
    """What the routes of one prefix come to, in the kernel's order; None: a shorter prefix is asked."""
    for route in routes:
        if route.table != MAIN_TABLE or route.tos:
            continue
        if route.kind != UNICAST:
            return OWN_ADDRESS if route.kind in _LOCAL else UNREACHABLE
        legs = tuple(leg for leg in route.legs if interfaces.takes_part(leg.ifindex, route.family))
        if legs:
            has_carrier = any(interfaces.has_carrier(leg.ifindex) for leg in legs)
            return Resolution(None if has_carrier else Unresolved.NO_CARRIER, _cost(route), legs)
    return None


def _cost(route: RouteTerms) -> int:
    is_connected = route.protocol in _CONNECTS and not any(leg.gateway for leg in route.legs)
    return 0 if is_connected else route.metric
