"""Which nodes a change can concern: never one too few, and in a cluster with reflectors very few."""

from __future__ import annotations

from typing import Any

import pytest
from compiler_makers import (
    bgp_filter,
    bgp_peer,
    block,
    configuration,
    endpoint_slice,
    node,
    node_status,
    pool,
    secret,
    service,
)
from hypothesis import event, given, settings
from hypothesis import strategies as st
from test_compiler_laws import clusters

from bgpctl.compiler import ClusterIndex, CompileOptions, compile_every_node
from bgpctl.compiler.affected import affected
from bgpctl.resources.resource_set import ResourceSet, resource_id
from bgpctl.resources.values.model import Resource
from reflector.plan import NodePlan

OPTIONS = CompileOptions(without_felix=True)
BY_REFERENCE = CompileOptions(without_felix=True, keys_by_reference=True)


def plans(index: ClusterIndex, options: CompileOptions = OPTIONS) -> dict[str, NodePlan]:
    return {each.plan.node: each.plan for each in compile_every_node(index, options)}


def differing(before: ClusterIndex, after: ClusterIndex, options: CompileOptions = OPTIONS) -> set[str]:
    old = plans(before, options)
    return {name for name, plan in plans(after, options).items() if old.get(name) != plan}


WINDOWS = {"kubernetes.io/os": "windows"}
one_more: st.SearchStrategy[Resource] = st.one_of(
    st.builds(
        node,
        st.sampled_from(["node-1", "node-2"]),
        st.sampled_from(["10.0.0.5/24", "10.0.0.10/24"]),
        labels=st.sampled_from([{}, WINDOWS, WINDOWS, {**WINDOWS, "rr": ""}]),
        ipv4VXLANTunnelAddr=st.sampled_from(["", "192.168.1.1", "192.168.2.1"]),
    ),
    st.builds(
        node,
        st.sampled_from([f"node-{number}" for number in range(1, 8)]),
        st.sampled_from(["", "10.0.0.5/24", "10.0.0.10/24", "10.0.0.15/24", "10.0.0.99/24"]),
        st.sampled_from(["", "fd00::5/64", "fd00::99/64"]),
        cluster_id=st.sampled_from(["", "", "224.0.0.1", "224.0.0.2"]),
        asn=st.sampled_from([None, 65001, 65002]),
        labels=st.sampled_from([{}, {"rr": ""}, {"rack": "1"}, {"rack": "2"}, {"rack": "1", "rr": ""}, {"os": "x"}]),
        ipv4VXLANTunnelAddr=st.sampled_from(["", "", "192.168.1.1", "192.168.2.1"]),
    ),
    st.builds(block, st.sampled_from(["node-1", "node-2"]), st.sampled_from(["192.168.1.0/26", "192.168.9.0/26"])),
    st.builds(
        lambda name, scope, far, manual, filters: bgp_peer(
            name, **scope, **far, filters=filters, reversePeering="Manual" if manual else "Auto"
        ),
        st.sampled_from(["peer-0", "peer-1", "peer-9"]),
        st.sampled_from([{}, {"node": "node-1"}, {"nodeSelector": "has(rr)"}, {"nodeSelector": "rack == '1'"}]),
        st.sampled_from([{"peerSelector": "has(rr)"}, {"peerSelector": "rack == '2'"}, {"peerIP": "10.0.0.5"}]),
        st.booleans(),
        st.sampled_from([[], ["one"]]),
    ),
    st.builds(lambda action: bgp_filter("one", exportV4=[{"action": action}]), st.sampled_from(["Accept", "Reject"])),
    st.builds(lambda mode: pool("pool", "192.168.0.0/16", vxlanMode=mode), st.sampled_from(["Never", "Always"])),
    st.builds(configuration, st.sampled_from(["default", "node.node-1"]), listenPort=st.sampled_from([None, 1790])),
)


@pytest.mark.slow
@given(clusters(), st.lists(one_more, max_size=6), st.lists(one_more, min_size=1, max_size=3), st.data())
@settings(max_examples=300, deadline=None)
def test_no_plan_that_differs_is_left_out(
    resources: list[Resource], more: list[Resource], changed: list[Resource], data: st.DataObject
) -> None:
    before = ClusterIndex(ResourceSet.of(*resources, *more))
    all_of_it = {resource_id(each): each for each in (*resources, *more, *changed)}
    gone = data.draw(st.lists(st.sampled_from(sorted(all_of_it, key=str)), max_size=2))
    left = (each for key, each in all_of_it.items() if key not in gone)
    after = ClusterIndex(ResourceSet.of(*left), previous=before)
    found = affected(before, after, OPTIONS)
    event(f"not every node: {len(found) < len(after.nodes)}")
    event(f"a way through the tunnel alone: {any(plan.kernel.tunnel_routes for plan in plans(after).values())}")
    assert differing(before, after) <= found <= after.nodes.keys()


REFLECTED = (
    configuration(nodeToNodeMeshEnabled=False),
    bgp_peer("clients", nodeSelector="!has(rr)", peerSelector="has(rr)"),
    bgp_peer("tor", nodeSelector="rack == '1'", peerIP="192.0.2.1", asNumber=65001, filters=["one"]),
    bgp_filter("one", exportV4=[{"action": "Accept"}]),
    pool("pool", "192.168.0.0/16"),
    *(node(f"rr-{number}", f"10.1.0.{number}", cluster_id="224.0.0.1", labels={"rr": ""}) for number in (1, 2)),
    *(node(f"n{number}", f"10.0.0.{number}", labels={"rack": str(number % 2)}) for number in range(1, 9)),
    *(block(f"n{number}", f"192.168.{number}.0/26") for number in range(1, 9)),
)
CLIENTS = frozenset(f"n{number}" for number in range(1, 9))
REFLECTORS = frozenset({"rr-1", "rr-2"})
RACK_1 = frozenset({"n1", "n3", "n5", "n7"})
STATUS = node_status("s", "n1")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (node("n9", "10.0.0.9"), {"n9"} | REFLECTORS),
        (node("n1", "10.0.0.1", labels={"rack": "1", "checked": "today"}), {"n1"}),
        (node("n1", "10.0.0.1", labels={"rack": "0"}), {"n1"} | REFLECTORS),
        (node("n1", "10.0.0.77", labels={"rack": "1"}), {"n1"} | REFLECTORS),
        (node("n1", "10.0.0.1", labels={"rack": "1"}, asn=65009), {"n1"} | REFLECTORS),
        (block("n1", "192.168.77.0/26"), {"n1"}),
        (bgp_filter("one", exportV4=[{"action": "Reject"}]), RACK_1),
        (bgp_peer("tor", nodeSelector="rack == '1'", peerIP="192.0.2.2", asNumber=65001), RACK_1),
        (bgp_peer("another", node="n2", peerIP="192.0.2.3", asNumber=65001), {"n2"}),
        (bgp_filter("unused", exportV4=[{"action": "Reject"}]), set()),
        (STATUS, set()),
        (pool("other", "192.0.3.0/24"), CLIENTS | REFLECTORS),
        (configuration(nodeToNodeMeshEnabled=False, asNumber=64999), CLIENTS | REFLECTORS),
        (service("web", clusterIP="10.96.0.9"), CLIENTS | REFLECTORS),
        (endpoint_slice("web-1", "web", "n1"), CLIENTS | REFLECTORS),
        (secret("bgp", {"k": "v"}), CLIENTS | REFLECTORS),
    ],
)
def test_what_a_change_concerns_in_a_cluster_with_reflectors(change: Resource, expected: set[str]) -> None:
    before = ClusterIndex(ResourceSet.of(*REFLECTED))
    after = ClusterIndex(ResourceSet.of(*REFLECTED, change), previous=before)
    found = affected(before, after, OPTIONS)
    assert found == expected
    assert differing(before, after) <= found


def test_a_secret_concerns_no_plan_that_has_its_keys_by_reference() -> None:
    before = ClusterIndex(ResourceSet.of(*REFLECTED))
    after = ClusterIndex(ResourceSet.of(*REFLECTED, secret("bgp", {"k": "v"})), previous=before)
    assert affected(before, after, BY_REFERENCE) == frozenset()


def test_a_node_that_goes_concerns_those_that_had_a_session_with_it() -> None:
    before = ClusterIndex(ResourceSet.of(*REFLECTED))
    left: list[Any] = [each for each in REFLECTED if each.name != "n8"]
    assert affected(before, ClusterIndex(ResourceSet.of(*left), previous=before), OPTIONS) == REFLECTORS


def test_a_peer_that_goes_concerns_those_that_it_was_for() -> None:
    before = ClusterIndex(ResourceSet.of(*REFLECTED))
    left: list[Any] = [each for each in REFLECTED if each.name != "tor"]
    after = ClusterIndex(ResourceSet.of(*left), previous=before)
    assert affected(before, after, OPTIONS) == differing(before, after) == RACK_1


def test_what_a_node_without_a_speaker_has_concerns_everyone() -> None:
    """Its blocks and its end of the VXLAN are in all plans."""
    ends = [node(f"n{each}", f"10.0.0.{each}", ipv4VXLANTunnelAddr=f"192.168.{each}.0") for each in range(1, 9)]
    far = node("w1", "10.0.0.99", labels=WINDOWS, ipv4VXLANTunnelAddr="192.168.99.1")
    tunnelled = [
        *(each for each in REFLECTED if each.name not in CLIENTS),
        *ends,
        pool("pool", "192.168.0.0/16", vxlanMode="Always"),
    ]
    before = ClusterIndex(ResourceSet.of(*tunnelled, far))
    with_block = [far, block("w1", "192.168.99.0/26")]
    relabelled = [*with_block, node("w1", "10.0.0.99", ipv4VXLANTunnelAddr="192.168.99.1")]
    for change in (with_block, relabelled, with_block):
        after = ClusterIndex(ResourceSet.of(*tunnelled, *change), previous=before)
        found = affected(before, after, OPTIONS)
        assert CLIENTS <= differing(before, after) <= found
        before = after


def test_an_address_that_two_nodes_have_concerns_everyone() -> None:
    """Whose it is decides which of two definitions of a third node's session agrees with the peer."""
    before = ClusterIndex(ResourceSet.of(*REFLECTED))
    after = ClusterIndex(ResourceSet.of(*REFLECTED, node("a", "10.1.0.1", asn=65009)), previous=before)
    assert affected(before, after, OPTIONS) == {"a"} | CLIENTS | REFLECTORS
