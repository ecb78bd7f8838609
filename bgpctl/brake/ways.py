"""What a session is to the node that has it, which decides what its loss means.

CLUSTER   to a reflector, to the mesh or to another node: by these the node has the routes of the cluster
PARTNER   between two reflectors of one cluster, each with clients: each has its clients' routes by itself
CLIENT    to a client of this reflector: by these the client has the routes of the cluster. A client that reflects for
          another cluster is the way to that, too: CLUSTER
OUTSIDE   eBGP to a router that is no node
none      to a local workload: it comes and goes with its pod
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from enum import StrEnum

from reflector.plan import NodePlan, SessionKind, SessionPlan, SessionType


class Way(StrEnum):
    CLUSTER = "cluster"
    PARTNER = "partner"
    CLIENT = "client"
    OUTSIDE = "outside"


ANY_WAY = frozenset(Way)
OF_CLUSTER = frozenset({Way.CLUSTER, Way.PARTNER, Way.CLIENT})


def served_clusters(plan: NodePlan) -> frozenset[str]:
    """The cluster IDs by which the node rejects routes (RFC 4456 8): of the clusters in which it has a client."""
    return frozenset(each.cluster_id or plan.cluster_id for each in plan.sessions if each.rr_client)


def way(served: Container[str], session: SessionPlan, cluster_ids: Mapping[str, str]) -> Way | None:
    """`served` are the clusters of the node, `cluster_ids` those of the nodes that reflect, by name."""
    if session.kind is SessionKind.WORKLOAD:
        return None
    peers_cluster = cluster_ids.get(session.peer_node, "")
    if session.rr_client:
        return Way.CLUSTER if peers_cluster and peers_cluster not in served else Way.CLIENT
    if session.session_type is SessionType.EBGP and not session.peer_node:
        return Way.OUTSIDE
    if peers_cluster in served:
        return Way.PARTNER
    return Way.CLUSTER


def is_to_reflector(session: SessionPlan, reflectors: Container[str]) -> bool:
    """Whether the other end is one of these nodes, and this node may be its client."""
    explicit = session.kind in (SessionKind.GLOBAL, SessionKind.NODE) and not session.rr_client
    return explicit and session.session_type is SessionType.IBGP and session.peer_node in reflectors
