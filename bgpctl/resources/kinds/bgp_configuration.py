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
    SET,
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
from bgpctl.resources.values.names import GLOBAL_NAME, NODE_NAME_PREFIX
from bgpctl.resources.values.notations import COMMUNITY_PATTERN, is_community
from bgpctl.resources.values.patterns import NAME_PATTERN
from bgpctl.resources.values.rules import Rule, RuledValue, written
from bgpctl.resources.values.served import served

ProgramClusterRoutes = Literal["Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly"]
EnabledDisabled = Literal["Enabled", "Disabled"]
BindMode = Literal["None", "NodeIP"]

CommunityOrName = served(pattern=f"{COMMUNITY_PATTERN}|{NAME_PATTERN}", maxLength=253)
# What CEL has time for; Calico has no bound.
ServiceCIDRs = Annotated[tuple["ServiceCIDR", ...], served(maxItems=1000)]


class NamedCommunity(ResourcePart):
    """A name for a community."""

    name: Name
    """Name by which prefixAdvertisements of this object refer to the community."""
    value: CommunityValue
    """The community: "aa:nn" (RFC 1997, numbers up to 65535) or "aa:nn:mm" (large, RFC 8092, up to 4294967295)."""


class PrefixAdvertisement(ResourcePart):
    """Communities of the routes inside a network."""

    cidr: CIDR = Field(min_length=1)
    """The network, such as 10.48.0.0/16."""
    communities: tuple[Annotated[str, CommunityOrName], ...] = Field(min_length=1, max_length=50)
    """Communities that its routes get: values such as "64512:100", or names that communities of this object defines."""


class ServiceCIDR(ResourcePart):
    """A network of service addresses. An entry without a cidr is legal and means nothing."""

    cidr: MaskedCIDR = ""
    """The network, such as 10.96.0.0/12, with no bits set behind the prefix length."""


def _unknown_communities(spec: BGPConfigurationSpec) -> set[str]:
    defined = {community.name for community in spec.communities}
    used = {name for advertised in spec.prefix_advertisements for name in advertised.communities}
    return {name for name in used - defined if not is_community(name)}


MESH_RUNS = "!has(self.nodeToNodeMeshEnabled) || self.nodeToNodeMeshEnabled"
BGP_CONFIGURATION_RULES = (
    Rule(
        "exclusive-fields",
        "nodeMeshPassword",
        ("nodeToNodeMeshEnabled", "nodeMeshPassword"),
        lambda spec: spec.node_to_node_mesh_enabled is False and spec.node_mesh_password is not None,
        "nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false; remove it",
        cel=f"{MESH_RUNS} || !has(self.nodeMeshPassword)",
    ),
    Rule(
        "exclusive-fields",
        "nodeMeshMaxRestartTime",
        ("nodeToNodeMeshEnabled", "nodeMeshMaxRestartTime"),
        lambda spec: spec.node_to_node_mesh_enabled is False and spec.node_mesh_max_restart_time is not None,
        "nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false; remove it",
        cel=f"{MESH_RUNS} || !has(self.nodeMeshMaxRestartTime)",
    ),
    Rule(
        "unused-communities",
        "communities",
        ("communities", "prefixAdvertisements"),
        lambda spec: bool(spec.communities) and not spec.prefix_advertisements,
        "communities are defined but nothing uses them; add prefixAdvertisements or remove them",
        cel=f"!{written('communities', empty='[]')} || {written('prefixAdvertisements', empty='[]')}",
    ),
    Rule(
        "unknown-community",
        "prefixAdvertisements",
        ("communities", "prefixAdvertisements"),
        lambda spec: bool(_unknown_communities(spec)),
        "a community used here is neither aa:nn, nor aa:nn:mm, nor a name defined in this object's communities",
        # Only where no name is defined: 500 networks with 50 communities each, and 500 names, cost too much.
        cel=f"{written('communities', empty='[]')} || !has(self.prefixAdvertisements) || "
        "self.prefixAdvertisements.all(each, each.communities.all(community, community.contains(':')))",
    ),
)


class BGPConfigurationSpec(RuledValue):
    """BGP settings of all nodes, or of one. A node's own BGPConfiguration replaces the global one field by field."""

    RULES: ClassVar = BGP_CONFIGURATION_RULES

    log_severity_screen: LogLevel | None = None
    """
    The least severe messages that the agents log: Trace, Debug, Info, Warning, Error or Fatal, in any case. Info if
    it is not set. Also on node.<name>.
    """
    node_to_node_mesh_enabled: bool | None = None
    """
    Whether every node has an iBGP session with every other node. True if it is not set; set it to false when
    reflectors or routers take the place of the mesh. Only on the object named default.
    """
    as_number: AsNumberOrText | None = None
    """AS number of all nodes that have none of their own. 64512 if it is not set. Only on the object named default."""
    service_load_balancer_ips: ServiceCIDRs = ()
    """
    Networks of load balancer addresses of services. Every node advertises the networks; single addresses in them are
    advertised by nodes with a ready endpoint if the traffic policy of the service is Local. An entry for one address
    (/32, /128) is only advertised while a service has it. Only on the object named default.
    """
    service_external_ips: ServiceCIDRs = ()
    """
    Networks of external addresses of services, advertised as those in serviceLoadBalancerIPs are. Only on the object
    named default.
    """
    service_cluster_ips: ServiceCIDRs = ()
    """
    Networks of cluster addresses of services. Every node advertises the networks; nodes with a ready endpoint also
    advertise the cluster address of each service whose traffic policy is Local. Only on the object named default.
    """
    service_load_balancer_aggregation: EnabledDisabled = "Enabled"
    """
    Enabled, which is the default: the networks in serviceLoadBalancerIPs are advertised. Disabled: the single load
    balancer addresses of services that have a ready endpoint. Only read from the object named default.
    """
    communities: tuple[NamedCommunity, ...] = Field(default=(), max_length=500)
    """Names for communities, for prefixAdvertisements of this object. Also on node.<name>."""
    prefix_advertisements: tuple[PrefixAdvertisement, ...] = Field(default=(), max_length=500)
    """
    Communities of the routes that nodes advertise, by network. On node.<name> they replace those of default for the
    node, all of them.
    """
    listen_port: Port | None = None
    """TCP port on which nodes wait for BGP connections. 179 if it is not set. Also on node.<name>."""
    node_mesh_password: BGPPassword | None = None
    """Password of all sessions of the mesh. Only on the object named default, and not when the mesh is off."""
    node_mesh_max_restart_time: Seconds | None = None
    """
    How long the other nodes keep a node's routes while it restarts (graceful restart, RFC 4724), such as "2m", in
    sessions of the mesh. Only on the object named default, and not when the mesh is off.
    """
    bind_mode: BindMode = "None"
    """
    None, which is the default: nodes wait for connections on all their addresses. NodeIP: only on their BGP addresses.
    Only read from the object named default.
    """
    ignored_interfaces: Annotated[tuple[IgnoredInterface, ...], DISTINCT, SET] = ()
    """
    Names of interfaces whose networks are not advertised; "*" is a wildcard. Without effect here, because networks of
    interfaces are never advertised.
    """
    local_workload_peering_ipv4: IPv4Address = ""
    """IPv4 address to which workloads connect their sessions with the node. Felix sets it up; without effect here."""
    local_workload_peering_ipv6: IPv6Address = ""
    """IPv6 address to which workloads connect their sessions with the node. Felix sets it up; without effect here."""
    program_cluster_routes: ProgramClusterRoutes | None = None
    """
    For which IPPools BGP programs the kernel routes between nodes: Enabled for all but those with VXLAN, Disabled for
    none, EnabledIPIPOnly for those with IPIP, EnabledNoEncapOnly for those without encapsulation, which is the default.
    The other pools are Felix's: without Felix set Enabled. Only read from the object named default.
    """
    ipv4_normal_route_priority: RoutePriority | None = None
    """Kernel metric of ordinary IPv4 routes. 1024 if it is not set. Only read from the object named default."""
    ipv6_normal_route_priority: RoutePriority | None = None
    """Kernel metric of ordinary IPv6 routes. 1024 if it is not set. Only read from the object named default."""


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
    unset_in_cel = f"!has(self.spec.{name})" + (f" || self.spec.{name}.size() == 0" if unset == () else "")
    cel = f"self.metadata.name == '{GLOBAL_NAME}' || !has(self.spec) || {unset_in_cel}"
    return Rule("only-in-default", f"spec.{name}", (), broken, message, cel)


class BGPConfiguration(Resource, RuledValue):
    """
    BGP settings: the object named default is for all nodes, node.<name> for the node of this name. Objects of any other
    name are ignored.
    """

    RULES: ClassVar = tuple(map(_only_in_default, GLOBAL_FIELDS))

    spec: BGPConfigurationSpec = BGPConfigurationSpec()
    """The settings; what is not set has its default."""

    @property
    def node_name(self) -> str:
        """The node it is for; "" for the global one and for names that mean nothing."""
        return self.name.removeprefix(NODE_NAME_PREFIX) if self.name.startswith(NODE_NAME_PREFIX) else ""
