"""ClusterIndex: what all nodes' plans need to look up, worked out once for a ResourceSet.

Nodes by address, by selector, as ends of sessions; blocks by owner. Compiling one node of 5,000 then costs what
that node's own sessions cost. A set that differs from the one before in a few nodes takes the rest over: nodes are
values, so an unchanged one is recognised by identity.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from bgpctl.compiler.cluster.configuration import Configuration
from bgpctl.compiler.cluster.facts import Block, NodeFacts, PeerEndpoint, node_facts
from bgpctl.compiler.cluster.pools import Pool, read_pools
from bgpctl.compiler.cluster.service_routes import ServiceFacts
from bgpctl.compiler.cluster.services import service_facts
from bgpctl.compiler.cluster.tunnel_routes import tunnel_routes
from bgpctl.resources.annotations.settings import Settings
from bgpctl.resources.annotations.table import settings_of
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.selector import SelectorError, parse_selector
from reflector.addresses import FAMILIES, canonical_prefix, family_of, parse_network
from reflector.plan import DEFAULT_BGP_PORT, Family, TunnelRoute, Vtep

HOST_AFFINITY = ("", "host")


class ClusterIndex:
    """Look-ups over one ResourceSet. What it remembers is only remembered to be quick: asking changes no answer.

    `lists_mesh`: whether plans have the sessions of the mesh. A mesh of 5,000 nodes has 12 million that all follow from
    one sentence, so whoever asks about the whole cluster leaves them out and adds the sentence.
    """

    def __init__(
        self, resources: ResourceSet, previous: ClusterIndex | None = None, *, lists_mesh: bool = True
    ) -> None:
        self.resources = resources
        self.lists_mesh = lists_mesh
        self.configuration = Configuration(resources)
        old = previous.nodes if previous else {}
        self.nodes: dict[str, NodeFacts] = {
            name: old[name] if name in old and old[name].node is node else node_facts(node)
            for name, node in resources.nodes.items()
        }
        self._selected: dict[str, tuple[str, ...]] = {}
        self._selected_sets: dict[str, frozenset[str]] = {}
        self._endpoints: dict[str, tuple[PeerEndpoint, ...]] = {}
        self._peer_settings: dict[str, Settings] = {}
        self._tunnel_routes: dict[bool, tuple[TunnelRoute, ...]] = {}
        self._elsewhere: dict[tuple[str, str], bool] = {}
        self._previous_owned: dict[str, dict[str, bool]] | None = None
        if previous is not None:
            self._take_over(previous)

    def _take_over(self, previous: ClusterIndex) -> None:
        changed = {name for name, facts in self.nodes.items() if previous.nodes.get(name) is not facts}
        gone = previous.nodes.keys() - self.nodes.keys()
        for text, names in previous._selected.items():
            kept = [name for name in names if name not in changed and name not in gone]
            self._selected[text] = tuple(sorted([*kept, *self._match(text, changed)]))
        if previous.resources.block_affinities == self.resources.block_affinities:
            self._previous_owned = previous._owned
        if previous.resources.bgp_configurations == self.resources.bgp_configurations:
            kept_nodes = self.nodes.keys() - changed
            self._endpoints = {name: ends for name, ends in previous._endpoints.items() if name in kept_nodes}

    def as_number(self, node: str) -> int:
        """The node's own AS number, else the cluster's."""
        return self.nodes[node].node.as_number or self.configuration.as_number

    def select(self, text: str) -> tuple[str, ...]:
        """The nodes a selector matches, in name order. A text that is no selector matches none: it was reported
        when the resources were read."""
        if text not in self._selected:
            self._selected[text] = tuple(self._match(text, self.nodes))
        return self._selected[text]

    def selected_set(self, text: str) -> frozenset[str]:
        """The same nodes, to ask for membership."""
        if text not in self._selected_sets:
            self._selected_sets[text] = frozenset(self.select(text))
        return self._selected_sets[text]

    def _match(self, text: str, names: Iterable[str]) -> list[str]:
        try:
            selector = parse_selector(text)
        except SelectorError:
            return []
        return [name for name in names if selector.matches(self.nodes[name].node.metadata.labels)]

    def endpoints(self, node: str) -> tuple[PeerEndpoint, ...]:
        """The node as the far end of sessions: one for each family in which it has an address; none without a BGP
        speaker."""
        if node not in self._endpoints:
            facts, port = self.nodes[node], self.configuration.configured_listen_port(node)
            self._endpoints[node] = tuple(
                PeerEndpoint(node, family, address, port, self.as_number(node), facts.cluster_id)
                for family, address in facts.addresses.items()
                if address and facts.has_speaker
            )
        return self._endpoints[node]

    def peer_settings(self, peer: BGPPeer) -> Settings:
        """The settings (annotations) of a BGPPeer."""
        if peer.name not in self._peer_settings:
            self._peer_settings[peer.name] = settings_of(peer)
        return self._peer_settings[peer.name]

    @cached_property
    def mesh_members(self) -> tuple[PeerEndpoint, ...]:
        """All ends of the node-to-node mesh: the nodes with a BGP speaker that are not route reflectors."""
        return tuple(
            endpoint
            for name, facts in self.nodes.items()
            if not facts.is_reflector
            for endpoint in self.endpoints(name)
        )

    @cached_property
    def mesh_addresses(self) -> frozenset[str]:
        return frozenset(each.address for each in self.mesh_members)

    @cached_property
    def node_by_address(self) -> dict[str, str]:
        """Session address -> node; of two nodes with one address the first by name."""
        found: dict[str, str] = {}
        for name, facts in self.nodes.items():
            for family in FAMILIES:
                if facts.addresses[family]:
                    found.setdefault(facts.addresses[family], name)
        return found

    @cached_property
    def without_speaker(self) -> tuple[NodeFacts, ...]:
        """The nodes that have no BGP speaker."""
        return tuple(facts for facts in self.nodes.values() if not facts.has_speaker)

    def tunnel_routes(self, *, by_pod_cidr: bool) -> tuple[TunnelRoute, ...]:
        """To the blocks of the nodes without a speaker, by status.podCIDRs or by block affinity."""
        if by_pod_cidr not in self._tunnel_routes:
            blocks = self.pod_blocks if by_pod_cidr else self.blocks
            nodes = ((facts, blocks(facts.name)) for facts in self.without_speaker)
            self._tunnel_routes[by_pod_cidr] = tunnel_routes(nodes, self.pools)
        return self._tunnel_routes[by_pod_cidr]

    @cached_property
    def wireguard_nodes(self) -> tuple[NodeFacts, ...]:
        return tuple(facts for facts in self.nodes.values() if facts.node.spec.wireguard is not None)

    @cached_property
    def services(self) -> tuple[ServiceFacts, ...]:
        return service_facts(self.resources)

    @cached_property
    def pools(self) -> tuple[Pool, ...]:
        return read_pools(self.resources)

    @cached_property
    def vteps(self) -> dict[Family, tuple[Vtep, ...]]:
        """Every node's end of the VXLAN of each family, in node order."""
        return {
            family: tuple(end for facts in self.nodes.values() if (end := facts.vteps[family]) is not None)
            for family in FAMILIES
        }

    def blocks(self, node: str) -> tuple[Block, ...]:
        """The node's blocks by block affinity: of type host and not merely pending."""
        return tuple(Block(prefix, aggregated) for prefix, aggregated in self._owned.get(node, {}).items())

    @cached_property
    def _owned(self) -> dict[str, dict[str, bool]]:
        """Node -> its blocks -> whether they stand for what is in them."""
        if self._previous_owned is not None:
            return self._previous_owned
        found: dict[str, dict[str, bool]] = {}
        for affinity in self.resources.block_affinities.values():
            spec = affinity.spec
            if spec.type in HOST_AFFINITY and spec.state != "pending":
                blocks = found.setdefault(spec.node, {})
                prefix = canonical_prefix(spec.cidr)
                blocks[prefix] = blocks.get(prefix, False) or spec.state != "pendingDeletion"
        return found

    def is_elsewhere(self, prefix: str, node: str) -> bool:
        """Whether another node than this one has that block, a part of it, or one around it."""
        if (prefix, node) not in self._elsewhere:
            first, last = _range(prefix)
            self._elsewhere[prefix, node] = any(
                begin <= last and first <= end and owner != node
                for begin, end, owner in self._block_ranges[family_of(prefix)]
            )
        return self._elsewhere[prefix, node]

    @cached_property
    def _block_ranges(self) -> dict[Family, list[tuple[int, int, str]]]:
        """The first and the last address of each block of a node, and the node."""
        found: dict[Family, list[tuple[int, int, str]]] = {family: [] for family in FAMILIES}
        for node in self._owned.keys() & self.nodes.keys():
            for prefix in self._owned[node]:
                found[family_of(prefix)].append((*_range(prefix), node))
        return found

    def pod_blocks(self, node: str) -> tuple[Block, ...]:
        """status.podCIDRs as blocks, for clusters with host-local IPAM."""
        return tuple(Block(canonical_prefix(text), True) for text in self.nodes[node].node.status.pod_cidrs)


def _range(prefix: str) -> tuple[int, int]:
    network = parse_network(prefix)
    return int(network.network_address), int(network.broadcast_address)


def effective_port(port: int) -> int:
    """0: no port is set."""
    return port or DEFAULT_BGP_PORT
