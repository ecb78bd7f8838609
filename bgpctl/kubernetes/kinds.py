"""The kinds that are read from an API server: under which group, version and plural they come, and what they are for.

Rule: a resource is named as in its problems, `BGPPeer/tor-1` or `Service/NAMESPACE/NAME`, whatever its group. So a
cluster that goes from one group of Calico to the other keeps the names of its resources.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

NODE = "Node"
CLUSTER_INFORMATION = "ClusterInformation"
CLUSTER_INFORMATION_NAME = f"{CLUSTER_INFORMATION}/default"


@dataclass(frozen=True, slots=True)
class ApiKind:
    """`source` is the first part of its resources' names; `group` is "" for Kubernetes' own first kinds."""

    kind: str
    plural: str
    group: str
    version: str
    source: str = ""
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """Of all of them, in every namespace."""
        return f"{api_path(self.group, self.version)}/{self.plural}"

    @property
    def resource(self) -> str:
        """As roles and kubectl name it: "nodes", "bgppeers.projectcalico.org"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def prefix(self) -> str:
        return self.source or self.kind

    def name_of(self, namespace: str, name: str) -> str:
        return f"{self.prefix}/{namespace}/{name}" if self.namespaced else f"{self.prefix}/{name}"

    def path_in(self, namespace: str) -> str:
        """Of all of them in one namespace; of every one for ""."""
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{api_path(self.group, self.version)}{within}/{self.plural}"

    def path_of(self, namespace: str, name: str) -> str:
        """Of one object; `namespace` is "" for a kind that has none."""
        return f"{self.path_in(namespace)}/{name}"


def api_path(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


KUBERNETES_NODE = ApiKind(NODE, "nodes", "", "v1")
SERVICE = ApiKind("Service", "services", "", "v1", namespaced=True)
ENDPOINT_SLICE = ApiKind("EndpointSlice", "endpointslices", "discovery.k8s.io", "v1", namespaced=True)
SECRET = ApiKind("Secret", "secrets", "", "v1", namespaced=True)
NODE_PLAN = ApiKind("NodePlan", "nodeplans", "bgpctl.io", "v1alpha1")
MIGRATION = ApiKind("DatastoreMigration", "datastoremigrations", "migration.projectcalico.org", "v1beta1")

# Calico's aggregated API server and its newer CRDs have the first, its older CRDs the second.
V3, V1 = ("projectcalico.org", "v3"), ("crd.projectcalico.org", "v1")
Group = tuple[str, str]

_CALICO = (
    ApiKind("BGPPeer", "bgppeers", *V3),
    ApiKind("BGPConfiguration", "bgpconfigurations", *V3),
    ApiKind("BGPFilter", "bgpfilters", *V3),
    ApiKind("IPPool", "ippools", *V3),
    ApiKind("BlockAffinity", "blockaffinities", *V3),
    ApiKind("CalicoNodeStatus", "caliconodestatuses", *V3),
    ApiKind(CLUSTER_INFORMATION, "clusterinformations", *V3),
    ApiKind("FelixConfiguration", "felixconfigurations", *V3),
)
# Where Kubernetes is Calico's datastore there are none; the Kubernetes Node of the same name has another source.
CALICO_NODE = ApiKind(NODE, "nodes", *V3, source="nodes.projectcalico.org")
PLURALS = frozenset(each.plural for each in _CALICO)


def calico_kinds(group: Group, served: frozenset[str]) -> tuple[ApiKind, ...]:
    """Those that are read of this group, `served` being the plurals that it serves. One that is not served is asked for
    nevertheless, for it may be installed any time; Calico's Node only where it is served."""
    kinds = tuple(replace(each, group=group[0], version=group[1]) for each in _CALICO)
    return (*kinds, CALICO_NODE) if group == V3 and CALICO_NODE.plural in served else kinds
