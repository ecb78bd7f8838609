"""What is left of the objects of an API server when they have been decoded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bgpctl.kubernetes.collection import Change, Event
from bgpctl.kubernetes.failure import Cause, FailedError
from bgpctl.kubernetes.kinds import (
    ENDPOINT_SLICE,
    KUBERNETES_NODE,
    MIGRATION,
    SECRET,
    SERVICE,
    V1,
    V3,
    ApiKind,
    calico_kinds,
)
from bgpctl.kubernetes.wire import Reader, failure_of, phase_of, plurals_of

PEER = next(each for each in calico_kinds(V3, frozenset()) if each.kind == "BGPPeer")
BOOKKEEPING = {
    "uid": "0c7e",
    "resourceVersion": "77",
    "generation": 3,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
}


def event(kind: ApiKind, change: str, data: Any) -> Event:
    return Reader(kind).event(json.dumps({"type": change, "object": data}).encode())


def document(kind: ApiKind, data: Any) -> Any:
    return json.loads(event(kind, "ADDED", data).text)


def failure(line: bytes, *, begins_with_all: bool = False) -> Cause:
    with pytest.raises(FailedError) as caught:
        Reader(PEER).event(line, begins_with_all=begins_with_all)
    return caught.value.failure.cause


def test_bookkeeping_and_foreign_annotations_are_left_out() -> None:
    metadata = {
        **BOOKKEEPING,
        "name": "tor-1",
        "labels": {"rack": "1"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "bgpctl.io/hold-time": "9s"},
    }
    assert document(PEER, {"metadata": metadata, "spec": {"peerIP": "10.0.0.9"}, "status": {"x": 1}}) == {
        "apiVersion": "projectcalico.org/v3",
        "kind": "BGPPeer",
        "metadata": {"name": "tor-1", "labels": {"rack": "1"}, "annotations": {"bgpctl.io/hold-time": "9s"}},
        "spec": {"peerIP": "10.0.0.9"},
    }


def test_what_calicos_client_keeps_in_annotations_is_left_out() -> None:
    annotations = {"projectcalico.org/metadata": '{"creationTimestamp":null}', "projectcalico.org/kube-labels": "{}"}
    found = document(PEER, {"metadata": {"name": "tor-1", "annotations": annotations}})
    assert found["metadata"] == {"name": "tor-1"}


def test_of_a_node_its_addresses_and_networks_are_left() -> None:
    node = {
        "metadata": {**BOOKKEEPING, "name": "a1", "annotations": {"projectcalico.org/IPv4Address": "10.0.0.1/24"}},
        "spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"], "taints": [{"key": "x"}], "providerID": "x"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "images": [{"names": ["image"]}],
            "conditions": [{"type": "Ready", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}],
        },
    }
    found = event(KUBERNETES_NODE, "MODIFIED", node)
    assert (found.name, found.version) == ("Node/a1", "77")
    assert json.loads(found.text) == {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "a1", "annotations": {"projectcalico.org/IPv4Address": "10.0.0.1/24"}},
        "spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
    }
    node["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-01-01T00:05:00Z"  # type: ignore[index]
    assert event(KUBERNETES_NODE, "MODIFIED", node).text == found.text


def test_of_a_service_its_addresses_are_left() -> None:
    service = {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "type": "LoadBalancer",
            "clusterIP": "10.96.0.9",
            "clusterIPs": ["10.96.0.9"],
            "ports": [{"port": 80}],
            "selector": {"app": "web"},
            "externalTrafficPolicy": "Local",
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}]}, "conditions": []},
    }
    found = event(SERVICE, "ADDED", service)
    assert found.name == "Service/shop/web"
    assert json.loads(found.text)["spec"] == {
        "type": "LoadBalancer",
        "clusterIP": "10.96.0.9",
        "clusterIPs": ["10.96.0.9"],
        "externalTrafficPolicy": "Local",
    }
    assert json.loads(found.text)["status"] == {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}


def test_of_an_endpoint_slice_its_endpoints_are_left() -> None:
    endpoints = [{"addresses": ["10.1.0.5"], "nodeName": "a1", "conditions": {"ready": False, "serving": True}}, {}]
    found = document(
        ENDPOINT_SLICE,
        {
            "metadata": {"name": "web-1", "namespace": "shop"},
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [],
        },
    )
    ready = {"addresses": ["10.1.0.5"], "nodeName": "a1", "conditions": {"ready": False}}
    assert (found["addressType"], found["endpoints"]) == ("IPv4", [ready, {}])


def test_of_a_secret_only_the_keys_that_are_named_are_left() -> None:
    data = {"metadata": {"name": "bgp", "namespace": "kube-system"}, "data": {"tor": "eA==", "other": "eQ=="}}
    text = Reader(SECRET).document(json.dumps(data).encode(), frozenset({"tor", "absent"}))
    assert json.loads(text)["data"] == {"tor": "eA=="}


def test_names_are_the_same_in_both_groups() -> None:
    data = {"metadata": {"name": "tor-1"}}
    for group in (V1, V3):
        kind = next(each for each in calico_kinds(group, frozenset()) if each.kind == "BGPPeer")
        assert event(kind, "ADDED", data).name == "BGPPeer/tor-1"


def test_a_document_is_one_line() -> None:
    line = b'{"type":"ADDED","object":{"metadata":{"name":"tor-1"},"spec":{"node":\n"a1"}}}'
    assert Reader(PEER).event(line).text.count("\n") == 0


def test_a_page() -> None:
    octets = json.dumps({"metadata": {"resourceVersion": "5", "continue": "t"}, "items": [{"metadata": {"name": "a"}}]})
    page = Reader(PEER).page(octets.encode())
    assert (page.version, page.more, [name for name, _ in page.objects]) == ("5", "t", ["BGPPeer/a"])
    empty = Reader(PEER).page(b'{"metadata":{"resourceVersion":"5"},"items":null}')
    assert (empty.objects, empty.more) == ((), "")


def test_a_bookmark_may_say_that_all_have_come() -> None:
    bookmark = {"metadata": {"resourceVersion": "9", "creationTimestamp": None}, "spec": {}}
    assert event(PEER, "BOOKMARK", bookmark) == Event(Change.BOOKMARK, "9")
    bookmark["metadata"]["annotations"] = {"k8s.io/initial-events-end": "true"}
    assert event(PEER, "BOOKMARK", bookmark) == Event(Change.BOOKMARK, "9", is_all=True)


def test_an_error_event_is_a_failure() -> None:
    gone = {"type": "ERROR", "object": {"kind": "Status", "status": "Failure", "code": 410, "message": "too old"}}
    assert failure(json.dumps(gone).encode()) is Cause.EXPIRED


@pytest.mark.parametrize(
    "line", [b"{", b"<html>", b"\xff\xfe", b"[]", b'{"type":"ADDED"}', b'{"type":"NEW","object":{}}']
)
def test_what_is_no_event_is_a_failure(line: bytes) -> None:
    assert failure(line) is Cause.NOT_READABLE


def test_an_answer_that_is_no_success() -> None:
    status = {"kind": "Status", "code": 403, "message": 'nodes is forbidden: User "x" cannot list resource "nodes"'}
    found = failure_of(403, json.dumps(status).encode(), "")
    assert (found.cause, found.message) == (Cause.FORBIDDEN, f"403: {status['message']}")
    assert failure_of(502, b"<html>bad gateway</html>", "3").message == "502: <html>bad gateway</html>"
    assert failure_of(422, b"{}", "", begins_with_all=True).cause is Cause.NOT_SUPPORTED


def test_phases_and_plurals() -> None:
    migration = {
        "metadata": {"name": "v1-to-v3"},
        "spec": {"type": "x"},
        "status": {"phase": "Converged", "progress": {}},
    }
    assert phase_of(event(MIGRATION, "ADDED", migration).text) == "Converged"
    assert phase_of(event(MIGRATION, "ADDED", {"metadata": {"name": "v1-to-v3"}}).text) == ""
    assert plurals_of(b'{"resources":[{"name":"bgppeers"},{"name":"bgppeers/status"}]}') == {"bgppeers"}
