"""Which routes go to which peers: the client/non-client table of route reflection (RFC 4456 6), with eBGP.

    learned from \\ to        eBGP peer    client       non-client
    this node                 advertise    advertise    advertise
    eBGP peer                 advertise    advertise    advertise
    client                    advertise    reflect      reflect
    non-client                advertise    reflect      -

`reflect` adds ORIGINATOR_ID and CLUSTER_LIST; `-` is the split horizon of iBGP (RFC 4271 9.2.1). A client is sent
its own routes too and drops them by ORIGINATOR_ID, which lets all clients share one log (RFC 4456 8).

A node may serve several clusters (`SessionPlan.cluster_id`, else the node's own). The CLUSTER_LIST is the way of a
route through clusters, so what is put in front is the cluster of the client it is sent to, and behind that the cluster
of the client it was learned from; once if they are the same. A non-client is in no cluster of ours and adds none; one
of the two sides is always a client. So two reflectors of the same clusters drop each other's copies (RFC 4456 7),
whichever cluster a route came through: a route that holds any of our cluster IDs has been here. A node without clients
serves no cluster, whatever cluster ID it has, and uses what others of the cluster reflect, as BIRD does.
"""

from __future__ import annotations

from enum import Enum

from reflector.session.relation import Relation
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import AsPath, PathAttributes, count_as


class Handling(Enum):
    ADVERTISE = "advertise"
    REFLECT = "reflect"
    WITHHOLD = "withhold"


_TABLE: dict[tuple[Relation, Relation], Handling] = {
    (Relation.CLIENT, Relation.CLIENT): Handling.REFLECT,
    (Relation.CLIENT, Relation.NON_CLIENT): Handling.REFLECT,
    (Relation.NON_CLIENT, Relation.CLIENT): Handling.REFLECT,
    (Relation.NON_CLIENT, Relation.NON_CLIENT): Handling.WITHHOLD,
}


def handling(learned_from: Relation, sent_to: Relation) -> Handling:
    """The table above."""
    return _TABLE.get((learned_from, sent_to), Handling.ADVERTISE)


def reflected(attributes: PathAttributes, originator: bytes, sent_to: bytes, learned_from: bytes) -> PathAttributes:
    """Attributes as a reflector passes them on (RFC 4456 8) between two clusters, b"" for none: ORIGINATOR_ID is set
    once, the clusters go in front."""
    clusters = (sent_to,) if sent_to == learned_from else tuple(filter(None, (sent_to, learned_from)))
    return attributes.replace(
        originator_id=attributes.originator_id or originator,
        cluster_list=(*clusters, *attributes.cluster_list),
    )


def loop(attributes: PathAttributes, router_id: bytes, cluster_ids: frozenset[bytes]) -> RouteVerdict | None:
    """RFC 4456 8: a route that has been here before, or None."""
    if attributes.originator_id == router_id:
        return RouteVerdict.ORIGINATOR_LOOP
    if cluster_ids and not cluster_ids.isdisjoint(attributes.cluster_list):
        return RouteVerdict.CLUSTER_LOOP
    return None


def as_loop(path: AsPath, local_as: int, allowed: int) -> bool:
    """RFC 4271 9.1.2: our own AS stands in the path more often than is allowed."""
    return bool(path) and count_as(path, local_as) > allowed
