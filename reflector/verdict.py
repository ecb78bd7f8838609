"""Verdicts: why a route is where it is. Every reason that the speaker has to use, reject or withhold a route.

Rule: one enum for import, decision and export, because logs, metrics, tests and `bgpctl explain` all read it. Its value
is a stable code (JSON, Prometheus labels); its `text` is for people and may be improved in any release.
"""

from __future__ import annotations

from enum import StrEnum


class RouteVerdict(StrEnum):
    """Code and text, by stage."""

    text: str

    def __new__(cls, code: str, text: str) -> RouteVerdict:
        verdict = str.__new__(cls, code)
        verdict._value_ = code
        verdict.text = text
        return verdict

    # Import: an accepted route takes part in the decision process.
    ACCEPTED = "accepted", "accepted"
    AS_LOOP = "as-loop", "own AS in AS_PATH"
    ORIGINATOR_LOOP = "originator-loop", "ORIGINATOR_ID is our own router ID"
    CLUSTER_LOOP = "cluster-loop", "own cluster ID in CLUSTER_LIST"
    IMPORT_REJECTED = "import-rejected", "rejected by an import policy"
    FIRST_AS = "first-as", "AS_PATH does not begin with the peer's AS"
    OWN_NEXT_HOP = "own-next-hop", "its next hop is this node itself"
    ROUTE_LEAK = "route-leak", "route leak: ONLY_TO_CUSTOMER does not fit the peer's role"
    OVER_LIMIT = "over-limit", "exceeds the peer's maximum prefixes"
    MARTIAN = "martian", "a prefix that no peer may route (loopback, link-local, multicast, reserved)"
    OWN_ADDRESS = "own-address", "a route to an address of this node"
    TOO_MANY_PATHS = "too-many-paths", "the peer has sent too many paths of this prefix"
    NEXT_HOP_UNRESOLVABLE = "next-hop-unresolvable", "the kernel has no route to its next hop"

    # Decision (RFC 4271 9.1.2.2, RFC 4456 9): the best route, or the step a route lost at.
    BEST = "best", "best"
    LOST_LOCAL_ROUTE = "lost-local-route", "a route of this node is preferred"
    LOST_STALE = "lost-stale", "long-lived stale; another route is not"
    LOST_LOCAL_PREF = "lost-local-pref", "lower LOCAL_PREF"
    LOST_AS_PATH_LENGTH = "lost-as-path-length", "longer AS_PATH"
    LOST_ORIGIN = "lost-origin", "higher ORIGIN"
    LOST_MED = "lost-med", "higher MULTI_EXIT_DISC"
    LOST_EBGP = "lost-ebgp", "learned by iBGP; another route was learned by eBGP, or is in this node's kernel"
    LOST_IGP_COST = "lost-igp-cost", "higher kernel metric to its next hop"
    LOST_ROUTER_ID = "lost-router-id", "higher BGP identifier or ORIGINATOR_ID"
    LOST_CLUSTER_LIST = "lost-cluster-list", "longer CLUSTER_LIST"
    LOST_PEER_ADDRESS = "lost-peer-address", "higher peer address"
    LOST_PATH_ID = "lost-path-id", "higher path identifier"

    # Export, per peer.
    ADVERTISED = "advertised", "advertised"
    NOT_REFLECTED = "not-reflected", "iBGP split horizon: neither side is a client"
    OWN_ROUTE = "own-route", "learned from this peer"
    NO_ADVERTISE = "no-advertise", "community NO_ADVERTISE"
    NO_EXPORT = "no-export", "community NO_EXPORT towards another AS"
    ONLY_TO_CUSTOMER = "only-to-customer", "ONLY_TO_CUSTOMER: not for a provider, peer or route server"
    STALE_NOT_SENT = "stale-not-sent", "long-lived stale, and the peer does not support long-lived graceful restart"
    BEYOND_LIMIT = "beyond-limit", "beyond the session's add-path limit"
    TOO_LONG = "too-long", "attributes do not fit into one message to this peer"
    NO_NEXT_HOP = "no-next-hop", "no next hop that this peer can use"
    EXPORT_REJECTED = "export-rejected", "rejected by an export policy"
    DRAINED = "drained", "this node is being drained: withdrawn"


_TEXTS = {verdict.value: verdict.text for verdict in RouteVerdict}


def text_of(code: str) -> str:
    """A code as people read it; one that this version does not know stands for itself."""
    return _TEXTS.get(code, code)
