"""The VXLAN of a cluster, one device for each family: what this node sets up, and all the other ends."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from bgpctl.compiler.cluster.configuration import VXLAN_PORT, VXLAN_VNI
from bgpctl.compiler.cluster.facts import Block
from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.cluster.vtep import DEVICES
from bgpctl.compiler.findings import Findings
from bgpctl.configuration.compile_options import CompileOptions
from reflector.addresses import FAMILIES, family_of
from reflector.plan import Encapsulation, Family, TunnelRoute, Vtep, VxlanPlan


def plan_vxlans(index: ClusterIndex, node: str) -> tuple[VxlanPlan, ...]:
    """The devices this node needs: one for each family that has a VXLAN pool and in which it has an end."""
    plans = (_plan(index, node, family) for family in vxlan_families(index))
    return tuple(plan for plan in plans if plan is not None)


def vxlan_families(index: ClusterIndex) -> tuple[Family, ...]:
    """The families that have a VXLAN pool."""
    found = {pool.family for pool in index.pools if pool.encapsulation is Encapsulation.VXLAN}
    return tuple(family for family in FAMILIES if family in found)


def tunnel_routes_from(
    index: ClusterIndex, node: str, blocks: Iterable[Block], options: CompileOptions
) -> tuple[TunnelRoute, ...]:
    """The routes of this node, which has these blocks, to those of nodes without a BGP speaker: in the families in
    which it has an end of the VXLAN itself, whoever programs that."""
    routes = index.tunnel_routes(by_pod_cidr=options.use_pod_cidr)
    if not routes:
        return ()
    ends, own = index.nodes[node].vteps, {block.prefix for block in blocks}
    return tuple(each for each in routes if ends[family_of(each.prefix)] is not None and each.prefix not in own)


def report_missing_end(index: ClusterIndex, node: str, findings: Findings) -> None:
    """A node that shall program a VXLAN it has no end of cannot reach workloads on other nodes. Route reflectors
    are not asked: most of them forward nothing."""
    facts = index.nodes[node]
    for family in () if facts.is_reflector else vxlan_families(index):
        if facts.vteps[family] is None:
            message = f"there are IPv{family} VXLAN pools, and this node has no address or no tunnel address for them"
            findings.warn(facts.node, f"$.spec.ipv{family}VXLANTunnelAddr", "no-vxlan-tunnel-address", message)


def _plan(index: ClusterIndex, node: str, family: Family) -> VxlanPlan | None:
    own = index.nodes[node].vteps[family]
    if own is None:
        return None
    felix_value = partial(index.configuration.felix_value, node)
    return VxlanPlan(
        family=family,
        device=DEVICES[family],
        vni=felix_value("vxlan_vni", VXLAN_VNI),
        port=felix_value("vxlan_port", VXLAN_PORT),
        local_address=own.node_address,
        tunnel_address=own.tunnel_address,
        mac=own.mac,
        mtu=felix_value("vxlan_mtu" if family == 4 else "vxlan_mtu_v6", 0),
        vteps=_all_but(index.vteps[family], own),
    )


def _all_but(ends: tuple[Vtep, ...], own: Vtep) -> tuple[Vtep, ...]:
    place = ends.index(own)
    return ends[:place] + ends[place + 1 :]
