"""What the guardrails look at: a cluster's resources and, computed once, the sessions that they define.

Sessions are the compiler's own answer (`find_peerings`), of the cluster without its mesh; the mesh is `mesh`, its
members. Where BGPPeers ask for more than MOST_PEERINGS sessions nothing is worked out: the questions about sessions
are then not asked, and there is a finding about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.sessions.find_peerings import find_peerings
from bgpctl.compiler.sessions.peering import Peering, Peerings
from bgpctl.guardrails.without_mesh import without_mesh
from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.names import GLOBAL_NAME
from reflector.addresses import FAMILIES

MOST_PEERINGS = 400_000


class ClusterSessions:
    """`resources` as they were given; `index` without the mesh."""

    def __init__(self, resources: ResourceSet, options: CompileOptions) -> None:
        self.resources = resources
        self.options = options
        self.index = ClusterIndex(without_mesh(resources))

    @property
    def configuration(self) -> BGPConfiguration | None:
        return self.resources.bgp_configurations.get(GLOBAL_NAME)

    @cached_property
    def mesh(self) -> frozenset[str]:
        """The members of the node-to-node mesh: nodes with an address and a BGP speaker that are no reflectors."""
        if self.configuration is not None and self.configuration.spec.node_to_node_mesh_enabled is False:
            return frozenset()
        facts = (each for each in self.index.nodes.values() if each.has_speaker and not each.is_reflector)
        return frozenset(each.name for each in facts if any(each.addresses.values()))

    @cached_property
    def is_examined(self) -> bool:
        """Whether the sessions are few enough to be worked out."""
        asked = sum(len(self.scope(peer)) * len(self.remotes(peer)) for peer in self.resources.bgp_peers.values())
        return asked <= MOST_PEERINGS

    @cached_property
    def peerings(self) -> Mapping[str, Peerings]:
        """Node -> the sessions it is asked for by BGPPeers."""
        if not self.is_examined:
            return {}
        return {name: find_peerings(self.index, name, self.options) for name in self.index.nodes}

    @cached_property
    def by_address(self) -> Mapping[str, Mapping[str, Peering]]:
        """Node -> peer address -> the session it runs."""
        return {name: {each.endpoint.address: each for each in found.wanted} for name, found in self.peerings.items()}

    def joined(self) -> Iterator[tuple[str, Peering, Peering]]:
        """Every session that both ends ask for by BGPPeers: node, its end, the far end."""
        for name, found in self.peerings.items():
            for here in found.wanted:
                there = self.far_end(name, here)
                if there is not None:
                    yield name, here, there

    def far_end(self, name: str, here: Peering) -> Peering | None:
        """The other end of a session with a node, if it has one."""
        endpoint = here.endpoint
        own = self.index.nodes[name].addresses[endpoint.family]
        return self.by_address[endpoint.node].get(own) if endpoint.node else None

    def scope(self, peer: BGPPeer) -> tuple[str, ...]:
        """The nodes that a BGPPeer is for."""
        spec = peer.spec
        if spec.node_selector:
            return self.index.select(spec.node_selector)
        if spec.node:
            return (spec.node,) if spec.node in self.index.nodes else ()
        return tuple(self.index.nodes)

    def remotes(self, peer: BGPPeer) -> tuple[str, ...]:
        """The nodes, or the one address, that it names as the other end; () for workloads, which no resource names."""
        spec = peer.spec
        if spec.local_workload_selector:
            return ()
        if spec.peer_selector:
            return self.index.select(spec.peer_selector)
        return (spec.peer_ip,) if spec.peer_ip else ()

    def shares_family(self, one: str, other: str) -> bool:
        first, second = self.index.nodes[one].addresses, self.index.nodes[other].addresses
        return any(first[family] and second[family] for family in FAMILIES)
