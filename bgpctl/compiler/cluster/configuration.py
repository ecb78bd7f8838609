"""Which BGPConfiguration is used: `default` for the cluster, `node.<name>` for one node.

The rule: a node's own object replaces the global one field by field, but only for the four fields that have node
scope (log level, listen port, communities with their prefix advertisements) and for our annotations. Everything else is
read from `default` alone. Communities are looked up by name in the same object's list, never in the other one's.
"""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.resources.annotations.settings import NO_SETTINGS, Settings
from bgpctl.resources.annotations.table import settings_of
from bgpctl.resources.checks.cluster_rules import default_program_cluster_routes
from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration, BGPConfigurationSpec, ServiceCIDR
from bgpctl.resources.kinds.felix_configuration import FelixConfigurationSpec
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.names import GLOBAL_NAME, NODE_NAME_PREFIX
from reflector.addresses import canonical_prefix
from reflector.plan import DEFAULT_AS, DEFAULT_BGP_PORT, NORMAL_PRIORITY, Family

# Calico's severities in the words of our own log; what it calls Trace is the most that we have.
LOG_LEVELS = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "fatal": "critical",
}

# programClusterRoutes: which pools' routes BGP programs; the others are Felix's.
PROGRAMS_IPIP = frozenset({"Enabled", "EnabledIPIPOnly"})
PROGRAMS_NO_ENCAPSULATION = frozenset({"Enabled", "EnabledNoEncapOnly"})
VXLAN_VNI = 4096
VXLAN_PORT = 4789


@dataclass(frozen=True, slots=True)
class TaggedPrefix:
    """Routes inside `prefix` get these communities (values, sorted as text, no doubles)."""

    prefix: str
    communities: tuple[str, ...]


class Configuration:
    """The BGPConfigurations and FelixConfigurations of a cluster, asked by meaning instead of by field."""

    def __init__(self, resources: ResourceSet) -> None:
        self.bgp_objects = resources.bgp_configurations
        self._felix = resources.felix_configurations
        found = self.bgp_objects.get(GLOBAL_NAME)
        self.cluster: BGPConfigurationSpec = found.spec if found else BGPConfigurationSpec()
        program = self.cluster.program_cluster_routes or default_program_cluster_routes(resources)
        self.as_number = self.cluster.as_number or DEFAULT_AS
        self.mesh = self.cluster.node_to_node_mesh_enabled is not False
        self.programs_ipip = program in PROGRAMS_IPIP
        self.programs_no_encapsulation = program in PROGRAMS_NO_ENCAPSULATION
        self._settings = settings_of(found) if found else NO_SETTINGS
        self.aggregates_load_balancers = self.cluster.service_load_balancer_aggregation == "Enabled"

    def node_object(self, node: str) -> BGPConfiguration | None:
        return self.bgp_objects.get(NODE_NAME_PREFIX + node)

    def node(self, node: str) -> BGPConfigurationSpec:
        found = self.node_object(node)
        return found.spec if found else BGPConfigurationSpec()

    def settings(self, node: str) -> Settings:
        """The settings (annotations) for this node and all its sessions."""
        own = self.node_object(node)
        return settings_of(own).over(self._settings) if own is not None else self._settings

    def configured_listen_port(self, node: str) -> int:
        """The port on which this node is to listen; 0 when neither object sets one."""
        return self.node(node).listen_port or self.cluster.listen_port or 0

    def listen_port(self, node: str) -> int:
        return self.configured_listen_port(node) or DEFAULT_BGP_PORT

    def log_level(self, node: str) -> str:
        level = self.node(node).log_severity_screen or self.cluster.log_severity_screen or "info"
        return LOG_LEVELS.get(level.lower(), "info")

    def normal_priority(self, family: Family) -> int:
        priority = self.cluster.ipv4_normal_route_priority if family == 4 else self.cluster.ipv6_normal_route_priority
        return priority or NORMAL_PRIORITY

    def advertisements(self, node: str) -> tuple[TaggedPrefix, ...]:
        """What is in force on this node: its own list, of whichever families, else the cluster's."""
        return _advertisements(self.node(node)) or _advertisements(self.cluster)

    def felix(self, node: str) -> tuple[FelixConfigurationSpec, FelixConfigurationSpec]:
        """FelixConfiguration `node.<name>` and `default`; a value of the first is used before one of the second."""
        own, cluster = self._felix.get(NODE_NAME_PREFIX + node), self._felix.get(GLOBAL_NAME)
        return (
            own.spec if own else FelixConfigurationSpec(),
            cluster.spec if cluster else FelixConfigurationSpec(),
        )

    def felix_value(self, node: str, field: str, default: int) -> int:
        """The value of a field in the first of these that has it."""
        return next((value for spec in self.felix(node) if (value := getattr(spec, field)) is not None), default)


def service_prefixes(entries: tuple[ServiceCIDR, ...]) -> tuple[str, ...]:
    """The networks of a service list; empty entries are legal and skipped."""
    return tuple(dict.fromkeys(canonical_prefix(entry.cidr) for entry in entries if entry.cidr))


def _advertisements(spec: BGPConfigurationSpec) -> tuple[TaggedPrefix, ...]:
    values = {community.name: community.value for community in spec.communities}
    return tuple(
        TaggedPrefix(
            canonical_prefix(advertisement.cidr),
            tuple(sorted({values.get(community, community) for community in advertisement.communities})),
        )
        for advertisement in spec.prefix_advertisements
    )
