"""BGPConfiguration: `default` speaks for all nodes, `node.<name>` for one; any other name is ignored.

None and () mean "not said here", so that a node's own configuration replaces the global one field by field. What
holds when nobody says anything stands in DEFAULTS' place: reflector.plan.DEFAULT_AS, mesh on, log level Info.
"""

from __future__ import annotations

from typing import Literal

from bgpctl.resources.bgp_peer import BGPPassword
from bgpctl.resources.model import Resource, Value

ProgramClusterRoutes = Literal["Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly"]
EnabledDisabled = Literal["Enabled", "Disabled"]
BindMode = Literal["None", "NodeIP"]

GLOBAL_NAME = "default"
NODE_NAME_PREFIX = "node."


class Community(Value):
    """A name for "aa:nn" (RFC 1997) or "aa:nn:mm" (RFC 8092)."""

    name: str
    value: str


class PrefixAdvertisement(Value):
    """Routes inside `cidr` get these communities: values, or names out of the same object's `communities`."""

    cidr: str
    communities: tuple[str, ...]


class ServiceCIDR(Value):
    """An entry without a CIDR is legal and means nothing."""

    cidr: str = ""


class BGPConfigurationSpec(Value):
    log_severity_screen: str | None = None
    node_to_node_mesh_enabled: bool | None = None
    as_number: int | None = None
    service_load_balancer_ips: tuple[ServiceCIDR, ...] = ()
    service_external_ips: tuple[ServiceCIDR, ...] = ()
    service_cluster_ips: tuple[ServiceCIDR, ...] = ()
    service_load_balancer_aggregation: EnabledDisabled = "Enabled"
    communities: tuple[Community, ...] = ()
    prefix_advertisements: tuple[PrefixAdvertisement, ...] = ()
    listen_port: int | None = None
    node_mesh_password: BGPPassword | None = None
    node_mesh_max_restart_time: int | None = None
    bind_mode: BindMode = "None"
    ignored_interfaces: tuple[str, ...] = ()
    local_workload_peering_ipv4: str = ""
    local_workload_peering_ipv6: str = ""
    program_cluster_routes: ProgramClusterRoutes | None = None
    ipv4_normal_route_priority: int | None = None
    ipv6_normal_route_priority: int | None = None


class BGPConfiguration(Resource):
    spec: BGPConfigurationSpec = BGPConfigurationSpec()

    @property
    def node_name(self) -> str:
        """The node it speaks for; "" for the global one and for names that mean nothing."""
        return self.name.removeprefix(NODE_NAME_PREFIX) if self.name.startswith(NODE_NAME_PREFIX) else ""
