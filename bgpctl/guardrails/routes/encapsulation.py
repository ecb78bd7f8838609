"""Pools and FelixConfiguration: the tunnels that pools need are switched on, and their MTUs fit one underlay.

A tunnel takes from the MTU what its headers need: IPIP 20 octets, VXLAN over IPv4 50 and over IPv6 70. Two tunnel
MTUs that stand for different underlays cannot both be right: the larger one loses full-sized packets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bgpctl.compiler.cluster.pools import Pool
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, some
from bgpctl.resources.values.model import yaml_name
from bgpctl.resources.values.names import GLOBAL_NAME
from reflector.plan import Encapsulation, Family


@dataclass(frozen=True, slots=True)
class TunnelOverhead:
    """The FelixConfiguration fields of one kind of tunnel, and the octets that its headers need."""

    enabled: str
    mtu: str
    overhead: int


TUNNELS: dict[tuple[Encapsulation, Family], TunnelOverhead] = {
    (Encapsulation.IPIP, 4): TunnelOverhead("ipip_enabled", "ipip_mtu", 20),
    (Encapsulation.VXLAN, 4): TunnelOverhead("vxlan_enabled", "vxlan_mtu", 50),
    (Encapsulation.VXLAN, 6): TunnelOverhead("vxlan_enabled", "vxlan_mtu_v6", 70),
}


def disabled_encapsulation(cluster: ClusterSessions) -> Iterator[Finding]:
    """A pool needs a tunnel that Felix has disabled."""
    for felix in cluster.resources.felix_configurations.values():
        for tunnel, pools in _tunnels(cluster).items():
            if getattr(felix.spec, tunnel.enabled) is False:
                message = f"this disables the tunnel that {_named(pools)} needs: its addresses cannot be reached"
                yield Finding("encapsulation-disabled", felix, f"$.spec.{yaml_name(tunnel.enabled)}", message)


def mtu_mismatch(cluster: ClusterSessions) -> Iterator[Finding]:
    """Among the tunnels in use, two whose MTUs stand for different underlays; and a node that has an MTU of its own."""
    default = cluster.resources.felix_configurations.get(GLOBAL_NAME)
    tunnels = list(_tunnels(cluster))
    for felix in cluster.resources.felix_configurations.values():
        underlays = {each.mtu: mtu + each.overhead for each in tunnels if (mtu := getattr(felix.spec, each.mtu))}
        if len(set(underlays.values())) > 1:
            fits = ", ".join(f"{yaml_name(name)} for one of {size}" for name, size in underlays.items())
            largest = max(underlays, key=lambda name: underlays[name])
            message = f"the MTUs fit different underlays ({fits}); one of them is too large or wastes octets"
            yield Finding("mtu-mismatch", felix, f"$.spec.{yaml_name(largest)}", message)
        for each in tunnels if default is not None and felix is not default else ():
            own, usual = getattr(felix.spec, each.mtu), getattr(default.spec, each.mtu) if default else None
            if own and usual and own != usual:
                name = yaml_name(each.mtu)
                message = f"{name} is {own} here and {usual} on other nodes: packets of the larger size are lost"
                yield Finding("mtu-mismatch", felix, f"$.spec.{name}", message)


def _tunnels(cluster: ClusterSessions) -> dict[TunnelOverhead, list[Pool]]:
    """The tunnels in use, each with its pools."""
    found: dict[TunnelOverhead, list[Pool]] = {}
    for pool in cluster.index.pools:
        tunnel = TUNNELS.get((pool.encapsulation, pool.family))
        if tunnel is not None:
            found.setdefault(tunnel, []).append(pool)
    return found


def _named(pools: list[Pool]) -> str:
    return f"the IPPool {some([pool.name for pool in pools])}"
