"""What holds for every cluster: order does not matter, and both ends of a session come to the same answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compiler_makers import bgp_peer, block, configuration, node, pool
from hypothesis import given, settings
from hypothesis import strategies as st

from bgpctl.compiler import ClusterIndex, compile_cluster, compile_node
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.plan import NodePlan, SessionPlan, encode_plan

SELECTORS = ["all()", "has(rr)", "!has(rr)", "rack == '1'", "rack == '2'", "has(nothing)"]


@st.composite
def clusters(draw: st.DrawFn) -> list[Resource]:
    """Up to six nodes, dual stack or not, some reflectors, some with an AS number or a port of their own, a mesh or
    not, and BGPPeers that join them by selector or by address."""
    resources: list[Resource] = []
    count = draw(st.integers(1, 6))
    for number in range(1, count + 1):
        name = f"node-{number}"
        reflector = draw(st.booleans())
        labels = {"rack": draw(st.sampled_from("12"))} | ({"rr": ""} if reflector else {})
        resources.append(
            node(
                name,
                draw(st.sampled_from(["", f"10.0.0.{number * 5}/24"])),
                draw(st.sampled_from(["", f"fd00::{number * 5:x}/64"])),
                cluster_id=draw(st.sampled_from(["224.0.0.1", "224.0.0.2"])) if reflector else "",
                asn=draw(st.sampled_from([None, None, 65001, 65002])),
                labels=labels,
            )
        )
        if draw(st.booleans()):
            resources.append(configuration(f"node.{name}", listenPort=draw(st.sampled_from([1790, 1791]))))
        resources.append(block(name, f"192.168.{number}.0/26"))
    resources.append(
        configuration(nodeToNodeMeshEnabled=draw(st.booleans()), listenPort=draw(st.sampled_from([None, 178])))
    )
    resources.append(pool("pool", "192.168.0.0/16"))
    for number in range(draw(st.integers(0, 3))):
        scope: dict[str, Any] = draw(
            st.sampled_from([{}, {"node": f"node-{draw(st.integers(1, count))}"}])
            | st.sampled_from(SELECTORS).map(lambda text: {"nodeSelector": text})
        )
        addresses = [f"10.0.0.{each * 5}" for each in range(1, count + 1)]
        peer: dict[str, Any] = draw(
            st.sampled_from(SELECTORS).map(lambda text: {"peerSelector": text})
            | st.sampled_from(addresses).map(lambda text: {"peerIP": text})
        )
        resources.append(bgp_peer(f"peer-{number}", **scope, **peer))
    return resources


@given(clusters(), st.randoms())
@settings(max_examples=60, deadline=None)
def test_plans_are_the_same_bytes_whatever_the_order_of_resources(resources: list[Resource], random: Any) -> None:
    shuffled = list(resources)
    random.shuffle(shuffled)

    first, second = (
        [(encode_plan(each.plan), each.problems) for each in compile_cluster(ResourceSet.of(*order))]
        for order in (resources, shuffled)
    )

    assert first == second


@given(clusters())
@settings(max_examples=150, deadline=None)
def test_both_ends_of_a_session_between_nodes_agree(resources: list[Resource]) -> None:
    plans = {each.plan.node: each.plan for each in compile_cluster(ResourceSet.of(*resources))}

    for plan in plans.values():
        for here in plan.sessions:
            there = _other_end(plans, here)
            assert (here.local_address, here.peer_address) == (there.peer_address, there.local_address)
            assert (here.local_as, here.peer_as) == (there.peer_as, there.local_as)
            assert here.peer_port == plans[here.peer_node].listen[0].port
            assert not (here.passive and there.passive), "no end connects"
            assert not (here.rr_client and there.rr_client and plan.cluster_id == plans[here.peer_node].cluster_id)


def _other_end(plans: dict[str, NodePlan], here: SessionPlan) -> SessionPlan:
    (there,) = (each for each in plans[here.peer_node].sessions if each.peer_address == here.local_address)
    return there


@given(clusters())
@settings(max_examples=40, deadline=None)
def test_no_plan_has_two_sessions_to_one_address_or_two_names_alike(resources: list[Resource]) -> None:
    for each in compile_cluster(ResourceSet.of(*resources)):
        addresses = [session.peer_address for session in each.plan.sessions]
        names = [session.name for session in each.plan.sessions] + [session.name for session in each.plan.suppressed]
        assert len(set(addresses)) == len(addresses)
        assert len(set(names)) == len(names)


@given(clusters(), st.data())
@settings(max_examples=80, deadline=None)
def test_an_index_that_took_over_from_an_older_one_gives_the_same_plans(
    resources: list[Resource], data: st.DataObject
) -> None:
    old = ResourceSet.of(*resources)
    before = ClusterIndex(old)
    for name in old.nodes:
        compile_node(old, name, index=before)
    changed = [each for each in data.draw(clusters()) if data.draw(st.booleans())]
    new = ResourceSet.of(*resources, *changed)
    if data.draw(st.booleans()) and len(new.nodes) > 1:
        new = replace(new, nodes=dict(list(new.nodes.items())[1:]))
    after = ClusterIndex(new, previous=before)

    for name in new.nodes:
        assert compile_node(new, name, index=after) == compile_node(new, name)


def test_an_index_that_took_over_sees_a_node_that_lost_its_label() -> None:
    a, rr = node("a", "10.0.0.1/24"), node("rr", "10.0.0.9/24", labels={"rr": ""})
    join = bgp_peer("join", nodeSelector="!has(rr)", peerSelector="has(rr)")
    old = ResourceSet.of(configuration(nodeToNodeMeshEnabled=False), a, rr, join)
    before = ClusterIndex(old)
    assert len(compile_node(old, "a", index=before).plan.sessions) == 1

    new = old.with_resource(node("rr", "10.0.0.9/24"))

    assert compile_node(new, "a", index=ClusterIndex(new, before)).plan.sessions == ()
