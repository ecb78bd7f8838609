"""Rules between resources: each a function from the whole set to findings, all of them asked every time.

ERRORs are what Calico refuses when it looks at more than one object (overlapping pools, filters that do not exist).
WARNINGs are what it accepts although the effect is not what was meant. A name that was given but could not be read
counts as existing: its own problem has been reported already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from ipaddress import ip_network

from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.kinds.block_affinity import BlockAffinity
from bgpctl.resources.kinds.ip_pool import IPPool
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Key, Resource
from bgpctl.resources.values.names import GLOBAL_NAME
from bgpctl.resources.values.selector import parse_selector
from bgpctl.yaml_source.path import Path
from bgpctl.yaml_source.problem import Severity
from reflector.plan import NORMAL_PRIORITY, Family

FAMILIES: tuple[Family, ...] = (4, 6)
# The type of affinities whose owner is no node, such as the load balancers' addresses.
VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class ClusterFinding:
    """What is wrong with `resource` in this company; `others` are those that it cannot stand together with."""

    resource: Resource
    path: Path
    code: str
    message: str
    severity: Severity = Severity.ERROR
    others: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleScope:
    """What the rules look at. `unreadable` holds kind and key of resources that have errors of their own."""

    resources: ResourceSet
    unreadable: Set[tuple[str, Key | None]] = frozenset()

    def knows_node(self, name: str) -> bool:
        """Clusters without any Node are fragments: there every name may exist."""
        nodes = self.resources.nodes
        return not nodes or name in nodes or ("Node", name) in self.unreadable


@dataclass(frozen=True, slots=True)
class Judged:
    """A cluster and what each rule found in it, in the order of CLUSTER_RULES."""

    cluster: RuleScope
    by_rule: tuple[tuple[ClusterFinding, ...], ...]

    @property
    def findings(self) -> list[ClusterFinding]:
        return [finding for found in self.by_rule for finding in found]


def judge_cluster(cluster: RuleScope, previous: Judged | None = None) -> Judged:
    """Everything that is wrong between the resources of a set. Of `previous` is kept what rules found that read
    nothing that changed since."""
    kept: Sequence[tuple[ClusterFinding, ...] | None] = [None] * len(CLUSTER_RULES)
    if previous and previous.cluster.unreadable == cluster.unreadable:
        old, new = previous.cluster.resources, cluster.resources
        kept = [
            found if all(getattr(old, name) is getattr(new, name) for name in reads) else None
            for (_, reads), found in zip(CLUSTER_RULES, previous.by_rule, strict=True)
        ]
    by_rule = (
        tuple(rule(cluster)) if found is None else found for (rule, _), found in zip(CLUSTER_RULES, kept, strict=True)
    )
    return Judged(cluster, tuple(by_rule))


# -------------------------------------------------------------------------------------------- errors


def overlapping_pools(cluster: RuleScope) -> Iterator[ClusterFinding]:
    """Sorted by network, a pool that overlaps any earlier one overlaps the widest that has not ended yet."""
    pools = sorted(cluster.resources.ip_pools.values(), key=_network_order)
    enclosing: IPPool | None = None
    for pool in pools:
        network = ip_network(pool.spec.cidr)
        outer = ip_network(enclosing.spec.cidr) if enclosing else None
        if enclosing and outer and outer.version == network.version and outer.overlaps(network):
            first, second = sorted((enclosing, pool), key=lambda each: each.name)
            message = (
                f"{second.spec.cidr} overlaps {first.spec.cidr} of the IPPool {first.name!r}; "
                "give each pool a network of its own"
            )
            yield ClusterFinding(second, ("spec", "cidr"), "overlapping-pools", message, others=(first,))
        else:
            enclosing = pool


def _network_order(pool: IPPool) -> tuple[int, int, int, str]:
    network = ip_network(pool.spec.cidr)
    return (network.version, int(network.network_address), network.prefixlen, pool.name)


def missing_filters(cluster: RuleScope) -> Iterator[ClusterFinding]:
    for peer in cluster.resources.bgp_peers.values():
        for index, name in enumerate(peer.spec.filters):
            if name not in cluster.resources.bgp_filters and ("BGPFilter", name) not in cluster.unreadable:
                message = f"there is no BGPFilter {name!r}; create it or remove it from the list"
                yield ClusterFinding(peer, ("spec", "filters", index), "missing-filter", message)


# ------------------------------------------------------------------------------------------ warnings


def unknown_nodes(cluster: RuleScope) -> Iterator[ClusterFinding]:
    """Resources that name a node which is not there."""
    resources = cluster.resources
    # Nearly always every block's node is there, and there are many blocks.
    affinities = resources.block_affinities.values()
    owners = {affinity.spec.node for affinity in affinities if affinity.spec.type != VIRTUAL}
    blocks = () if owners <= resources.nodes.keys() else [each for each in affinities if each.spec.type != VIRTUAL]
    for resource, path, node in _named_nodes(resources, blocks):
        if node and not cluster.knows_node(node):
            message = f"there is no Node {node!r}; this has no effect until there is one"
            yield ClusterFinding(resource, path, "unknown-node", message, Severity.WARNING)


def _named_nodes(resources: ResourceSet, blocks: Iterable[BlockAffinity]) -> Iterator[tuple[Resource, Path, str]]:
    for peer in resources.bgp_peers.values():
        yield peer, ("spec", "node"), peer.spec.node
    for configuration in resources.bgp_configurations.values():
        yield configuration, ("metadata", "name"), configuration.node_name
    for affinity in blocks:
        yield affinity, ("spec", "node"), affinity.spec.node
    for status in resources.node_statuses.values():
        yield status, ("spec", "node"), status.spec.node


def selectors_without_nodes(cluster: RuleScope) -> Iterator[ClusterFinding]:
    """A peerSelector that matches nothing is most often a misspelt label."""
    labels = [node.metadata.labels for node in cluster.resources.nodes.values()]
    for peer in cluster.resources.bgp_peers.values() if labels else ():
        for field, text in _node_selectors(peer):
            selector = parse_selector(text)
            if not any(map(selector.matches, labels)):
                message = f"{text!r} matches no Node; this BGPPeer defines no session until it does"
                yield ClusterFinding(peer, ("spec", field), "selects-nothing", message, Severity.WARNING)


def _node_selectors(peer: BGPPeer) -> Iterator[tuple[str, str]]:
    if peer.spec.node_selector:
        yield "nodeSelector", peer.spec.node_selector
    if peer.spec.peer_selector:
        yield "peerSelector", peer.spec.peer_selector


# Who programs the routes of the cluster: what FelixConfiguration must have for each value of BGPConfiguration.
COMPLEMENT = {
    "Enabled": "Disabled",
    "Disabled": "Enabled",
    "EnabledIPIPOnly": "EnabledNoEncapOnly",
    "EnabledNoEncapOnly": "EnabledIPIPOnly",
}


def default_program_cluster_routes(resources: ResourceSet) -> str:
    """What BGP programs where no BGPConfiguration says it: that depends on the release of Calico."""
    information = resources.cluster_informations.get(GLOBAL_NAME)
    return "Enabled" if information is not None and information.spec.bgp_programs_ipip else "EnabledNoEncapOnly"


def unknown_ipip_owner(cluster: RuleScope) -> Iterator[ClusterFinding]:
    """Up to Calico 3.32 BGP programs the routes of IPIP pools, then Felix. One finding: it concerns all pools."""
    resources = cluster.resources
    pool = next((pool for pool in resources.ip_pools.values() if pool.spec.ipip_mode != "Never"), None)
    information = resources.cluster_informations.get(GLOBAL_NAME)
    configurations = (resources.bgp_configurations.get(GLOBAL_NAME), resources.felix_configurations.get(GLOBAL_NAME))
    is_set = any(each is not None and each.spec.program_cluster_routes for each in configurations)
    if pool is None or is_set or (information is not None and information.spec.release is not None):
        return
    message = (
        "up to Calico 3.32 BGP programs the routes of IPIP pools, and from 3.33 on Felix does, which is assumed here: "
        f"add the ClusterInformation {GLOBAL_NAME!r}, or set programClusterRoutes in a BGPConfiguration {GLOBAL_NAME!r}"
    )
    yield ClusterFinding(pool, ("spec", "ipipMode"), "ipip-owner-unknown", message, Severity.WARNING)


def disagreement_with_felix(cluster: RuleScope) -> Iterator[ClusterFinding]:
    """Felix and BGP share out the kernel routes and must use one priority. Only asked where there is a Felix."""
    configuration = cluster.resources.bgp_configurations.get(GLOBAL_NAME)
    felix = cluster.resources.felix_configurations.get(GLOBAL_NAME)
    if felix is None:
        return
    default = default_program_cluster_routes(cluster.resources)
    programs = (configuration and configuration.spec.program_cluster_routes) or default
    felix_programs = felix.spec.program_cluster_routes or COMPLEMENT[default]
    if COMPLEMENT[programs] != felix_programs:
        message = (
            f"BGP programs cluster routes {programs!r}, so Felix must have {COMPLEMENT[programs]!r}, "
            f"not {felix_programs!r}: some routes are programmed twice or not at all"
        )
        path: Path = ("spec", "programClusterRoutes")
        yield ClusterFinding(felix, path, "felix-disagrees", message, Severity.WARNING)
    for family in FAMILIES:
        field = f"ipv{family}_normal_route_priority"
        own = (configuration and getattr(configuration.spec, field)) or NORMAL_PRIORITY
        of_felix = getattr(felix.spec, field) or NORMAL_PRIORITY
        if own != of_felix:
            message = f"this is {of_felix}, but in BGPConfiguration {GLOBAL_NAME!r} it is {own}; they must be equal"
            path = ("spec", f"ipv{family}NormalRoutePriority")
            yield ClusterFinding(felix, path, "felix-disagrees", message, Severity.WARNING)


# Each rule with the collections of the ResourceSet that it looks at.
CLUSTER_RULES: tuple[tuple[Callable[[RuleScope], Iterable[ClusterFinding]], tuple[str, ...]], ...] = (
    (overlapping_pools, ("ip_pools",)),
    (missing_filters, ("bgp_peers", "bgp_filters")),
    (unknown_nodes, ("nodes", "bgp_peers", "bgp_configurations", "block_affinities", "node_statuses")),
    (selectors_without_nodes, ("nodes", "bgp_peers")),
    (disagreement_with_felix, ("bgp_configurations", "cluster_informations", "felix_configurations")),
    (unknown_ipip_owner, ("ip_pools", "bgp_configurations", "cluster_informations", "felix_configurations")),
)
