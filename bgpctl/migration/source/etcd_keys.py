"""What each key of Calico's etcd is: one row a kind, the first that fits.

v1 has single values (/calico/bgp/v1/host/NODE/as_num), v3 has whole resources, and IPAM is the same in both. A key that
no row names is reported as such: it is never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bgpctl.migration.fate import Outcome
from bgpctl.migration.names import node_name, qualified_name, qualified_name_without_dots

V3_KEY = "/calico/resources/v3/"


class Use(StrEnum):
    """What a key is read as."""

    PEER = "peer"
    POOL = "pool"
    NODE = "node"
    NODE_FIELD = "node field"
    TUNNEL = "tunnel"
    SETTING = "setting"
    FELIX = "felix"
    CLUSTER = "cluster"
    AFFINITY = "affinity"
    RESOURCE = "resource"
    # Reported, and not read.
    NONE = "none"


# Parts of a key by name.
Parts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """pattern   behind /calico/
    kind      for people
    reason    why it is left or lost; "" for what is read
    name      that Calico's own tool gives it, of what is left
    """

    pattern: str
    use: Use
    kind: str
    outcome: Outcome = Outcome.CONVERTED
    reason: str = ""
    name: Callable[[Parts], str] | None = None


def _left(pattern: str, kind: str, reason: str, name: Callable[[Parts], str] | None = None) -> Row:
    return Row(pattern, Use.NONE, kind, Outcome.LEFT, reason, name)


def _lost(pattern: str, kind: str, reason: str) -> Row:
    return Row(pattern, Use.NONE, kind, Outcome.LOST, reason)


POLICY = "not for BGP, left to Calico's own tool"
IPAM = "not for BGP, left to calicoctl datastore migrate, which takes IPAM along"
STATE = "what Felix reported; it reports anew"
FELIX = "of Felix and not for routes, left to Calico's own tool"
NO_COUNTERPART = "Calico v3 has no field for this setting of BIRD"
FILTERS = "filters in BIRD's language; write them as a BGPFilter and name it in the BGPPeers"
ROUTE_REFLECTOR = (
    "a calico/routereflector container; make its host a Node with routeReflectorClusterID, and BGPPeers to it"
)
NODE_FIELDS = ("ip_addr_v4", "network_v4", "ip_addr_v6", "network_v6", "as_num")
# Of Felix, those that routing looks at: name in v1 -> field in v3.
FELIX_FIELDS = {"InterfacePrefix": "interfacePrefix", "IpInIpEnabled": "ipipEnabled", "IpInIpMtu": "ipipMTU"}
CLUSTER_FIELDS = {"CalicoVersion": "calicoVersion", "ClusterGUID": "clusterGUID", "ClusterType": "clusterType"}
SETTINGS = ("as_num", "loglevel", "node_mesh")


def _any(names: object) -> str:
    return "|".join(names)  # type: ignore[arg-type]


_NODE = r"(?P<node>[^/]+)"
_CIDR = r"ipv(?P<family>[46])/block/(?P<cidr>[^/]+)"
ROWS = (
    Row(r"resources/v3/projectcalico\.org/(?P<plural>[^/]+)/(?P<name>.+)", Use.RESOURCE, "resource"),
    # v1, BGP
    Row(r"bgp/v1/global/peer_v(?P<family>[46])/(?P<address>[^/]+)", Use.PEER, "BGP peer"),
    Row(rf"bgp/v1/host/{_NODE}/peer_v(?P<family>[46])/(?P<address>[^/]+)", Use.PEER, "BGP peer of a node"),
    Row(rf"bgp/v1/host/{_NODE}/(?P<field>{_any(NODE_FIELDS)})", Use.NODE_FIELD, "BGP of a node"),
    Row(rf"bgp/v1/global/(?P<field>{_any(SETTINGS)})", Use.SETTING, "BGP setting"),
    _lost(r"bgp/v1/rr_v[46]/.+", "route reflector", ROUTE_REFLECTOR),
    _lost(r"bgp/v1/(?:global|host/[^/]+)/custom_filters/.+", "BIRD filter", FILTERS),
    _lost(r"bgp/v1/.+", "BGP setting", NO_COUNTERPART),
    # v1, hosts
    Row(rf"v1/host/{_NODE}/(?:metadata|bird_ip)", Use.NODE, "node"),
    Row(rf"v1/host/{_NODE}/(?P<field>orchestrator_refs)", Use.NODE_FIELD, "names of a node elsewhere"),
    Row(rf"v1/host/{_NODE}/config/IpInIpTunnelAddr", Use.TUNNEL, "tunnel address of a node"),
    Row(rf"v1/host/{_NODE}/config/(?P<field>{_any(FELIX_FIELDS)})", Use.FELIX, "Felix setting of a node"),
    Row(rf"v1/config/(?P<field>{_any(FELIX_FIELDS)})", Use.FELIX, "Felix setting"),
    Row(rf"v1/config/(?P<field>{_any(CLUSTER_FIELDS)})", Use.CLUSTER, "cluster information"),
    Row(r"v1/ipam/v(?P<family>[46])/pool/(?P<cidr>[^/]+)", Use.POOL, "IP pool"),
    _left(rf"v1/host/{_NODE}/config/.+", "Felix setting of a node", FELIX),
    _left(r"v1/config/.+", "Felix setting", FELIX),
    _left(
        rf"v1/host/{_NODE}/endpoint/(?P<name>.+)", "host endpoint", POLICY,
        lambda parts: qualified_name(f"{node_name(parts['node'])}.{parts['name']}"),
    ),
    _left(r"v1/host/[^/]+/workload/.+", "workload endpoint", POLICY),
    _left(
        r"v1/policy/tier/[^/]+/policy/(?P<name>.+)", "policy", POLICY,
        lambda parts: qualified_name_without_dots(parts["name"]),
    ),
    _left(
        r"v1/policy/profile/(?P<name>[^/]+)(?:/.+)?", "profile", POLICY, lambda parts: qualified_name(parts["name"])
    ),
    _left(r"v1/(?:policy|netset)/.+", "policy", POLICY),
    _left(r"v1/Ready", "datastore's lock", "v3 has it in the ClusterInformation, which Calico makes"),
    _left(r"felix/.+", "Felix status", STATE),
    # IPAM
    Row(rf"ipam/v2/(?P<type>host|virtual)/{_NODE}/{_CIDR}", Use.AFFINITY, "block affinity"),
    _left(r"ipam/v2/assignment/.+", "IPAM block", IPAM),
    _left(r"ipam/v2/handle/.+", "IPAM handle", IPAM),
    _left(r"ipam/.+", "IPAM setting", IPAM),
    _left(r".*", "key that is not known", "no release of Calico that bgpctl knows has this key"),
)  # fmt: skip
_COMPILED = tuple((re.compile(row.pattern, re.DOTALL), row) for row in ROWS)
FOREIGN = Row("", Use.NONE, "key outside /calico", Outcome.LEFT, "not Calico's")
CALICO = "/calico/"


def meaning(key: str) -> tuple[Row, Parts]:
    """Of a key that begins with a slash."""
    if not key.startswith(CALICO):
        return FOREIGN, {}
    rest = key[len(CALICO) :]
    for pattern, row in _COMPILED:
        if found := pattern.fullmatch(rest):
            return row, {name: part for name, part in found.groupdict().items() if part is not None}
    raise AssertionError(f"no row for {key!r}")  # the last one takes everything
