"""What of an archive is written into a cluster, in which order, and what is left there: from values alone."""

from __future__ import annotations

from typing import Any

import pytest

from bgpctl.archive.for_cluster import Cluster, steps
from bgpctl.archive.step import Action, Step
from bgpctl.kubernetes.kinds import PLURALS, V1, V3
from bgpctl.objects import Object, object_of

CALICO = "projectcalico.org/v3"


def of(kind: str, name: str, spec: dict[str, Any] | None = None, version: str = CALICO, **metadata: Any) -> Object:
    data: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}}
    found = object_of({**data, **({} if spec is None else {"spec": spec})})
    assert found is not None
    return found


def there(found: Object, version: str = "7") -> Object:
    """The same as an API server has it."""
    metadata = {**found.data["metadata"], "resourceVersion": version, "uid": "u", "managedFields": [{}]}
    return Object(found.id, {**found.data, "metadata": metadata, "status": {"state": "up"}})


def planned(archived: list[Object], now: list[Object], *, prune: bool = False, group: Any = V3) -> list[Step]:
    return steps(archived, Cluster(group, PLURALS, {each.id: each for each in now}), prune=prune)


def actions(found: list[Step]) -> list[tuple[str, str]]:
    return [(str(step.id), step.action.value) for step in found]


PEER = of("BGPPeer", "tor", {"peerIP": "10.0.0.9", "filters": ["out"]})
FILTER = of("BGPFilter", "out", {})
POOL = of("IPPool", "pods", {"cidr": "10.64.0.0/16"})
CONFIGURATION = of("BGPConfiguration", "default", {})
BLOCK = of("BlockAffinity", "b", {"node": "a", "cidr": "10.64.0.0/26", "state": "confirmed", "deleted": False})


def test_what_others_name_comes_before_them() -> None:
    found = planned([PEER, FILTER, POOL, CONFIGURATION, BLOCK], [])
    assert [str(step.id) for step in found] == [
        "IPPool/pods",
        "BlockAffinity/b",
        "BGPFilter/out",
        "BGPConfiguration/default",
        "BGPPeer/tor",
    ]
    assert {step.action for step in found} == {Action.CREATED}


def test_what_is_as_in_the_archive_is_unchanged() -> None:
    """Whatever the API server keeps for itself in it, and the status."""
    assert actions(planned([PEER], [there(PEER)])) == [("BGPPeer/tor", "unchanged")]


def test_what_is_changed_is_written_as_a_whole_on_top_of_what_was_compared() -> None:
    now = there(of("BGPPeer", "tor", {"peerIP": "10.0.0.9", "ttlSecurity": 1}, finalizers=["x"]), "12")
    (step,) = planned([PEER], [now])
    assert (step.action, step.version) == (Action.CONFIGURED, "12")
    assert step.body == {
        **PEER.data,
        "metadata": {"name": "tor", "finalizers": ["x"], "resourceVersion": "12", "uid": "u"},
        "status": {"state": "up"},
    }


def test_what_calicos_client_keeps_in_an_annotation_stays() -> None:
    kept = {"projectcalico.org/metadata": '{"uid": "u"}'}
    now = there(of("BGPPeer", "tor", {"peerIP": "10.0.0.8"}, annotations={**kept, "x": "y"}))
    (step,) = planned([PEER], [now])
    assert step.body is not None
    assert step.body["metadata"]["annotations"] == kept


def test_the_older_group_has_its_own_version_and_deleted_as_text() -> None:
    peer, block = planned([PEER, BLOCK], [], group=V1)[::-1]
    assert peer.body is not None
    assert block.body is not None
    assert peer.body["apiVersion"] == "crd.projectcalico.org/v1"
    assert block.body["spec"]["deleted"] == "false"
    (back,) = planned([of("BlockAffinity", "b", {**BLOCK.data["spec"], "deleted": "true"})], [])
    assert back.body is not None
    assert back.body["spec"]["deleted"] is True


OTHER = there(of("BlockAffinity", "other", {"node": "b", "cidr": "10.64.0.0/26", "state": "confirmed"}))
BLOCKS: dict[str, tuple[list[Object], str]] = {
    "none": ([], "created"),
    "the same": ([there(BLOCK)], "unchanged"),
    "another": ([OTHER], "left"),
    "the same, of another node": ([there(of("BlockAffinity", "b", {**BLOCK.data["spec"], "node": "c"}))], "left"),
    "the same, and another": ([there(BLOCK), OTHER], "unchanged"),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_blocks_are_ipams_wherever_it_has_others(case: str) -> None:
    now, action = BLOCKS[case]
    assert actions(planned([BLOCK], now)) == [("BlockAffinity/b", action)]


def test_an_interrupted_restore_of_blocks_goes_on() -> None:
    second = of("BlockAffinity", "c", {"node": "a", "cidr": "10.64.0.64/26"})
    assert actions(planned([BLOCK, second], [there(BLOCK)])) == [
        ("BlockAffinity/b", "unchanged"),
        ("BlockAffinity/c", "created"),
    ]


def test_cluster_information_is_calicos_where_it_has_made_one() -> None:
    archived = of("ClusterInformation", "default", {"calicoVersion": "v3.30.0", "datastoreReady": False})
    (created,) = planned([archived], [])
    assert created.body is not None
    assert (created.action, created.body["spec"]) == (Action.CREATED, {"calicoVersion": "v3.30.0"})
    now = there(of("ClusterInformation", "default", {"calicoVersion": "v3.31.0", "datastoreReady": True}))
    assert actions(planned([archived], [now])) == [("ClusterInformation/default", "left")]


def test_services_are_left() -> None:
    service = of("Service", "web", {"clusterIP": "10.96.0.1"}, "v1", namespace="default")
    assert actions(planned([service], [])) == [("Service/default/web", "left")]


def test_a_kind_that_is_not_served_is_refused() -> None:
    (step,) = steps([FILTER], Cluster(V3, PLURALS - {"bgpfilters"}, {}))
    assert "BGPFilter/out: the API server has no bgpfilters" in step.refused


def secret(**data: Any) -> Object:
    found = object_of({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bgp", "namespace": "x"}, **data})
    assert found is not None
    return found


def test_secrets_are_compared_by_their_values() -> None:
    archived = secret(stringData={"key": "hush"})
    assert actions(planned([archived], [secret(data={"key": "aHVzaA=="}, type="Opaque")])) == [
        ("Secret/x/bgp", "unchanged")
    ]
    (step,) = planned([archived], [secret(data={"key": "eA=="}, type="Opaque")])
    assert step.body is not None
    assert (step.action, step.body["data"]) == (Action.CONFIGURED, {"key": "aHVzaA=="})


def test_pruned_is_what_nothing_else_depends_on() -> None:
    now = [there(each) for each in (PEER, FILTER, POOL, BLOCK, CONFIGURATION)]
    assert actions(planned([], now)) == []
    assert actions(planned([], now, prune=True)) == [
        ("BGPPeer/tor", "deleted"),
        ("BGPConfiguration/default", "deleted"),
        ("BGPFilter/out", "deleted"),
    ]


# ------------------------------------------------------------------------------------------ nodes


def node(labels: dict[str, str] | None = None, **annotations: str) -> Object:
    named = {key.replace("__", "/").replace("_", "."): value for key, value in annotations.items()}
    return of("Node", "a", None, "v1", labels=labels or {}, annotations=named)


AS, ADDRESS, DRAIN = "projectcalico_org__ASNumber", "projectcalico_org__IPv4Address", "bgpctl_io__drain"
PATCHES: dict[str, tuple[Object, Object, dict[str, Any] | None]] = {
    "nothing differs": (node(**{AS: "1"}), node(**{AS: "1"}), None),
    "an operator's": (node(**{AS: "1"}), node(**{AS: "2"}), {"annotations": {"projectcalico.org/ASNumber": "1"}}),
    "an operator's that came": (node(), node(**{DRAIN: "x"}), {"annotations": {"bgpctl.io/drain": None}}),
    "Calico's that is another now": (node(**{ADDRESS: "10.0.0.1/24"}), node(**{ADDRESS: "10.0.0.2/24"}), None),
    "Calico's that is gone": (
        node(**{ADDRESS: "10.0.0.1/24"}), node(), {"annotations": {"projectcalico.org/IPv4Address": "10.0.0.1/24"}},
    ),
    "Calico's that came": (node(), node(**{ADDRESS: "10.0.0.1/24"}), None),
    "a label": (node({"rack": "r1"}), node({"rack": "r2"}), {"labels": {"rack": "r1"}}),
    "a label that came": (node(), node({"rack": "r2"}), None),
    "a label of Kubernetes": (node({"kubernetes.io/os": "linux"}), node({"kubernetes.io/os": "x"}), None),
    "a label of Kubernetes that is gone": (
        node({"node.kubernetes.io/exclude-from-external-load-balancers": "true"}), node(),
        {"labels": {"node.kubernetes.io/exclude-from-external-load-balancers": "true"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PATCHES)
def test_of_a_node(case: str) -> None:
    archived, now, patch = PATCHES[case]
    (step,) = planned([archived], [there(now, "9")])
    if patch is None:
        assert step.action is Action.UNCHANGED
    else:
        assert (step.action, step.body) == (Action.CONFIGURED, {"metadata": {**patch, "resourceVersion": "9"}})


def test_a_node_that_is_not_there_is_left_to_its_kubelet() -> None:
    (step,) = planned([node()], [])
    assert (step.action, "kubelet" in step.reason) == (Action.LEFT, True)


def test_calicos_node_becomes_annotations_of_kubernetes_node() -> None:
    archived = of("Node", "a", {"bgp": {"asNumber": 64512, "ipv4Address": "10.0.0.1/24"}}, labels={"rack": "r1"})
    (step,) = planned([archived], [there(node())])
    assert step.body == {
        "metadata": {
            "labels": {"rack": "r1"},
            "annotations": {"projectcalico.org/IPv4Address": "10.0.0.1/24", "projectcalico.org/ASNumber": "64512"},
            "resourceVersion": "7",
        }
    }
