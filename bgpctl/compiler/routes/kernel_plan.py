"""What the FIB of a node may program, and how its packets travel.

The rules, the first that contains a route's prefix decides; a route outside all of them is programmed plainly:

    service networks               left: kube-proxy answers for them here
    VXLAN pools                    left to Felix, or programmed by us where there is no Felix
    IPIP pools                     programmed if programClusterRoutes includes them, else left to Felix
    pools without encapsulation    likewise

Blocks of nodes without a BGP speaker are routed through the VXLAN, where that is programmed by us.

Own blocks get a blackhole wherever their routes are ours to program: a local workload's more specific route wins,
and packets to an address that no workload has do not leave the node.

Routes of other programs to workloads inside any pool are originated, exported or not: what of them is advertised is the
policies' decision. A block stands for what is inside it, but a block of one address is the workload's own route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bgpctl.compiler.cluster.facts import Block, NodeFacts
from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.cluster.pools import Pool
from bgpctl.compiler.cluster.service_routes import ServiceRoutes
from bgpctl.compiler.routes.vxlan import plan_vxlans
from bgpctl.compiler.sessions.bgp_peers import applies_to
from bgpctl.configuration.compile_options import CompileOptions
from reflector.addresses import (
    FAMILIES,
    address_order,
    canonical_address,
    contains,
    family_of,
    is_single_address,
    parse_peer_ip,
    prefix_length,
    prefix_order,
)
from reflector.plan import (
    Encapsulation,
    Family,
    HostRoute,
    KernelPlan,
    KernelRule,
    KernelVerdict,
    TunnelRoute,
    VxlanPlan,
)


def plan_kernel(
    index: ClusterIndex,
    node: str,
    blocks: tuple[Block, ...],
    services: ServiceRoutes,
    tunnel_routes: tuple[TunnelRoute, ...],
    options: CompileOptions,
) -> KernelPlan:
    """The FIB's part of the plan. `tunnel_routes` are those that lead from this node to nodes without a speaker."""
    facts = index.nodes[node]
    vxlans = plan_vxlans(index, node) if options.without_felix else ()
    rules = (*_service_rules(services), *_pool_rules(index, facts, options, vxlans))
    return KernelPlan(
        protocol=options.route_protocol,
        table=options.route_table,
        normal_priority_v4=index.configuration.normal_priority(4),
        normal_priority_v6=index.configuration.normal_priority(6),
        rules=rules,
        blackholes=tuple(
            sorted((block.prefix for block in blocks if _is_dropped_here(block, rules)), key=prefix_order)
        ),
        local_subnets=tuple(subnet for subnet in facts.subnets.values() if subnet),
        host_routes=_host_routes(index, node),
        allow_underlay_routes=index.configuration.settings(node).allow_underlay_routes or (),
        excluded_next_hops=_wireguard_peers(index, facts),
        workload_networks=tuple(pool.prefix for pool in index.pools),
        aggregated_blocks=tuple(
            block.prefix for block in blocks if block.aggregated and not is_single_address(block.prefix)
        ),
        vxlans=vxlans,
        tunnel_routes=_programmed(tunnel_routes, vxlans),
        ipip_address=_ipip_address(facts, rules),
        ipip_mtu=index.configuration.felix_value(node, "ipip_mtu", 0) if _programs_ipip(rules) else 0,
    )


def _service_rules(services: ServiceRoutes) -> Iterator[KernelRule]:
    for prefix in services.unkerneled:
        yield KernelRule(prefix, KernelVerdict.LEAVE, defined_by="service network: kube-proxy answers here")


def _pool_rules(
    index: ClusterIndex, facts: NodeFacts, options: CompileOptions, vxlans: tuple[VxlanPlan, ...]
) -> Iterator[KernelRule]:
    """The most specific pool first, should pools ever overlap. Without an IPv4 subnet there is no IPv4 session
    that a route could come from, and no rule for it."""
    with_device = frozenset(vxlan.family for vxlan in vxlans)
    for pool in sorted(index.pools, key=lambda pool: -prefix_length(pool.prefix)):
        if pool.family == 4 and not facts.subnets[4]:
            continue
        reason = _left_because(index, options, pool, with_device)
        if reason:
            yield KernelRule(pool.prefix, KernelVerdict.LEAVE, defined_by=f"IPPool {pool.name}: {reason}")
        else:
            pool_name = f"IPPool {pool.name}"
            yield KernelRule(pool.prefix, KernelVerdict.PROGRAM, pool.encapsulation, pool.cross_subnet, pool_name)


def _left_because(index: ClusterIndex, options: CompileOptions, pool: Pool, with_device: frozenset[Family]) -> str:
    """Why this node does not program a pool's routes; "" when they are."""
    if not pool.is_valid:
        return "there is no valid version of it"
    programmed = {
        Encapsulation.NONE: index.configuration.programs_no_encapsulation,
        Encapsulation.IPIP: index.configuration.programs_ipip,
        Encapsulation.VXLAN: options.without_felix,
    }
    if not programmed[pool.encapsulation]:
        return "Felix programs it"
    if pool.encapsulation is Encapsulation.VXLAN and pool.family not in with_device:
        return "this node has no VXLAN tunnel address"
    return ""


def _programmed(routes: tuple[TunnelRoute, ...], vxlans: tuple[VxlanPlan, ...]) -> tuple[TunnelRoute, ...]:
    with_device = {vxlan.family for vxlan in vxlans}
    return tuple(each for each in routes if family_of(each.prefix) in with_device) if with_device else ()


def _is_dropped_here(block: Block, rules: Iterable[KernelRule]) -> bool:
    if is_single_address(block.prefix):
        return False
    decided = next((rule for rule in rules if contains(rule.network, block.prefix)), None)
    return decided is None or decided.verdict is KernelVerdict.PROGRAM


def _host_routes(index: ClusterIndex, node: str) -> tuple[HostRoute, ...]:
    """BGPPeer.reachableBy of the peers that this node itself calls; its own address needs no gateway."""
    found: dict[str, HostRoute] = {}
    own = index.nodes[node].addresses.values()
    for peer in index.resources.bgp_peers.values():
        if peer.spec.reachable_by and peer.spec.peer_ip and applies_to(index, node, peer):
            address, _ = parse_peer_ip(peer.spec.peer_ip)
            gateway = canonical_address(peer.spec.reachable_by)
            if address not in own and family_of(address) == family_of(gateway):
                found.setdefault(address, HostRoute(address, gateway, defined_by=f"BGPPeer {peer.name}"))
    return tuple(found[address] for address in sorted(found, key=address_order))


def _wireguard_peers(index: ClusterIndex, facts: NodeFacts) -> tuple[str, ...]:
    """The session addresses of nodes that are reached through WireGuard, when this node runs it as well."""
    found = {
        other.addresses[family]
        for family in FAMILIES
        if _wireguard_address(facts, family)
        for other in index.wireguard_nodes
        if other is not facts and _wireguard_address(other, family) and other.addresses[family]
    }
    return tuple(sorted(found, key=address_order))


def _wireguard_address(facts: NodeFacts, family: Family) -> str:
    wireguard = facts.node.spec.wireguard
    if wireguard is None:
        return ""
    return wireguard.interface_ipv4_address if family == 4 else wireguard.interface_ipv6_address


def _ipip_address(facts: NodeFacts, rules: Iterable[KernelRule]) -> str:
    """This node's tunnel address, when some route is programmed through the IPIP tunnel."""
    bgp = facts.node.spec.bgp
    used = _programs_ipip(rules) and bgp is not None and bgp.ipv4_ipip_tunnel_addr
    return canonical_address(bgp.ipv4_ipip_tunnel_addr) if bgp is not None and used else ""


def _programs_ipip(rules: Iterable[KernelRule]) -> bool:
    return any(rule.encapsulation is Encapsulation.IPIP and rule.verdict is KernelVerdict.PROGRAM for rule in rules)
