"""Why a route stops between a router that has it and its peer, or why packets stop although the route is there.

The speaker's verdicts (`reflector.verdict`) in the few kinds that need different remedies. The order decides between
obstacles on several sessions of one pair: the first is the more telling.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from reflector.verdict import RouteVerdict


class Obstacle(StrEnum):
    """The text follows the names of the two routers."""

    SPLIT_HORIZON = "iBGP split horizon: neither side is the other's client"
    CLUSTER_LOOP = "cluster ID loop: both are reflectors with the same cluster ID"
    ORIGINATOR_LOOP = "ORIGINATOR_ID loop: both have the same router ID"
    AS_LOOP = "AS loop: the AS of the receiver is in AS_PATH"
    ROUTE_LEAK = "roles: a route from a provider, peer or route server is advertised to customers only"
    NO_NEXT_HOP = "no usable next hop: on a session between IPv4 addresses it must be of the family of the route"
    EXPORT_REJECTED = "the sender's export policy rejects it"
    IMPORT_REJECTED = "the receiver's import policy rejects it"
    COMMUNITY = "a community (NO_EXPORT, NO_ADVERTISE) keeps it from this peer"
    REFUSED = "the receiver refuses it"
    NO_SESSION = "no session leads there"
    UNSETTLED = "the routers never settle on a route"
    NO_VXLAN_END = "no VXLAN end: packets are to go through a VXLAN tunnel to a node that has no tunnel address"
    OUTSIDE_VXLAN = "one of the two has no BGP speaker, and the pool of the prefix is no VXLAN pool"
    PERHAPS_NO_VXLAN_END = "no VXLAN end: the next hop has no tunnel address, and only Felix knows another way"
    FORWARDING_LOOP = "forwarding loop: the next hops lead round in a circle"
    THROUGH_REFLECTOR = "packets go through a route reflector without blocks, which may program no routes"
    FOREIGN_NEXT_HOP = "the next hop is no node's address: whether there is a way to it is not known here"
    THROUGH_OTHERS = "only routers that are no nodes could carry it, and what they do is not known here"


class Stop(NamedTuple):
    """Where a route stops.

    sender     the last router that has the route, "" when no session leads any further
    receiver   the router to which it is not advertised, or which drops it
    rule       the policy rule that decided, "" where none did
    """

    obstacle: Obstacle
    sender: str = ""
    receiver: str = ""
    rule: str = ""


OF_VERDICT: dict[RouteVerdict, Obstacle] = {
    RouteVerdict.NOT_REFLECTED: Obstacle.SPLIT_HORIZON,
    RouteVerdict.OWN_ROUTE: Obstacle.SPLIT_HORIZON,
    RouteVerdict.CLUSTER_LOOP: Obstacle.CLUSTER_LOOP,
    RouteVerdict.ORIGINATOR_LOOP: Obstacle.ORIGINATOR_LOOP,
    RouteVerdict.AS_LOOP: Obstacle.AS_LOOP,
    RouteVerdict.ROUTE_LEAK: Obstacle.ROUTE_LEAK,
    RouteVerdict.ONLY_TO_CUSTOMER: Obstacle.ROUTE_LEAK,
    RouteVerdict.NO_NEXT_HOP: Obstacle.NO_NEXT_HOP,
    RouteVerdict.EXPORT_REJECTED: Obstacle.EXPORT_REJECTED,
    RouteVerdict.IMPORT_REJECTED: Obstacle.IMPORT_REJECTED,
    RouteVerdict.NO_EXPORT: Obstacle.COMMUNITY,
    RouteVerdict.NO_ADVERTISE: Obstacle.COMMUNITY,
}
