"""Nodes that have no session, and BGPPeers that define none."""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.compiler.sessions.bgp_peers import names_node_without_speaker
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding


def nodes_without_session(cluster: ClusterSessions) -> Iterator[Finding]:
    """One finding for the cluster when no node has a session. A cluster of one node needs no session, nor does a node
    without a BGP speaker."""
    speakers = [name for name, facts in cluster.index.nodes.items() if facts.has_speaker]
    if len(speakers) < 2 or not cluster.is_examined:
        return
    idle = [name for name in speakers if not cluster.peerings[name].wanted and not _in_company(cluster, name)]
    if len(idle) == len(speakers):
        message = f"none of {len(idle)} nodes has a session: the mesh is off and no BGPPeer defines one"
        yield Finding("node-without-session", cluster.configuration, "$", message)
        return
    for name in idle:
        facts = cluster.index.nodes[name]
        addressed = any(facts.addresses.values())
        why = "no BGPPeer selects it" if addressed else "it has no BGP address"
        path = "$" if addressed else "$.spec.bgp"
        message = f"the node has no session ({why}): it advertises no routes to its pods, and receives none"
        yield Finding("node-without-session", facts.node, path, message)


def _in_company(cluster: ClusterSessions, name: str) -> bool:
    """Whether the mesh gives the node a session."""
    if name not in cluster.mesh:
        return False
    return any(other != name and cluster.shares_family(name, other) for other in cluster.mesh)


def peers_without_session(cluster: ClusterSessions) -> Iterator[Finding]:
    """A BGPPeer whose nodes and peers exist and that still defines no session."""
    if not cluster.is_examined:
        return
    asking: set[str] = set()
    for found in cluster.peerings.values():
        asking.update(each.peer.name for each in found.wanted if each.peer)
        asking.update(each.peer.name for pairs in (found.doubled, found.repeated) for each, _ in pairs if each.peer)
    for name, peer in cluster.resources.bgp_peers.items():
        is_named = names_node_without_speaker(cluster.index, peer)  # has a finding of its own
        if name not in asking and cluster.scope(peer) and cluster.remotes(peer) and not is_named:
            message = (
                "this defines no session: the nodes and peers that it selects have no address family in common, no BGP "
                "speaker, or are the same node"
            )
            yield Finding("peer-without-session", peer, "$.spec", message)
