"""FelixConfiguration: the fields of Felix that touch routes and tunnel devices.

Felix has some two hundred other fields; they are not looked at.
"""

from __future__ import annotations

from pydantic import Field

from bgpctl.resources.kinds.bgp_configuration import ProgramClusterRoutes
from bgpctl.resources.values.fields import MTU, IPv4Address, IPv6Address, Port, RoutePriority, UInt8
from bgpctl.resources.values.model import LoosePart, Resource


class FelixConfigurationSpec(LoosePart):
    """
    Settings of Felix. Those that are described here concern routes and tunnel devices; others are kept and not used.
    """

    program_cluster_routes: ProgramClusterRoutes | None = None
    """
    For which IPPools Felix programs the kernel routes between nodes; the others are those of programClusterRoutes of
    the BGPConfiguration.
    """
    ipv4_normal_route_priority: RoutePriority | None = None
    """Kernel metric of ordinary IPv4 routes, as in the BGPConfiguration. 1024 if it is not set."""
    ipv6_normal_route_priority: RoutePriority | None = None
    """Kernel metric of ordinary IPv6 routes, as in the BGPConfiguration. 1024 if it is not set."""
    ipv4_elevated_route_priority: RoutePriority | None = None
    """Kernel metric of urgent IPv4 routes, those of workloads that migrate."""
    ipv6_elevated_route_priority: RoutePriority | None = None
    """Kernel metric of urgent IPv6 routes, those of workloads that migrate."""
    device_route_protocol: UInt8 | None = None
    """Routing protocol number of the kernel routes to workloads."""
    device_route_source_address: IPv4Address = ""
    """IPv4 source address of the kernel routes to workloads."""
    device_route_source_address_ipv6: IPv6Address = ""
    """IPv6 source address of the kernel routes to workloads."""
    remove_external_routes: bool | None = None
    """Whether Felix removes routes of other programs that lead to workloads."""
    interface_prefix: str = ""
    """
    With what the names of interfaces to workloads begin, several with commas between them. "cali" if it is not set.
    """
    mtu_iface_pattern: str = ""
    """Regular expression for the interfaces of the underlay, of which Felix takes the smallest MTU."""
    ipip_enabled: bool | None = None
    """Whether the IPIP device exists. As IPPools need it, if it is not set."""
    ipip_mtu: MTU | None = None
    """MTU of the IPIP device. 0 or not set: that of the underlay less 20."""
    vxlan_enabled: bool | None = None
    """Whether the VXLAN devices exist. As IPPools need them, if it is not set."""
    vxlan_vni: int | None = Field(default=None, ge=0, le=16777215)
    """VXLAN network identifier. 4096 if it is not set."""
    vxlan_port: Port | None = None
    """UDP port of VXLAN. 4789 if it is not set."""
    vxlan_mtu: MTU | None = None
    """MTU of the IPv4 VXLAN device. 0 or not set: that of the underlay less 50."""
    vxlan_mtu_v6: MTU | None = None
    """MTU of the IPv6 VXLAN device. 0 or not set: that of the underlay less 70."""
    wireguard_enabled: bool | None = None
    """Whether IPv4 traffic between nodes is encrypted with WireGuard."""
    wireguard_enabled_v6: bool | None = None
    """Whether IPv6 traffic between nodes is encrypted with WireGuard."""
    wireguard_mtu: MTU | None = None
    """MTU of the IPv4 WireGuard device."""
    wireguard_mtu_v6: MTU | None = None
    """MTU of the IPv6 WireGuard device."""


class FelixConfiguration(Resource):
    """
    Settings of tunnel devices: the object named default is for all nodes, node.<name> for the node of this name. Agents
    that run without Felix read the port, VNI and MTUs.
    """

    spec: FelixConfigurationSpec = FelixConfigurationSpec()
    """The settings; what is not set has its default."""
