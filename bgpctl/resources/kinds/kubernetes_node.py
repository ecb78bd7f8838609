"""A Kubernetes Node as a Calico Node: where the Kubernetes API is Calico's datastore, BGP stands in annotations.

Rule: annotations are read as if their text stood in the Calico field; a problem found there points back at the
annotation. Where a Calico Node and a Kubernetes Node of one name are both given they are one Node: Calico's fields
win, labels and annotations of both count, and Calico's wins over one of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bgpctl.resources.kinds.node import Node, NodeSpec, NodeStatus
from bgpctl.yaml_source.path import Path

DOMAIN = "projectcalico.org/"

# Annotation -> field of the Calico Node.
ANNOTATIONS: dict[str, Path] = {
    f"{DOMAIN}{name}": tuple(path.split("."))
    for name, path in {
        "IPv4Address": "spec.bgp.ipv4Address",
        "IPv6Address": "spec.bgp.ipv6Address",
        "ASNumber": "spec.bgp.asNumber",
        "RouteReflectorClusterID": "spec.bgp.routeReflectorClusterID",
        "IPv4IPIPTunnelAddr": "spec.bgp.ipv4IPIPTunnelAddr",
        "IPv4VXLANTunnelAddr": "spec.ipv4VXLANTunnelAddr",
        "IPv6VXLANTunnelAddr": "spec.ipv6VXLANTunnelAddr",
        "VXLANTunnelMACAddr": "spec.vxlanTunnelMACAddr",
        "VXLANTunnelMACAddrV6": "spec.vxlanTunnelMACAddrV6",
        "IPv4WireguardInterfaceAddr": "spec.wireguard.interfaceIPv4Address",
        "IPv6WireguardInterfaceAddr": "spec.wireguard.interfaceIPv6Address",
        "WireguardPublicKey": "status.wireguardPublicKey",
        "WireguardPublicKeyV6": "status.wireguardPublicKeyV6",
    }.items()
}
# Types in status.addresses that are addresses of the host; the others are names.
HOST_ADDRESSES = ("InternalIP", "ExternalIP")
_ANNOTATION_OF = {path: annotation for annotation, path in ANNOTATIONS.items()}


def as_calico_node(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a Kubernetes Node in the shape of a Calico Node."""
    metadata, spec = data.get("metadata"), data.get("spec")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    shaped: dict[str, Any] = {"metadata": metadata, "spec": {}, "status": {}}
    for annotation, text in (annotations if isinstance(annotations, dict) else {}).items():
        if annotation in ANNOTATIONS and text:
            _put(shaped, ANNOTATIONS[annotation], text)
    if addresses := _host_addresses(data.get("status")):
        shaped["spec"]["addresses"] = addresses
    if isinstance(spec, dict) and (pod_cidrs := spec.get("podCIDRs") or _single(spec.get("podCIDR"))):
        shaped["status"]["podCIDRs"] = pod_cidrs
    return shaped


def annotations_of(node: Mapping[str, Any]) -> dict[str, str]:
    """The annotations that say what the data of a Calico Node says."""
    return {annotation: str(value) for annotation, path in ANNOTATIONS.items() if (value := _at(node, path))}


def written_path(path: Path) -> Path:
    """Where the field of the Calico Node stands in the Kubernetes Node."""
    if path in _ANNOTATION_OF:
        return ("metadata", "annotations", _ANNOTATION_OF[path])
    return ("spec", *path[1:]) if path[:2] == ("status", "podCIDRs") else path


def merge_nodes(calico: Node, kubernetes: Node) -> Node:
    """One Node out of two of the same name."""
    labels = {**kubernetes.metadata.labels, **calico.metadata.labels}
    annotations = {**kubernetes.metadata.annotations, **calico.metadata.annotations}
    addresses = (*calico.spec.addresses, *kubernetes.spec.addresses)
    spec = _first_said(NodeSpec, calico.spec, kubernetes.spec).model_copy(update={"addresses": addresses})
    return Node(
        metadata=calico.metadata.model_copy(update={"labels": labels, "annotations": annotations}),
        spec=spec,
        status=_first_said(NodeStatus, calico.status, kubernetes.status),
    )


def _first_said(kind: Any, first: Any, second: Any) -> Any:
    """Field by field the value of `first`, else that of `second`."""
    fields = kind.model_fields
    own = {name: getattr(first, name) for name in fields if getattr(first, name) != fields[name].default}
    return second.model_copy(update=own)


def _host_addresses(status: Any) -> tuple[dict[str, str], ...]:
    """The host's addresses as Kubernetes knows them, without its names."""
    listed = status.get("addresses") if isinstance(status, dict) else None
    return tuple(
        {"type": each["type"], "address": each["address"]}
        for each in (listed if isinstance(listed, tuple) else ())
        if isinstance(each, dict) and each.get("type") in HOST_ADDRESSES and isinstance(each.get("address"), str)
    )


def _single(value: Any) -> tuple[Any, ...]:
    return (value,) if value else ()


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data.get(step) if isinstance(data, Mapping) else None
    return data


def _put(data: dict[str, Any], path: Path, value: Any) -> None:
    for step in path[:-1]:
        data = data.setdefault(str(step), {})
    data[str(path[-1])] = value
