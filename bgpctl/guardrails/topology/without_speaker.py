"""Nodes without a BGP speaker: whether the others reach them through the VXLAN, and what asks for a session with them.

What Windows needs of a VXLAN is Calico's own rule for it: a VNI of at least 4096, UDP port 4789, the MAC of its virtual
router in the Node, and encapsulated packets also within a subnet, which Felix does not send with CrossSubnet.
"""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.compiler.cluster.configuration import VXLAN_PORT, VXLAN_VNI
from bgpctl.compiler.cluster.facts import OS_LABEL, WINDOWS, NodeFacts
from bgpctl.compiler.cluster.pools import Pool
from bgpctl.compiler.cluster.tunnel_routes import pool_of
from bgpctl.compiler.sessions.bgp_peers import names_node_without_speaker
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, label
from bgpctl.resources.annotations.table import annotation_path, settings_of
from bgpctl.resources.kinds.felix_configuration import FelixConfiguration
from bgpctl.resources.values.model import Resource, yaml_name
from bgpctl.resources.values.names import GLOBAL_NAME, NODE_NAME_PREFIX
from reflector.addresses import canonical_prefix, family_of
from reflector.plan import Encapsulation

LOWEST_VNI_OF_WINDOWS = 4096


def nodes_without_speaker(cluster: ClusterSessions) -> Iterator[Finding]:
    """All findings about them."""
    for facts in cluster.index.without_speaker:
        yield from _ways(cluster, facts)
        if facts.is_reflector:
            message = "the node has a cluster ID and no BGP speaker: it reflects nothing; remove one of the two"
            path = "$.spec.bgp.routeReflectorClusterID"
            yield Finding("reflector-without-speaker", facts.node, path, message)
        if facts.node.metadata.labels.get(OS_LABEL) == WINDOWS:
            yield from _windows(cluster, facts)
    for peer in cluster.resources.bgp_peers.values():
        if names_node_without_speaker(cluster.index, peer):
            owner = cluster.index.node_by_address[peer.spec.peer_address]
            message = f"{peer.spec.peer_address} is the address of the node {owner!r}, which has no BGP speaker"
            yield Finding("peer-without-speaker", peer, "$.spec.peerIP", message)


def _ways(cluster: ClusterSessions, facts: NodeFacts) -> Iterator[Finding]:
    """Where there is no end of the VXLAN its blocks need no looking at."""
    if not any(facts.vteps.values()):
        path = annotation_path("speaker") if settings_of(facts.node).speaker is not None else "$.spec.bgp"
        message = (
            "the node has no BGP speaker and no end of the VXLAN: no node reaches its blocks; give it an address and "
            'an ipv4VXLANTunnelAddr, or bgpctl.io/speaker: "true"'
        )
        yield Finding("unreachable-node", facts.node, path, message)
        return
    for prefix, resource, path in _blocks(cluster, facts):
        pool, end = pool_of(prefix, cluster.index.pools), facts.vteps[family_of(prefix)]
        reason = _without_way(pool) if end is not None else f"it has no end of the IPv{family_of(prefix)} VXLAN"
        if reason:
            message = f"{facts.name} has no BGP speaker, and {reason}: no node reaches {prefix}"
            yield Finding("block-outside-vxlan", resource, path, message)


def _without_way(pool: Pool | None) -> str:
    if pool is None:
        return "no IPPool contains the block"
    return (
        "" if pool.encapsulation is Encapsulation.VXLAN else f"the IPPool {pool.name!r} of the block has no vxlanMode"
    )


def _blocks(cluster: ClusterSessions, facts: NodeFacts) -> Iterator[tuple[str, Resource, str]]:
    """Each with what gives it to the node."""
    if cluster.options.use_pod_cidr:
        yield from ((each.prefix, facts.node, "$.status.podCIDRs") for each in cluster.index.pod_blocks(facts.name))
        return
    prefixes = {each.prefix for each in cluster.index.blocks(facts.name)}
    for affinity in cluster.resources.block_affinities.values() if prefixes else ():
        prefix = canonical_prefix(affinity.spec.cidr)
        if affinity.spec.node == facts.name and prefix in prefixes:
            yield prefix, affinity, "$.spec.cidr"


def _windows(cluster: ClusterSessions, facts: NodeFacts) -> Iterator[Finding]:
    value = cluster.index.configuration.felix_value
    vni, port = value(facts.name, "vxlan_vni", VXLAN_VNI), value(facts.name, "vxlan_port", VXLAN_PORT)
    if vni < LOWEST_VNI_OF_WINDOWS:
        yield _of_felix(cluster, facts, "vxlan_vni", f"the VNI is {vni}, and Windows has none below 4096")
    if port != VXLAN_PORT:
        yield _of_felix(cluster, facts, "vxlan_port", f"the port is {port}, and Windows uses {VXLAN_PORT}")
    if not facts.node.spec.vxlan_tunnel_mac_addr and facts.vteps[4] is not None:
        message = (
            "the Node has no vxlanTunnelMACAddr: others send to a MAC that follows from its name, which Windows does "
            "not have; Calico on the node writes it once its network is there"
        )
        yield Finding("windows-vxlan", facts.node, "$.spec.vxlanTunnelMACAddr", message)
    for pool in cluster.index.pools if not cluster.options.without_felix else ():
        if pool.cross_subnet and pool.encapsulation is Encapsulation.VXLAN and _has_block(cluster, facts, pool):
            message = (
                f"{facts.name} runs Windows and has blocks of this pool: within its subnet Felix sends to it without "
                "the VXLAN, which Windows does not take; use vxlanMode Always"
            )
            yield Finding("windows-vxlan", cluster.resources.ip_pools[pool.name], "$.spec.vxlanMode", message)


def _has_block(cluster: ClusterSessions, facts: NodeFacts, pool: Pool) -> bool:
    return any(pool_of(prefix, cluster.index.pools) is pool for prefix, _, _ in _blocks(cluster, facts))


def _of_felix(cluster: ClusterSessions, facts: NodeFacts, field: str, what: str) -> Finding:
    found: list[FelixConfiguration] = [
        each
        for name in (NODE_NAME_PREFIX + facts.name, GLOBAL_NAME)
        if (each := cluster.resources.felix_configurations.get(name)) and getattr(each.spec, field) is not None
    ]
    return Finding("windows-vxlan", found[0], f"$.spec.{yaml_name(field)}", f"{what} ({label(facts.node)})")
