"""Which prefixes of a node are followed: of its blocks one for each difference that a policy makes between them.

What no BGPFilter and no pool tells apart fares alike, so one block stands for all of its kind. A node without blocks
will have some: a free block of each pool that it can get one from stands for those. A reflector without blocks is taken
for a dedicated one. Blocks of a pool that is not advertised (disableBGPExport) and that Felix reaches by VXLAN are no
matter of BGP. A block of one address is not followed: what is advertised of it is the route of its workload.
The blocks of a node without a BGP speaker are in no plan of its own; they are taken from the resources.

A cluster without any IPPool of a family is followed as if one had all addresses: what is asked of a few resources
without pools is whether their sessions are right.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from ipaddress import ip_network

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.cluster.pools import Pool
from bgpctl.compiler.policies.export_policy import inside
from bgpctl.compiler.policies.filters import compile_filter
from bgpctl.resources.kinds.ip_pool import IPPool, IPPoolSpec
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Metadata
from reflector.addresses import FAMILIES, MAX_BITS, canonical_prefix, contains, family_of
from reflector.plan import Encapsulation, Family, NodePlan, PrefixMatch, RouteSource
from reflector.policy.prefix_classes import PrefixClasses
from reflector.wire.nlri import pack_nlri

EVERYTHING: dict[Family, str] = {4: "0.0.0.0/0", 6: "::/0"}
# Where blocks are taken from in a cluster without pools: for tests of networks, and for documentation.
UNUSED: dict[Family, str] = {4: "198.18.0.0/15", 6: "2001:db8::/32"}
BLOCK_LENGTH: dict[Family, int] = {4: 26, 6: 122}


def with_assumed_pools(resources: ResourceSet) -> ResourceSet:
    """The same resources, with a pool of all addresses for each family that has none."""
    families = {found.spec.family for found in resources.ip_pools.values()}
    for family in FAMILIES:
        if family not in families:
            # Copied, not validated: no pool that people write may contain the link-local range.
            pool = IPPool(metadata=Metadata(name=f"assumed-ipv{family}"), spec=IPPoolSpec(cidr=UNUSED[family]))
            spec = pool.spec.model_copy(update={"cidr": EVERYTHING[family]})
            resources = resources.with_resource(pool.model_copy(update={"spec": spec}))
    return resources


class Prefixes:
    """Of one family. Asked of each node once: free blocks are given out."""

    def __init__(self, family: Family, index: ClusterIndex, options: CompileOptions) -> None:
        self._family: Family = family
        self._index = index
        self._options = options
        self._classes = PrefixClasses(family, _conditions(index))
        self._pools = [pool for pool in index.pools if pool.family == family]
        found = (canonical_prefix(each.spec.cidr) for each in index.resources.block_affinities.values())
        self._taken = {prefix for prefix in found if family_of(prefix) == family}
        self._free = {pool.name: self._free_blocks(pool) for pool in self._pools}

    def of(self, plan: NodePlan) -> tuple[str, ...]:
        """What is followed of this node."""
        blocks = [each for each in self._blocks(plan) if family_of(each) == self._family]
        if not blocks and not plan.cluster_id:
            blocks = list(self._future_blocks(plan.node))
        kinds: dict[int, str] = {}
        for prefix in blocks:
            if not self.is_left_to_felix(prefix):
                kinds.setdefault(self._classes.classify(pack_nlri(prefix)), prefix)
        return tuple(kinds.values())

    def _blocks(self, plan: NodePlan) -> Iterator[str]:
        """What the plan originates of its own. That of a node without a BGP speaker has nothing in it."""
        if self._index.nodes[plan.node].has_speaker:
            yield from (each.prefix for each in plan.originations if each.source is RouteSource.BLOCK)
            return
        blocks = self._index.pod_blocks if self._options.use_pod_cidr else self._index.blocks
        yield from (each.prefix for each in blocks(plan.node))

    def kinds(self, prefixes: Iterable[str]) -> Hashable:
        """What policies know of these prefixes."""
        return frozenset(self._classes.classify(pack_nlri(prefix)) for prefix in prefixes)

    def is_left_to_felix(self, prefix: str) -> bool:
        """Whether it is in a pool that BGP has nothing to do with."""
        pool = next((each for each in self._pools if contains(each.prefix, prefix)), None)
        if pool is None or pool.exported or self._options.without_felix:
            return False
        return pool.encapsulation is Encapsulation.VXLAN

    def _future_blocks(self, node: str) -> Iterator[str]:
        for pool in self._pools:
            if pool.exported and self._gives_out(pool, node):
                prefix = next(self._free[pool.name], None)
                if prefix is not None:
                    yield prefix

    def _gives_out(self, pool: Pool, node: str) -> bool:
        spec = self._index.resources.ip_pools[pool.name].spec
        selected = not spec.node_selector or node in self._index.selected_set(spec.node_selector)
        return not spec.disabled and "Workload" in spec.allowed_uses and selected

    def _free_blocks(self, pool: Pool) -> Iterator[str]:
        """Those that no node has, in order."""
        is_assumed = pool.prefix == EVERYTHING[self._family]
        spec = self._index.resources.ip_pools[pool.name].spec
        network = ip_network(UNUSED[self._family] if is_assumed else pool.prefix)
        length = BLOCK_LENGTH[self._family] if is_assumed else max(spec.effective_block_size, network.prefixlen)
        if length == MAX_BITS[self._family]:
            return
        start, step = int(network.network_address), 1 << MAX_BITS[self._family] - length
        for number in range(1 << length - network.prefixlen):
            address = type(network.network_address)(start + number * step)
            prefix = f"{address}/{length}"
            if prefix not in self._taken:
                yield prefix


def _conditions(index: ClusterIndex) -> Iterator[PrefixMatch]:
    for found in index.resources.bgp_filters.values():
        for policy in compile_filter(found):
            yield from (rule.match.prefix for rule in policy.rules if rule.match.prefix is not None)
    yield from (inside(pool.prefix) for pool in index.pools)
