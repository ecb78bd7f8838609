"""A part of the cluster that has no session with the rest: the connected components of the session graph.

All routers that are no nodes count as one, since what connects them is not known. A node that is alone is no part:
it has a finding of its own (node-without-session). Nodes without a BGP speaker are not asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, some

# In the graph beside the nodes; no node is called so.
MESH, OUTSIDE = "(mesh)", "(outside)"


def partitions(cluster: ClusterSessions) -> Iterator[Finding]:
    """One finding for each part but the largest, at its first node."""
    speakers = [name for name in cluster.peerings if cluster.index.nodes[name].has_speaker]
    if len(speakers) < 4:
        return
    import networkx

    graph: networkx.Graph[str] = networkx.Graph()
    graph.add_nodes_from(speakers)
    graph.add_edges_from((name, here.endpoint.node) for name, here, _ in cluster.joined() if name < here.endpoint.node)
    graph.add_edges_from((name, MESH) for name in cluster.mesh)
    for name, found in cluster.peerings.items():
        if any(not each.endpoint.node for each in found.wanted):
            graph.add_edge(name, OUTSIDE)
    parts = [sorted(each - {MESH, OUTSIDE}) for each in networkx.connected_components(graph)]
    parts = sorted((each for each in parts if len(each) > 1), key=lambda each: (-len(each), each[0]))
    for part in parts[1:]:
        message = (
            f"{some(part)} are cut off: no session connects them with the other "
            f"{len(speakers) - len(part)} nodes; "
            "add a BGPPeer between the two parts, most often between their reflectors"
        )
        yield Finding("partition", cluster.index.nodes[part[0]].node, "$.spec.bgp", message)
