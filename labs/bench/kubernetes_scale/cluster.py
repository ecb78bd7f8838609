"""The generated cluster, in the reflector design: nodes in racks, two blocks each, six reflectors, eight racks with a
router of their own.

Rule: everything follows from the number of nodes. A Node has 14 kB, as those of kubelets have with the images of some
fifty containers; which nodes a change concerns follows from how the cluster is made, without the compiler.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

REFLECTORS, RACKS, ROUTERS, FILTERS = 6, 40, 8, 5
BLOCKS_A_NODE = 2
NODE_OCTETS = 14_000
V3 = "projectcalico.org/v3"
_BEGAN = "2026-01-01T00:00:00Z"
_CONDITIONS = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")


@dataclass(frozen=True)
class Cluster:
    """Of `nodes` that are no reflectors; a node has a number, and one that joins has the next one."""

    nodes: int

    @property
    def names(self) -> list[str]:
        return [node_name(number) for number in range(self.nodes)] + reflector_names()

    @property
    def blocks(self) -> int:
        return self.nodes * BLOCKS_A_NODE

    def in_rack(self, rack: int) -> list[str]:
        return [node_name(number) for number in range(self.nodes) if number % RACKS == rack]

    def objects(self) -> Iterator[Object]:
        yield calico("BGPConfiguration", "default", nodeToNodeMeshEnabled=False)
        yield calico("IPPool", "pods", cidr="172.16.0.0/12", blockSize=26)
        yield from map(bgp_filter, range(FILTERS))
        others = "!has(reflector)"
        yield calico("BGPPeer", "to-reflectors", nodeSelector=others, peerSelector="has(reflector)")
        yield calico("BGPPeer", "reflectors", nodeSelector="has(reflector)", peerSelector="has(reflector)")
        yield from (router(rack) for rack in range(ROUTERS))
        yield from map(reflector, range(REFLECTORS))
        for number in range(self.nodes):
            yield from joining(number)


def node_name(number: int) -> str:
    return f"node-{number:05}"


def reflector_names() -> list[str]:
    return [f"reflector-{number}" for number in range(REFLECTORS)]


def calico(kind: str, name: str, **spec: Any) -> Object:
    return {"apiVersion": V3, "kind": kind, "metadata": {"name": name}, "spec": spec}


def bgp_filter(number: int) -> Object:
    rules = [
        {"action": "Reject", "matchOperator": "In", "cidr": f"10.{200 + number}.0.0/16"},
        {"action": "Accept", "matchOperator": "Equal", "cidr": f"192.0.{number}.0/24"},
    ]
    return calico("BGPFilter", f"filter-{number}", importV4=rules, exportV4=rules)


def router(rack: int, more_as: int = 0) -> Object:
    """The peer of a rack's nodes; with another AS number where `more_as` is another one."""
    return calico(
        "BGPPeer",
        f"tor-{rack}",
        nodeSelector=f"rack == 'r{rack}'",
        peerIP=f"192.168.{rack}.1",
        asNumber=65000 + rack + more_as,
        filters=[f"filter-{rack % FILTERS}"],
    )


def reflector(number: int) -> Object:
    cluster_id = f"244.0.0.{number // 2}"
    annotations = {"projectcalico.org/RouteReflectorClusterID": cluster_id}
    return _node(f"reflector-{number}", f"10.255.0.{number + 1}", {"reflector": "yes"}, annotations)


def joining(number: int) -> Iterator[Object]:
    """A node and its blocks."""
    labels = {"rack": f"r{number % RACKS}", "zone": f"z{number % 3}"}
    yield _node(node_name(number), address(number), labels, {})
    for each in range(BLOCKS_A_NODE):
        yield block(number * BLOCKS_A_NODE + each, node_name(number))


def address(number: int) -> str:
    host = number + 256
    return f"10.{host >> 16}.{host >> 8 & 255}.{host & 255}"


def block(number: int, node: str) -> Object:
    cidr = f"172.{16 + (number >> 10)}.{number >> 2 & 255}.{(number & 3) << 6}/26"
    return calico("BlockAffinity", f"block-{number:05}", node=node, cidr=cidr, state="confirmed")


def _node(name: str, ip: str, labels: dict[str, str], annotations: dict[str, str]) -> Object:
    hosts = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    found: Object = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": labels | hosts,
            "annotations": annotations | {"projectcalico.org/IPv4Address": f"{ip}/8"},
        },
        "status": {
            "addresses": [{"type": "InternalIP", "address": ip}, {"type": "Hostname", "address": name}],
            "capacity": {"cpu": "64", "memory": "263856692Ki", "pods": "110"},
            "conditions": [condition(kind, _BEGAN) for kind in _CONDITIONS],
        },
    }
    images: list[Object] = []
    found["status"]["images"] = images
    size, number = len(json.dumps(found)), 0
    while size < NODE_OCTETS:
        repository = f"registry.example/platform/service-{number:03}"
        names = [f"{repository}@sha256:{number:064x}", f"{repository}:v1.{number}.0"]
        images.append({"names": names, "sizeBytes": 100_000_000 + number})
        size, number = size + len(json.dumps(images[-1])) + 2, number + 1
    return found


def condition(kind: str, heartbeat: str) -> Object:
    """As a kubelet reports it."""
    status = "True" if kind == "Ready" else "False"
    return {
        "type": kind,
        "status": status,
        "reason": f"Kubelet{kind}",
        "message": "as the kubelet has found it",
        "lastHeartbeatTime": heartbeat,
        "lastTransitionTime": _BEGAN,
    }


def heartbeat(at: str) -> Object:
    """What a kubelet writes into the status of its Node every five minutes where nothing else has changed."""
    return {"status": {"conditions": [condition(kind, at) for kind in _CONDITIONS]}}
