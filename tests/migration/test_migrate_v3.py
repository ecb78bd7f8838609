"""The etcd of Calico 3 as objects: as they are, without what the datastore keeps for itself; and for a cluster whose
datastore is the Kubernetes API, with the names that nodes have there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dumps import OPTIONS, answer, errors, migrated, resource, spec_of, v3_keys

from bgpctl.archive.files import name_of
from bgpctl.compiler import compile_node
from bgpctl.migration.fate import Outcome
from bgpctl.migration.migrate import migrate
from bgpctl.resources import parse_documents

NODES = [
    resource(
        "Node",
        f"old-{name}",
        bgp={"ipv4Address": f"10.0.0.{number}/24", "asNumber": 64512, "routeReflectorClusterID": "1.0.0.1"},
        orchRefs=[{"nodeName": f"{name}.example", "orchestrator": "k8s"}],
        ipv4VXLANTunnelAddr=f"192.168.{number}.0",
    )
    for number, name in ((1, "a"), (2, "b"))
]
RESOURCES = [
    *NODES,
    resource("BGPConfiguration", "default", nodeToNodeMeshEnabled=True, serviceClusterIPs=[{"cidr": "10.96.0.0/12"}]),
    resource("BGPConfiguration", "node.old-a", listenPort=1790),
    resource("FelixConfiguration", "node.old-a", vxlanPort=4790, anything={"kept": [1]}),
    resource("BGPFilter", "out", exportV4=[{"action": "Accept", "cidr": "10.0.0.0/8", "matchOperator": "In"}]),
    resource("BGPPeer", "tor", node="old-a", peerIP="10.0.0.9", asNumber=65001, filters=["out"]),
    resource("IPPool", "pods", cidr="192.168.0.0/16", ipipMode="Always"),
]
AFFINITIES = {"/calico/ipam/v2/host/old-a/ipv4/block/192.168.1.0-26": '{"state": "confirmed"}'}
CLUSTER = v3_keys(*RESOURCES) | AFFINITIES


def test_resources_are_as_they_were_without_bookkeeping() -> None:
    migration = migrated(CLUSTER)
    assert errors(migration) == []
    expected = {name_of(each): each["spec"] for each in RESOURCES}
    found = {name_of(each): each for each in migration.objects}
    assert {name: each["spec"] for name, each in found.items() if name in expected} == expected
    assert found["BGPPeer/tor"]["metadata"] == {"name": "tor"}
    assert found["BlockAffinity/old-a-192-168-1-0-26"]["spec"]["node"] == "old-a"


def test_other_kinds_are_left_and_not_even_read() -> None:
    others = {
        "/calico/resources/v3/projectcalico.org/networkpolicies/default/knp.default.x": "{not json",
        "/calico/resources/v3/projectcalico.org/workloadendpoints/default/a-k8s-b-eth0": "{}",
    }
    migration = migrated(CLUSTER | others)
    left = {each.kind: each.origin.name for each in migration.fates if each.outcome is Outcome.LEFT}
    assert (migration.ok, left) == (True, {key.split("/")[5]: key for key in others})


def test_for_kubernetes_every_name_of_a_node_is_the_one_there() -> None:
    here, there = migrated(CLUSTER), migrated(CLUSTER, to_kubernetes=True)
    assert errors(there) == []
    found = {name_of(each): each for each in there.objects}
    assert found["Node/a.example"] == {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": "a.example",
            "annotations": {
                "projectcalico.org/IPv4Address": "10.0.0.1/24",
                "projectcalico.org/ASNumber": "64512",
                "projectcalico.org/RouteReflectorClusterID": "1.0.0.1",
                "projectcalico.org/IPv4VXLANTunnelAddr": "192.168.1.0",
            },
        },
    }
    assert found["BGPPeer/tor"]["spec"]["node"] == "a.example"
    assert found["BlockAffinity/a.example-192-168-1-0-26"]["spec"]["node"] == "a.example"
    assert {"BGPConfiguration/node.a.example", "FelixConfiguration/node.a.example"} <= found.keys()
    old, new = (parse_documents(each.files.items()).resources for each in (here, there))
    before, after = (compile_node(*each, OPTIONS).plan for each in ((old, "old-a"), (new, "a.example")))
    assert before.sessions != ()
    assert [(each.peer_address, each.peer_as) for each in before.sessions] == [
        (each.peer_address, each.peer_as) for each in after.sessions
    ]
    assert before.originations == after.originations


def test_for_kubernetes_a_node_without_a_name_there_is_an_error() -> None:
    lonely = resource("Node", "lonely", bgp={"ipv4Address": "10.0.0.7/24"}, orchRefs=[{"orchestrator": "openstack"}])
    keys = CLUSTER | v3_keys(lonely)
    assert errors(migrated(keys, to_kubernetes=True)) == [
        ("/calico/resources/v3/projectcalico.org/nodes/lonely", "$.spec.orchRefs", "required-field")
    ]
    assert migrated(keys).ok


def test_for_kubernetes_two_nodes_of_one_name_are_a_clash() -> None:
    twin = resource(
        "Node", "old-c", bgp={"ipv4Address": "10.0.0.3/24"}, orchRefs=[{"orchestrator": "k8s", "nodeName": "a.example"}]
    )
    found = migrated(CLUSTER | v3_keys(twin), to_kubernetes=True)
    assert {code for _, _, code in errors(found)} == {"name-clash"}


PEER = resource("BGPPeer", "tor", peerIP="10.0.0.9", asNumber=65001)
KEY = "/calico/resources/v3/projectcalico.org/bgppeers/tor"
WRONG: dict[str, tuple[Any, str, str]] = {
    "no JSON": ("{", "$", "not-json"),
    "nothing": ("", "$", "not-json"),
    "null": ("null", "$", "wrong-type"),
    "a list": ("[]", "$", "wrong-type"),
    "two values": ("{} {}", "$", "not-json"),
    "key twice": ('{"kind": "BGPPeer", "kind": "BGPPeer"}', "$", "not-json"),
    "another name": ({**PEER, "metadata": {"name": "other"}}, "$.metadata.name", "key-mismatch"),
    "no name": ({**PEER, "metadata": {}}, "$.metadata.name", "key-mismatch"),
    "another kind": ({**PEER, "kind": "IPPool"}, "$.kind", "key-mismatch"),
    "another version": ({**PEER, "apiVersion": "v1"}, "$.kind", "key-mismatch"),
    "a field that is none": ({**PEER, "spec": {"peerIp": "10.0.0.9"}}, "$.spec.peerIp", "unknown-field"),
    "a field of another type": ({**PEER, "spec": {"peerIP": 9}}, "$.spec.peerIP", "wrong-type"),
    "metadata that is text": ({**PEER, "metadata": "tor"}, "$.metadata.name", "key-mismatch"),
    "spec that is text": ({**PEER, "spec": "tor"}, "$.spec", "wrong-type"),
    "namespace that is a number": (
        {**PEER, "metadata": {"name": "tor", "namespace": 1}}, "$.metadata.namespace", "wrong-type",
    ),
    "a filter that is not there": (
        {**PEER, "spec": {**PEER["spec"], "filters": ["x"]}}, "$.spec.filters[0]", "missing-filter",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_names_key_and_field(case: str) -> None:
    value, path, code = WRONG[case]
    found = migrated({KEY: value if isinstance(value, str) else json.dumps(value)})
    assert errors(found) == [(KEY, path, code)]
    assert found.files == {}


EXPORTED = ("IPPool", "BGPPeer", "Node", "BGPConfiguration", "BGPFilter")


def test_the_three_parts_of_calicoctls_export() -> None:
    by_kind = {kind: [each for each in RESOURCES if each["kind"] == kind] for kind in EXPORTED}
    lists = [
        {"apiVersion": "projectcalico.org/v3", "kind": f"{kind}List", "items": found} for kind, found in by_kind.items()
    ]
    ipam = {
        "block_affinities": [
            {"Key": next(iter(AFFINITIES)), "Value": {"state": "confirmed", "deleted": False}, "TTL": 0}
        ],
        "blocks": [{"Key": "/calico/ipam/v2/assignment/ipv4/block/192.168.1.0-26", "Value": {"cidr": "x"}}],
    }
    information = resource("ClusterInformation", "default", clusterGUID="x", calicoVersion="v3.30.0")
    text = "---\n".join(json.dumps(each) + "\n" for each in lists)
    text += f"===\n{json.dumps(information, indent=2)}\n===\n{json.dumps(ipam, indent=2)}\n"
    migration = migrate({"export.yaml": text}, OPTIONS)
    assert errors(migration) == []
    assert {name_of(each) for each in migration.objects} == {
        "BGPConfiguration/default",
        "BGPConfiguration/node.old-a",
        "BGPFilter/out",
        "BGPPeer/tor",
        "BlockAffinity/old-a-192-168-1-0-26",
        "ClusterInformation/default",
        "IPPool/pods",
        "Node/old-a",
        "Node/old-b",
    }
    assert spec_of(migration, "ClusterInformation", "default")["calicoVersion"] == "v3.30.0"


def test_v1_and_v3_data_of_one_object_are_a_clash() -> None:
    old = {"/calico/v1/host/old-a/metadata": "{}"}
    found = migrate({"v1": json.dumps(answer(old)), "v3": json.dumps(answer(CLUSTER))}, OPTIONS)
    assert {code for _, _, code in errors(found)} == {"name-clash"}


def test_numbers_that_are_text_stay_text() -> None:
    labels = {"a": "1e3", "b": "yes", "c": "0o7", "d": "1.10", "e": "null", "f": "1_0"}
    node = {**NODES[0], "metadata": {"name": "old-a", "labels": labels}}
    migration = migrated(v3_keys(node))
    assert parse_documents(migration.files.items()).resources.nodes["old-a"].metadata.labels == labels
