"""The kernel's part of the plan in force: as wanted, with what held prefixes, networks, peers and nodes need."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from reflector.addresses import contains, family_of, prefix_order
from reflector.plan import Encapsulation, KernelPlan, KernelRule, NodePlan, TunnelRoute, Vtep, VxlanPlan


def merge_kernel(
    running: NodePlan,
    merged: NodePlan,
    prefixes: frozenset[str],
    networks: frozenset[str],
    endpoints: frozenset[str],
    tunnel_routes: frozenset[str],
) -> KernelPlan:
    """`merged` has the wanted KernelPlan, and the sessions in force already."""
    before, after = running.kernel, merged.kernel
    peers = {each.peer_address for each in merged.sessions}
    named = {each.address for each in after.host_routes}
    host_routes = [each for each in before.host_routes if each.address in peers and each.address not in named]
    pools = {*after.workload_networks, *(each for each in before.workload_networks if each in networks)}
    blocks = {*after.aggregated_blocks, *(each for each in before.aggregated_blocks if each in prefixes)}
    blackholes = {*after.blackholes, *(each for each in before.blackholes if each in prefixes)}
    tunnelled = {
        family_of(rule.network)
        for rule in before.rules
        if rule.network in networks and rule.encapsulation is Encapsulation.VXLAN
    }
    ipip = any(rule.network in networks and rule.encapsulation is Encapsulation.IPIP for rule in before.rules)
    vxlans = tuple(_vxlans(before, after, frozenset(tunnelled), endpoints))
    return replace(
        after,
        rules=tuple(_rules(before, after, networks)),
        blackholes=tuple(sorted(blackholes, key=prefix_order)),
        local_subnets=before.local_subnets if networks else after.local_subnets,
        host_routes=(*after.host_routes, *host_routes),
        workload_networks=tuple(sorted(pools, key=prefix_order)),
        aggregated_blocks=tuple(sorted(blocks, key=prefix_order)),
        vxlans=vxlans,
        tunnel_routes=tuple(_tunnel_routes(before, after, vxlans, tunnel_routes, networks, endpoints)),
        ipip_address=before.ipip_address if ipip else after.ipip_address,
        ipip_mtu=before.ipip_mtu if ipip else after.ipip_mtu,
    )


def _rules(before: KernelPlan, after: KernelPlan, networks: frozenset[str]) -> Iterator[KernelRule]:
    """The first that contains a prefix decides: a held rule stands in the place of the wanted one for its network, else
    in front of the first one around it."""
    held = {rule.network: rule for rule in before.rules if rule.network in networks}
    wanted = {rule.network for rule in after.rules}
    vanished = [rule for network, rule in held.items() if network not in wanted]
    for rule in after.rules:
        inside = [each for each in vanished if contains(rule.network, each.network)]
        yield from inside
        vanished = [each for each in vanished if each not in inside]
        yield held.get(rule.network, rule)
    yield from vanished


def _vxlans(
    before: KernelPlan, after: KernelPlan, tunnelled: frozenset[int], endpoints: frozenset[str]
) -> Iterator[VxlanPlan]:
    """`tunnelled` are the families whose device stays as it is."""
    old = {each.family: each for each in before.vxlans}
    wanted = {each.family: each for each in after.vxlans}
    for family in sorted(old.keys() | wanted.keys()):
        was, becomes = old.get(family), wanted.get(family)
        if was is None or (becomes is None and family not in tunnelled):
            if becomes is not None:
                yield becomes
            continue
        device = was if family in tunnelled or becomes is None else becomes
        yield replace(device, vteps=_vteps(was.vteps, becomes.vteps if becomes else (), endpoints))


def _vteps(before: tuple[Vtep, ...], after: tuple[Vtep, ...], endpoints: frozenset[str]) -> tuple[Vtep, ...]:
    """In the order of nodes; what a wanted one has taken over is no longer another's."""
    nodes = {each.node for each in after}
    taken = {text for each in after for text in (each.node_address, each.tunnel_address, each.mac)}
    kept = [
        each
        for each in before
        if each.node in endpoints
        and each.node not in nodes
        and taken.isdisjoint((each.node_address, each.tunnel_address, each.mac))
    ]
    return tuple(sorted((*after, *kept), key=lambda each: each.node))


def _tunnel_routes(
    before: KernelPlan,
    after: KernelPlan,
    vxlans: tuple[VxlanPlan, ...],
    held: frozenset[str],
    networks: frozenset[str],
    endpoints: frozenset[str],
) -> list[TunnelRoute]:
    """The wanted ones, and beside them those that are held, lead to held nodes or are inside held networks. They lead
    to where the node's end of the tunnel is now; without one they lead nowhere."""
    gateways = {(vxlan.family, each.node): each.tunnel_address for vxlan in vxlans for each in vxlan.vteps}
    wanted = {each.prefix for each in after.tunnel_routes}
    kept = [
        replace(each, gateway=gateways[family_of(each.prefix), each.node])
        for each in before.tunnel_routes
        if each.prefix not in wanted
        and (family_of(each.prefix), each.node) in gateways
        and (each.prefix in held or each.node in endpoints or any(contains(net, each.prefix) for net in networks))
    ]
    return sorted((*after.tunnel_routes, *kept), key=lambda each: prefix_order(each.prefix))
