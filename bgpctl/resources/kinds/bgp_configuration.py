"""BGPConfiguration: `default` speaks for all nodes, `node.<name>` for one; any other name is ignored.

None and () mean "not set here", so that a node's own configuration replaces the global one field by field. When
nothing is set: AS 64512, mesh on, log level Info, port 179, cluster routes EnabledNoEncapOnly, priority 1024.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bgpctl.resources.kinds.bgp_peer import BGPPassword
from bgpctl.resources.values.fields import (
    CIDR,
    DISTINCT,
    AsNumberOrText,
    CommunityValue,
    IgnoredInterface,
    IPv4Address,
    IPv6Address,
    LogLevel,
    MaskedCIDR,
    Name,
    Port,
    RoutePriority,
    Seconds,
)
from bgpctl.resources.values.model import Resource, ResourcePart, yaml_name
from bgpctl.resources.values.notations import is_community
from bgpctl.resources.values.rules import Rule, RuledValue

ProgramClusterRoutes = Literal["Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly"]
EnabledDisabled = Literal["Enabled", "Disabled"]
BindMode = Literal["None", "NodeIP"]

GLOBAL_NAME = "default"
NODE_NAME_PREFIX = "node."


class NamedCommunity(ResourcePart):
    """A name for "aa:nn" (RFC 1997) or "aa:nn:mm" (RFC 8092)."""

    name: Name
    value: CommunityValue


class PrefixAdvertisement(ResourcePart):
    """Routes inside `cidr` get these communities: values, or names out of the same object's `communities`."""

    cidr: CIDR = Field(min_length=1)
    communities: tuple[str, ...] = Field(min_length=1, max_length=50)


class ServiceCIDR(ResourcePart):
    """An entry without a CIDR is legal and means nothing."""

    cidr: MaskedCIDR = ""


def _unknown_communities(spec: BGPConfigurationSpec) -> set[str]:
    defined = {community.name for community in spec.communities}
    used = {name for advertised in spec.prefix_advertisements for name in advertised.communities}
    return {name for name in used - defined if not is_community(name)}


BGP_CONFIGURATION_RULES = (
    Rule(
        "exclusive-fields",
        "nodeMeshPassword",
        ("nodeToNodeMeshEnabled", "nodeMeshPassword"),
        lambda spec: spec.node_to_node_mesh_enabled is False and spec.node_mesh_password is not None,
        "nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false; remove it",
    ),
    Rule(
        "exclusive-fields",
        "nodeMeshMaxRestartTime",
        ("nodeToNodeMeshEnabled", "nodeMeshMaxRestartTime"),
        lambda spec: spec.node_to_node_mesh_enabled is False and spec.node_mesh_max_restart_time is not None,
        "nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false; remove it",
    ),
    Rule(
        "unused-communities",
        "communities",
        ("communities", "prefixAdvertisements"),
        lambda spec: bool(spec.communities) and not spec.prefix_advertisements,
        "communities are defined but nothing uses them; add prefixAdvertisements or remove them",
    ),
    Rule(
        "unknown-community",
        "prefixAdvertisements",
        ("communities", "prefixAdvertisements"),
        lambda spec: bool(_unknown_communities(spec)),
        "a community used here is neither aa:nn, nor aa:nn:mm, nor a name defined in this object's communities",
    ),
)


class BGPConfigurationSpec(RuledValue):
    RULES: ClassVar = BGP_CONFIGURATION_RULES

    log_severity_screen: LogLevel | None = None
    node_to_node_mesh_enabled: bool | None = None
    as_number: AsNumberOrText | None = None
    service_load_balancer_ips: tuple[ServiceCIDR, ...] = ()
    service_external_ips: tuple[ServiceCIDR, ...] = ()
    service_cluster_ips: tuple[ServiceCIDR, ...] = ()
    service_load_balancer_aggregation: EnabledDisabled = "Enabled"
    communities: tuple[NamedCommunity, ...] = Field(default=(), max_length=500)
    prefix_advertisements: tuple[PrefixAdvertisement, ...] = Field(default=(), max_length=500)
    listen_port: Port | None = None
    node_mesh_password: BGPPassword | None = None
    node_mesh_max_restart_time: Seconds | None = None
    bind_mode: BindMode = "None"
    ignored_interfaces: Annotated[tuple[IgnoredInterface, ...], DISTINCT] = ()
    local_workload_peering_ipv4: IPv4Address = ""
    local_workload_peering_ipv6: IPv6Address = ""
    program_cluster_routes: ProgramClusterRoutes | None = None
    ipv4_normal_route_priority: RoutePriority | None = None
    ipv6_normal_route_priority: RoutePriority | None = None


# Fields that are for the whole cluster, so that a configuration of another name must not have them.
GLOBAL_FIELDS = (
    "as_number",
    "node_mesh_max_restart_time",
    "node_mesh_password",
    "node_to_node_mesh_enabled",
    "service_cluster_ips",
    "service_external_ips",
    "service_load_balancer_ips",
)


def _only_in_default(field: str) -> Rule:
    """Defaults differ from every value that can be written, so "set" is "not the default"."""
    unset = BGPConfigurationSpec.model_fields[field].default

    def broken(configuration: Any) -> bool:
        return bool(configuration.name != GLOBAL_NAME and getattr(configuration.spec, field) != unset)

    name = yaml_name(field)
    message = f"{name} is for the whole cluster: move it to the BGPConfiguration named {GLOBAL_NAME!r}"
    return Rule("only-in-default", f"spec.{name}", (), broken, message)


class BGPConfiguration(Resource, RuledValue):
    RULES: ClassVar = tuple(map(_only_in_default, GLOBAL_FIELDS))

    spec: BGPConfigurationSpec = BGPConfigurationSpec()

    @property
    def node_name(self) -> str:
        """The node it is for; "" for the global one and for names that mean nothing."""
        return self.name.removeprefix(NODE_NAME_PREFIX) if self.name.startswith(NODE_NAME_PREFIX) else ""
