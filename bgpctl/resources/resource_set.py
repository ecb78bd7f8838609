"""ResourceSet: all resources of a cluster as one frozen value.

Rule: every mapping is in key order, so whatever is computed by walking them does not depend on the order of files.
Resources never change; a changed resource makes a new set that shares everything else with the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration
from bgpctl.resources.kinds.bgp_filter import BGPFilter
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.kinds.block_affinity import BlockAffinity
from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus
from bgpctl.resources.kinds.cluster_information import ClusterInformation
from bgpctl.resources.kinds.felix_configuration import FelixConfiguration
from bgpctl.resources.kinds.ip_pool import IPPool
from bgpctl.resources.kinds.kubernetes import EndpointSlice, Secret, Service
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.values.model import Key, Resource
from bgpctl.yaml_source.problem import Location

COLLECTIONS: dict[type[Resource], str] = {
    Node: "nodes",
    BGPPeer: "bgp_peers",
    BGPConfiguration: "bgp_configurations",
    BGPFilter: "bgp_filters",
    IPPool: "ip_pools",
    BlockAffinity: "block_affinities",
    CalicoNodeStatus: "node_statuses",
    ClusterInformation: "cluster_informations",
    FelixConfiguration: "felix_configurations",
    Secret: "secrets",
    Service: "services",
    EndpointSlice: "endpoint_slices",
}


COLLECTION_OF_KIND: dict[str, str] = {kind.__name__: name for kind, name in COLLECTIONS.items()}
# A resource and where it stands.
Version = tuple[Resource, Location]


@dataclass(frozen=True)
class ResourceSet:
    """Everything the compiler looks at, by name; namespaced kinds by (namespace, name).

    `waiting`: kind and key of what others name, or stand for here, and of which there is no valid version: what depends
    on it waits.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    bgp_peers: Mapping[str, BGPPeer] = field(default_factory=dict)
    bgp_configurations: Mapping[str, BGPConfiguration] = field(default_factory=dict)
    bgp_filters: Mapping[str, BGPFilter] = field(default_factory=dict)
    ip_pools: Mapping[str, IPPool] = field(default_factory=dict)
    block_affinities: Mapping[str, BlockAffinity] = field(default_factory=dict)
    node_statuses: Mapping[str, CalicoNodeStatus] = field(default_factory=dict)
    cluster_informations: Mapping[str, ClusterInformation] = field(default_factory=dict)
    felix_configurations: Mapping[str, FelixConfiguration] = field(default_factory=dict)
    secrets: Mapping[tuple[str, str], Secret] = field(default_factory=dict)
    services: Mapping[tuple[str, str], Service] = field(default_factory=dict)
    endpoint_slices: Mapping[tuple[str, str], EndpointSlice] = field(default_factory=dict)
    waiting: frozenset[tuple[str, Key]] = frozenset()
    locations: Mapping[tuple[str, Key], Location] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, *resources: Resource) -> ResourceSet:
        """A set of these; of two with the same kind and key the later one counts."""
        return build_resource_set((resource, Location()) for resource in resources)

    def location(self, resource: Resource) -> Location:
        """Where it came from; an empty Location when it was made by code."""
        return self.locations.get(resource_id(resource), Location())

    def with_resource(self, resource: Resource, location: Location | None = None) -> ResourceSet:
        """A copy in which this resource is added or takes the place of the one with its key."""
        name, key = COLLECTIONS[type(resource)], resource.key
        old: Mapping[Any, Resource] = getattr(self, name)
        new = {**old, key: resource}
        if key not in old:
            new = dict(sorted(new.items()))
        locations = {**self.locations, (type(resource).__name__, key): location} if location else self.locations
        changed: dict[str, Any] = {name: new, "locations": locations}
        return replace(self, **changed)

    def with_changed(self, changed: Iterable[tuple[Resource, Location]]) -> ResourceSet:
        """A copy in which these resources take the places of those with their keys, which must be there.

        Mappings of kinds that did not change are the same objects as before.
        """
        mappings: dict[str, Any] = {"locations": dict(self.locations)}
        for resource, location in changed:
            name = COLLECTIONS[type(resource)]
            if name not in mappings:
                mappings[name] = dict(getattr(self, name))
            mappings[name][resource.key] = resource
            mappings["locations"][resource_id(resource)] = location
        return replace(self, **mappings)

    def with_versions(self, versions: Mapping[tuple[str, Key], Version | None]) -> ResourceSet:
        """A copy in which these take the places of those with their kind and key; None: there is none."""
        locations, mappings = dict(self.locations), dict[str, dict[Any, Resource]]()
        for (kind, key), version in versions.items():
            name = COLLECTION_OF_KIND[kind]
            mapping = mappings.setdefault(name, dict(getattr(self, name)))
            mapping.pop(key, None)
            locations.pop((kind, key), None)
            if version is not None:
                mapping[key], locations[kind, key] = version
        changed: dict[str, Any] = {name: dict(sorted(mapping.items())) for name, mapping in mappings.items()}
        return replace(self, locations=locations, **changed)

    def with_waiting(self, waiting: Iterable[tuple[str, Key]]) -> ResourceSet:
        return replace(self, waiting=frozenset(waiting))

    def version(self, kind: str, key: Key) -> Version | None:
        """The resource with its location; None where there is none."""
        resource = getattr(self, COLLECTION_OF_KIND[kind]).get(key)
        return None if resource is None else (resource, self.location(resource))

    def __len__(self) -> int:
        return sum(len(getattr(self, name)) for name in COLLECTIONS.values())


def resource_id(resource: Resource) -> tuple[str, Key]:
    """Kind and key."""
    return (type(resource).__name__, resource.key)


def build_resource_set(resources: Iterable[tuple[Resource, Location]]) -> ResourceSet:
    """A set in key order out of resources in any order; of two with the same kind and key the later one counts."""
    collections: dict[str, dict[Any, Resource]] = {name: {} for name in COLLECTIONS.values()}
    locations: dict[tuple[str, Key], Location] = {}
    for resource, location in resources:
        key = resource.key
        collections[COLLECTIONS[type(resource)]][key] = resource
        locations[(type(resource).__name__, key)] = location
    ordered: dict[str, Any] = {name: dict(sorted(found.items())) for name, found in collections.items()}
    return ResourceSet(**ordered, locations=locations)
