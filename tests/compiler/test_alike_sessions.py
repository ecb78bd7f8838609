"""Sessions that are alike are worked out once, and are what each would be by itself."""

from __future__ import annotations

from compiler_makers import annotated, bgp_peer, configuration, node
from hypothesis import given, settings
from test_compiler_laws import clusters

import bgpctl.compiler.sessions.alike as subject
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.findings import Findings
from bgpctl.compiler.sessions.find_peerings import find_peerings
from bgpctl.compiler.sessions.session import SessionContext, plan_session
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

OPTIONS = CompileOptions()
CLIENTS = bgp_peer("clients", nodeSelector="!has(rr)", peerSelector="has(rr)")
REFLECTORS = [node(f"rr{number}", f"10.1.0.{number}", cluster_id="224.0.0.1", labels={"rr": ""}) for number in (1, 2)]


def context_of(node_name: str, *resources: Resource) -> SessionContext:
    found = ResourceSet.of(*resources)
    return SessionContext(ClusterIndex(found), node_name, OPTIONS, Findings(found))


def check(context: SessionContext) -> int:
    """That each is what it would be by itself. How many were made of another one."""
    alike = subject.AlikeSessions(context)
    wanted = find_peerings(context.index, context.node, context.options).wanted
    for peering in wanted:
        assert alike.plan(peering) == plan_session(context, peering)
    return len(wanted) - len(alike.first)


@given(clusters())
@settings(max_examples=100, deadline=None)
def test_a_session_is_what_it_would_be_by_itself(resources: list[Resource]) -> None:
    context = context_of("node-1", *resources)
    for name in context.index.nodes:
        check(SessionContext(context.index, name, OPTIONS, context.findings))


def test_of_a_reflector_all_but_the_first_client_are_made_of_it() -> None:
    clients = [node(f"n{number}", f"10.0.0.{number}") for number in range(1, 101)]
    context = context_of("rr1", configuration(nodeToNodeMeshEnabled=False), CLIENTS, *REFLECTORS, *clients)
    assert check(context) == 99


def test_a_client_that_differs_is_none_of_them() -> None:
    """In its AS number, in its port, or in what defines its session."""
    resources = [
        configuration(nodeToNodeMeshEnabled=False),
        configuration("node.n3", listenPort=1790),
        annotated(bgp_peer("to-n4", node="rr1", peerIP="10.0.0.4", asNumber=64512), hold_time="30s"),
        CLIENTS,
        *REFLECTORS,
        *(node(f"n{number}", f"10.0.0.{number}", asn=65001 if number == 2 else None) for number in range(1, 7)),
    ]
    assert check(context_of("rr1", *resources)) == 2


def test_a_router_and_a_node_are_not_alike() -> None:
    """Of one BGPPeer each: what is kept of a node's routes is kept longer."""
    resources = [
        configuration(nodeToNodeMeshEnabled=False),
        node("a", "10.0.0.1"),
        node("b", "10.0.0.2"),
        bgp_peer("all", peerIP="10.0.0.2", asNumber=64512),
        bgp_peer("outside", peerIP="192.0.2.1", asNumber=64512),
    ]
    assert check(context_of("a", *resources)) == 0
