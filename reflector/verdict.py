"""Why a route is where it is: every reason the speaker has to use, drop or withhold a route.

One enum for import, decision and export, because logs, metrics, tests and `bgpctl explain` all speak of it.
"""

from __future__ import annotations

from enum import StrEnum


class RouteVerdict(StrEnum):
    """The stage is the first word of each group; the text is what people read."""

    # Import: an accepted route takes part in the decision process.
    ACCEPTED = "accepted"
    AS_LOOP = "own AS in AS_PATH"
    ORIGINATOR_LOOP = "ORIGINATOR_ID is our own router ID"
    CLUSTER_LOOP = "own cluster ID in CLUSTER_LIST"
    IMPORT_REJECTED = "rejected by an import policy"
    FIRST_AS = "AS_PATH does not begin with the peer's AS"
    OWN_NEXT_HOP = "its next hop is this node itself"
    ROUTE_LEAK = "route leak: ONLY_TO_CUSTOMER does not fit the peer's role"
    OVER_LIMIT = "beyond the peer's maximum of prefixes"
    NEXT_HOP_UNRESOLVABLE = "the kernel has no route to its next hop"

    # Decision (RFC 4271 9.1.2.2, RFC 4456 9): the winner, or the step a route lost at.
    BEST = "best"
    LOST_LOCAL_ROUTE = "a route of this node is preferred"
    LOST_STALE = "long-lived stale, another one is not"
    LOST_LOCAL_PREF = "lower LOCAL_PREF"
    LOST_AS_PATH_LENGTH = "longer AS_PATH"
    LOST_ORIGIN = "higher ORIGIN"
    LOST_MED = "higher MULTI_EXIT_DISC"
    LOST_EBGP = "learned by iBGP, another one by eBGP"
    LOST_IGP_COST = "higher kernel metric to its next hop"
    LOST_ROUTER_ID = "higher BGP identifier or ORIGINATOR_ID"
    LOST_CLUSTER_LIST = "longer CLUSTER_LIST"
    LOST_PEER_ADDRESS = "higher peer address"
    LOST_PATH_ID = "higher path identifier"

    # Export, per peer.
    ADVERTISED = "advertised"
    NOT_REFLECTED = "iBGP split horizon: neither side is a client"
    OWN_ROUTE = "learned from this peer"
    NO_ADVERTISE = "community NO_ADVERTISE"
    NO_EXPORT = "community NO_EXPORT towards another AS"
    ONLY_TO_CUSTOMER = "ONLY_TO_CUSTOMER keeps it from a provider, peer or route server"
    STALE_NOT_SENT = "long-lived stale, and the peer does not know long-lived graceful restart"
    BEYOND_LIMIT = "the peer is sent fewer paths of a prefix"
    TOO_LONG = "attributes do not fit into one message to this peer"
    NO_NEXT_HOP = "no next hop of this family to advertise"
    EXPORT_REJECTED = "rejected by an export policy"
    DRAINED = "this node drains: withdrawn"
