"""The kinds that are understood: which model reads them, and under which apiVersions they come.

A kind that is not in the table is left alone with a warning, unless its name or apiVersion is evidently meant to be
one of ours (spelling_of_kinds.py): then it is an error, for a BGPPeer that is silently ignored is a session that is
silently missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
from bgpctl.resources.kinds.kubernetes_node import as_calico_node, written_path
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.reading.spelling_of_kinds import meant, sentence
from bgpctl.resources.values.model import Resource
from bgpctl.yaml_source.path import Path
from bgpctl.yaml_source.problem import Severity

CALICO = "projectcalico.org/v3"
CALICO_CRD = "crd.projectcalico.org/v1"


def _unchanged(data: dict[str, Any]) -> dict[str, Any]:
    return data


def _same_path(path: Path) -> Path:
    return path


def _without_status(data: dict[str, Any]) -> dict[str, Any]:
    """Of most kinds the status is written by controllers, for people."""
    return {key: value for key, value in data.items() if key != "status"}


def _legacy_affinity(data: dict[str, Any]) -> dict[str, Any]:
    """The v1 CRD keeps `deleted` as text."""
    spec = data.get("spec")
    if isinstance(spec, dict) and spec.get("deleted") in ("true", "false"):
        data = {**data, "spec": {**spec, "deleted": spec["deleted"] == "true"}}
    return _without_status(data)


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind is read.

    shape      brings the document's data into the shape of the model
    written    where a field of that shape stands in the document
    kubernetes_node   the other way of writing a Node; the two of one name are one Node
    """

    model: type[Resource]
    shape: Callable[[dict[str, Any]], dict[str, Any]] = _unchanged
    written: Callable[[Path], Path] = _same_path
    kubernetes_node: bool = False


_CALICO_KINDS = {
    "BGPConfiguration": Kind(BGPConfiguration, _without_status),
    "BGPFilter": Kind(BGPFilter, _without_status),
    "BGPPeer": Kind(BGPPeer, _without_status),
    "BlockAffinity": Kind(BlockAffinity, _without_status),
    "CalicoNodeStatus": Kind(CalicoNodeStatus),
    "ClusterInformation": Kind(ClusterInformation, _without_status),
    "FelixConfiguration": Kind(FelixConfiguration, _without_status),
    "IPPool": Kind(IPPool, _without_status),
    "Node": Kind(Node),
}

KINDS: dict[tuple[str, str], Kind] = {
    **{(CALICO, name): kind for name, kind in _CALICO_KINDS.items()},
    **{(CALICO_CRD, name): kind for name, kind in _CALICO_KINDS.items() if name != "Node"},
    (CALICO_CRD, "BlockAffinity"): Kind(BlockAffinity, _legacy_affinity),
    ("v1", "Node"): Kind(Node, as_calico_node, written_path, kubernetes_node=True),
    ("v1", "Secret"): Kind(Secret),
    ("v1", "Service"): Kind(Service),
    ("discovery.k8s.io/v1", "EndpointSlice"): Kind(EndpointSlice),
}


# Kinds that Kubernetes does not have.
_ONLY_CALICO = tuple(name for name in _CALICO_KINDS if name != "Node")
# Lists are taken apart (document.py), so of these only misspelt ones come here.
_KNOWN = dict.fromkeys([*KINDS, ("v1", "List"), *((version, f"{name}List") for version, name in KINDS)]).keys()


def explain_unsupported(api_version: str, kind: str) -> tuple[Severity, str, str]:
    """Why (apiVersion, kind) is not in KINDS: severity, the field to point at, and a message."""
    right = meant(api_version, kind, _KNOWN, _ONLY_CALICO)
    if right is not None:
        return Severity.ERROR, *sentence(api_version, kind, right)
    return Severity.WARNING, "kind", f"{kind} ({api_version}) is not used for routing and is ignored"
