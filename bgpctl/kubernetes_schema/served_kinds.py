"""The kinds that have a CustomResourceDefinition: the one table.

All are of group projectcalico.org, version v3, and without a namespace. Two kinds that we read are not here: a Node,
which no cluster serves under this group, since Calico keeps its fields as annotations of the Kubernetes Node; and
ClusterInformation, which says what release of Calico runs, where none runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel

from bgpctl.kubernetes_schema.reported_status import NodeStatus
from bgpctl.resources.checks.transition_rules import FOR_LIFE
from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration
from bgpctl.resources.kinds.bgp_filter import BGPFilter
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.kinds.block_affinity import BlockAffinity
from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus
from bgpctl.resources.kinds.felix_configuration import FelixConfiguration
from bgpctl.resources.kinds.ip_pool import IPPool
from bgpctl.resources.values.model import Resource

GROUP, VERSION, CATEGORY = "projectcalico.org", "v3", "bgp"


class Column(NamedTuple):
    """A column of `kubectl get`; `wide` ones are only there with -o wide."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class ServedKind:
    """status     its model, where agents write it
    defaults   what Calico's definitions write into an object where it says nothing: path in the schema -> value
    for_life   fields of the spec that cannot change: the name of each, how a message calls it, and the rule in CEL
    """

    model: type[Resource]
    plural: str
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]
    status: type[BaseModel] | None = None
    defaults: tuple[tuple[str, Any], ...] = ()
    for_life: tuple[tuple[str, str, str], ...] = ()

    @property
    def kind(self) -> str:
        return self.model.__name__


SERVED_KINDS = (
    ServedKind(
        BGPConfiguration,
        "bgpconfigurations",
        ("bgpconfig",),
        (
            Column("AS", ".spec.asNumber", "integer"),
            Column("Mesh", ".spec.nodeToNodeMeshEnabled", "boolean"),
            Column("Port", ".spec.listenPort", "integer"),
            Column("Log", ".spec.logSeverityScreen", wide=True),
            Column("Cluster routes", ".spec.programClusterRoutes", wide=True),
        ),
        defaults=(("spec.serviceLoadBalancerAggregation", "Enabled"), ("spec.nodeMeshPassword.secretKeyRef.name", "")),
    ),
    ServedKind(BGPFilter, "bgpfilters", ("bgpf",), ()),
    ServedKind(
        BGPPeer,
        "bgppeers",
        ("bgpp",),
        (
            Column("Node", ".spec.node"),
            Column("Node selector", ".spec.nodeSelector"),
            Column("Peer IP", ".spec.peerIP"),
            Column("Peer selector", ".spec.peerSelector"),
            Column("AS", ".spec.asNumber", "integer"),
            Column("Filters", ".spec.filters", wide=True),
        ),
        defaults=(("spec.password.secretKeyRef.name", ""),),
    ),
    ServedKind(
        BlockAffinity,
        "blockaffinities",
        ("blockaff",),
        (
            Column("Node", ".spec.node"),
            Column("CIDR", ".spec.cidr"),
            Column("State", ".spec.state"),
            Column("Type", ".spec.type", wide=True),
        ),
        defaults=(("spec.deleted", False),),
    ),
    ServedKind(
        CalicoNodeStatus,
        "caliconodestatuses",
        ("nodestatus",),
        (
            Column("Node", ".spec.node"),
            Column("Up IPv4", ".status.bgp.numberEstablishedV4", "integer"),
            Column("Down IPv4", ".status.bgp.numberNotEstablishedV4", "integer"),
            Column("Up IPv6", ".status.bgp.numberEstablishedV6", "integer"),
            Column("Down IPv6", ".status.bgp.numberNotEstablishedV6", "integer"),
            Column("Updated", ".status.lastUpdated", "date"),
        ),
        status=NodeStatus,
    ),
    ServedKind(
        FelixConfiguration,
        "felixconfigurations",
        ("felixconfig",),
        (
            Column("VNI", ".spec.vxlanVNI", "integer"),
            Column("Port", ".spec.vxlanPort", "integer"),
            Column("VXLAN MTU", ".spec.vxlanMTU", "integer"),
            Column("IPIP MTU", ".spec.ipipMTU", "integer"),
        ),
    ),
    ServedKind(
        IPPool,
        "ippools",
        ("ipp",),
        (
            Column("CIDR", ".spec.cidr"),
            Column("VXLAN", ".spec.vxlanMode"),
            Column("IPIP", ".spec.ipipMode"),
            Column("Disabled", ".spec.disabled", "boolean"),
            Column("Block size", ".spec.blockSize", "integer", wide=True),
            Column("Not exported", ".spec.disableBGPExport", "boolean", wide=True),
        ),
        defaults=(("spec.nodeSelector", "all()"), ("spec.assignmentMode", "Automatic")),
        for_life=tuple((field, what, cel) for field, _, what, cel in FOR_LIFE),
    ),
)
