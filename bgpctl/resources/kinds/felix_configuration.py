"""FelixConfiguration: the fields of Felix that touch routes and tunnel devices.

Felix has some two hundred other fields; they are not looked at.
"""

from __future__ import annotations

from pydantic import Field

from bgpctl.resources.kinds.bgp_configuration import ProgramClusterRoutes
from bgpctl.resources.values.fields import MTU, IPv4Address, IPv6Address, Port, RoutePriority, UInt8
from bgpctl.resources.values.model import LoosePart, Resource


class FelixConfigurationSpec(LoosePart):
    """None means "not set here". An MTU of 0 is found out from the underlay."""

    program_cluster_routes: ProgramClusterRoutes | None = None
    ipv4_normal_route_priority: RoutePriority | None = None
    ipv6_normal_route_priority: RoutePriority | None = None
    ipv4_elevated_route_priority: RoutePriority | None = None
    ipv6_elevated_route_priority: RoutePriority | None = None
    device_route_protocol: UInt8 | None = None
    device_route_source_address: IPv4Address = ""
    device_route_source_address_ipv6: IPv6Address = ""
    remove_external_routes: bool | None = None
    interface_prefix: str = ""
    mtu_iface_pattern: str = ""
    ipip_enabled: bool | None = None
    ipip_mtu: MTU | None = None
    vxlan_enabled: bool | None = None
    vxlan_vni: int | None = Field(default=None, ge=0, le=16777215)
    vxlan_port: Port | None = None
    vxlan_mtu: MTU | None = None
    vxlan_mtu_v6: MTU | None = None
    wireguard_enabled: bool | None = None
    wireguard_enabled_v6: bool | None = None
    wireguard_mtu: MTU | None = None
    wireguard_mtu_v6: MTU | None = None


class FelixConfiguration(Resource):
    spec: FelixConfigurationSpec = FelixConfigurationSpec()
