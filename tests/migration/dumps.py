"""Dumps of etcd for tests, in every form that they come in, and a cluster of Calico 2.6 as its keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from bgpctl.compiler import CompileOptions
from bgpctl.migration.migrate import Migration, migrate
from bgpctl.yaml_source.problem import Severity

OPTIONS = CompileOptions()
Keys = Mapping[str, str]

# Two nodes and all that Calico 2.6 keeps beside them.
CLUSTER: Keys = {
    "/calico/bgp/v1/global/as_num": "64512",
    "/calico/bgp/v1/global/loglevel": "debug",
    "/calico/bgp/v1/global/node_mesh": '{"enabled": true}',
    "/calico/bgp/v1/global/peer_v4/10.9.0.1": '{"ip": "10.9.0.1", "as_num": "65001"}',
    "/calico/bgp/v1/host/Node_A/as_num": "",
    "/calico/bgp/v1/host/Node_A/ip_addr_v4": "10.0.0.1",
    "/calico/bgp/v1/host/Node_A/network_v4": "10.0.0.0/24",
    "/calico/bgp/v1/host/Node_A/peer_v4/10.9.0.2": '{"ip": "10.9.0.2", "as_num": "1.10"}',
    "/calico/bgp/v1/host/b/ip_addr_v4": "10.0.0.2",
    "/calico/ipam/v2/assignment/ipv4/block/192.168.3.0-26": "{}",
    "/calico/ipam/v2/handle/k8s-pod-network.1": "{}",
    "/calico/ipam/v2/host/Node_A/ipv4/block/192.168.3.0-26": '{"state": "confirmed"}',
    "/calico/ipam/v2/host/b/ipv4/block/192.168.4.0-26": "",
    "/calico/v1/Ready": "true",
    "/calico/v1/config/CalicoVersion": "v2.6.12",
    "/calico/v1/config/IpInIpMtu": "1440",
    "/calico/v1/config/LogSeverityScreen": "info",
    "/calico/v1/host/Node_A/bird_ip": "10.0.0.1",
    "/calico/v1/host/Node_A/config/IpInIpTunnelAddr": "192.168.3.1",
    "/calico/v1/host/Node_A/metadata": "{}",
    "/calico/v1/host/Node_A/orchestrator_refs": '[{"orchestrator": "k8s", "nodeName": "a.example"}]',
    "/calico/v1/host/Node_A/workload/k8s/default.pod/endpoint/eth0": "{}",
    "/calico/v1/host/b/metadata": "{}",
    "/calico/v1/ipam/v4/pool/192.168.0.0-16": '{"cidr": "192.168.0.0/16", "ipip": "tunl0", '
    '"ipip_mode": "cross-subnet", "masquerade": true, "ipam": true, "disabled": false}',
    "/calico/v1/policy/profile/k8s_ns.default/rules": "{}",
    "/calico/v1/policy/tier/default/policy/Allow_It": "{}",
    "/registry/pods/default/pod": "k8s\x00",
}


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def answer(keys: Keys) -> dict[str, Any]:
    """What etcdctl get --prefix -w json prints: what is empty is not there."""
    pairs = [
        {"key": base64_of(key), "create_revision": 3, "mod_revision": 4, "version": 1}
        | ({"value": base64_of(value)} if value else {})
        for key, value in keys.items()
    ]
    return {"header": {"cluster_id": 1, "revision": 9}, "kvs": pairs, "count": len(pairs)}


def tree(keys: Keys) -> dict[str, Any]:
    """What the API of etcd v2 answers with ?recursive=true."""
    root: dict[str, Any] = {"key": "/", "dir": True, "nodes": []}
    for key, value in keys.items():
        node, path = root, ""
        *directories, _ = key.strip("/").split("/")
        for name in directories:
            path += f"/{name}"
            inner = next((each for each in node["nodes"] if each["key"] == path), None)
            if inner is None:
                inner = {"key": path, "dir": True, "nodes": []}
                node["nodes"].append(inner)
            node = inner
        node["nodes"].append({"key": key, "value": value, "modifiedIndex": 7, "createdIndex": 7})
    return {"action": "get", "node": root}


def migrated(keys: Keys, **options: Any) -> Migration:
    return migrate({"dump.json": json.dumps(answer(keys))}, OPTIONS, **options)


def errors(migration: Migration) -> list[tuple[str, str, str]]:
    """Object, field and code of each."""
    return [(p.resource, p.path, p.code) for p in migration.problems if p.severity is Severity.ERROR]


def spec_of(migration: Migration, kind: str, name: str) -> dict[str, Any]:
    (found,) = (each["spec"] for each in migration.objects if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return dict(found)


def resource(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    """A v3 resource as etcd has it."""
    metadata = {"name": name, "uid": "8e5ff4b6", "creationTimestamp": "2024-01-01T00:00:00Z"}
    return {"kind": kind, "apiVersion": "projectcalico.org/v3", "metadata": metadata, "spec": spec}


def v3_keys(*resources: dict[str, Any]) -> dict[str, str]:
    """With the keys that they have in etcd."""
    return {
        f"/calico/resources/v3/projectcalico.org/{each['kind'].lower()}s/{each['metadata']['name']}": json.dumps(each)
        for each in resources
    }
