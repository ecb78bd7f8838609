"""Maximum prefixes that the cluster's own blocks exceed: the session would warn, drop or end on an ordinary day.

Counted is what the far end certainly advertises (RFC 4271 9.1.3): its own blocks, and to a client of a reflector those
of all nodes, including the client's own. What routers that are no nodes send is not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bgpctl.compiler.sessions.peering import Peering
from bgpctl.compiler.sessions.session_settings import NO_LIMIT, session_families, session_settings
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, label
from bgpctl.guardrails.sessions.session_kinds import is_set, setter
from bgpctl.resources.annotations.table import annotation_path
from bgpctl.resources.values.model import Resource
from reflector.addresses import FAMILIES, family_of, is_single_address
from reflector.plan import Family, SessionKind


def low_limits(cluster: ClusterSessions) -> Iterator[Finding]:
    """One finding for each resource, with the session that exceeds its limit by most."""
    if not is_set(cluster, "maximum_prefixes"):
        return
    blocks = {name: _blocks(cluster, name) for name in cluster.index.nodes}
    whole = sum(blocks.values(), Counter[Family]())
    worst: dict[str, tuple[int, Resource, str]] = {}
    for node, peering in _sessions(cluster):
        settings = session_settings(cluster.index, node, peering)
        limit = (settings.maximum_prefixes or NO_LIMIT).limit
        far = peering.endpoint.node
        advertised = (whole if _is_client(cluster, node, far) else blocks[far]) if limit and far else Counter[Family]()
        count, family = max((advertised[each], each) for each in session_families(peering.endpoint.family, settings))
        resource = setter(cluster, node, peering, "maximum_prefixes")
        if resource is not None and count > limit:
            message = f"{far} advertises {count} IPv{family} blocks to {node}, more than the {limit} allowed"
            known = worst.setdefault(label(resource), (0, resource, ""))
            worst[label(resource)] = max(known, (count - limit, resource, message), key=_excess)
    for _, (_, resource, message) in sorted(worst.items()):
        yield Finding("maximum-prefixes-too-low", resource, annotation_path("maximum_prefixes"), message)


def _excess(entry: tuple[int, Resource, str]) -> int:
    return entry[0]


def _is_client(cluster: ClusterSessions, node: str, far: str) -> bool:
    """Whether the far end reflects to this node."""
    nodes, as_number = cluster.index.nodes, cluster.index.as_number
    reflects = nodes[far].is_reflector and nodes[far].cluster_id != nodes[node].cluster_id
    return reflects and as_number(node) == as_number(far)


def _blocks(cluster: ClusterSessions, name: str) -> Counter[Family]:
    """How many routes the node has of each family; a block of one address is no route of the node's."""
    index = cluster.index
    found = index.pod_blocks(name) if cluster.options.use_pod_cidr else index.blocks(name)
    return Counter(family_of(each.prefix) for each in found if not is_single_address(each.prefix))


def _sessions(cluster: ClusterSessions) -> Iterator[tuple[str, Peering]]:
    """Those of BGPPeers, and of the mesh each member's with the one that has most to advertise."""
    yield from ((node, each) for node, found in cluster.peerings.items() for each in found.wanted)
    for family in FAMILIES:
        members = [name for name in sorted(cluster.mesh) if cluster.index.nodes[name].addresses[family]]
        fullest = sorted(members, key=lambda name: -_blocks(cluster, name)[family])[:2]
        for node in members if len(members) > 1 else ():
            far = fullest[0] if fullest[0] != node else fullest[1]
            (endpoint,) = (each for each in cluster.index.endpoints(far) if each.family == family)
            yield node, Peering(SessionKind.MESH, endpoint)
