"""Which sessions a node has, and with which peers."""

from __future__ import annotations

from compiler_makers import bgp_peer, compiled, configuration, node, peers, session, suppressed

from bgpctl.compiler import CompileOptions, LocalWorkload, compile_node
from bgpctl.resources.resource_set import ResourceSet
from reflector.plan import SessionKind

A, B, C = node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24"), node("c", "10.0.0.3/24")
NO_MESH = configuration(nodeToNodeMeshEnabled=False)
REFLECTOR = node("rr", "10.0.0.100/24", cluster_id="224.0.0.1", labels={"rr": "true"})
ALL_TO_REFLECTORS = bgp_peer("to-rr", nodeSelector="all()", peerSelector="rr == 'true'")


# ------------------------------------------------------------------------------------------------ mesh


def test_without_any_configuration_every_node_peers_with_every_other() -> None:
    assert peers(compiled("b", A, B, C)) == ["10.0.0.1", "10.0.0.3"]


def test_a_disabled_mesh_has_no_sessions() -> None:
    assert peers(compiled("b", A, B, C, NO_MESH)) == []


def test_of_two_mesh_nodes_the_one_with_the_smaller_address_waits() -> None:
    assert session(compiled("a", A, B), "10.0.0.2").passive is True
    assert session(compiled("b", A, B), "10.0.0.1").passive is False


def test_who_waits_is_decided_on_text_as_calico_does() -> None:
    nine, ten = node("nine", "10.0.0.9/24"), node("ten", "10.0.0.10/24")

    assert session(compiled("ten", nine, ten), "10.0.0.9").passive is True
    assert session(compiled("nine", nine, ten), "10.0.0.10").passive is False


def test_a_route_reflector_takes_no_part_in_the_mesh() -> None:
    assert peers(compiled("rr", A, B, REFLECTOR)) == []
    assert peers(compiled("a", A, B, REFLECTOR)) == ["10.0.0.2"]


def test_families_peer_separately() -> None:
    dual = node("dual", "10.0.0.4/24", "fd00::4/64")
    six = node("six", "", "fd00::6/64")

    plan = compiled("dual", A, dual, six)

    assert [(each.peer_address, each.families) for each in plan.sessions] == [("10.0.0.1", (4,)), ("fd00::6", (6,))]


def test_a_mesh_session_expects_the_peers_own_as_number_else_the_clusters() -> None:
    own, other = node("own", "10.0.0.7/24", asn=65007), node("other", "10.0.0.8/24")

    assert session(compiled("own", own, other), "10.0.0.8").peer_as == 64512
    assert session(compiled("other", own, other), "10.0.0.7").peer_as == 65007


def test_a_mesh_session_goes_to_the_port_the_peer_listens_on() -> None:
    ports = [configuration(listenPort=1790), configuration("node.b", listenPort=1791)]

    plan = compiled("a", A, B, C, *ports)

    assert [each.peer_port for each in plan.sessions] == [1791, 1790]
    assert plan.listen[0].port == 1790


# -------------------------------------------------------------------------------------------- selectors


def test_one_bgp_peer_joins_all_nodes_and_the_reflectors_from_both_ends() -> None:
    cluster = (A, B, REFLECTOR, NO_MESH, ALL_TO_REFLECTORS)

    assert peers(compiled("a", *cluster)) == ["10.0.0.100"]
    assert peers(compiled("rr", *cluster)) == ["10.0.0.1", "10.0.0.2"]


def test_sessions_of_a_selector_are_never_passive() -> None:
    cluster = (A, REFLECTOR, NO_MESH, ALL_TO_REFLECTORS)

    assert not any(each.passive for name in ("a", "rr") for each in compiled(name, *cluster).sessions)


def test_manual_reverse_peering_leaves_the_other_end_alone() -> None:
    manual = bgp_peer("to-rr", nodeSelector="all()", peerSelector="rr == 'true'", reversePeering="Manual")

    assert peers(compiled("rr", A, REFLECTOR, NO_MESH, manual)) == []


def test_the_nodes_of_a_reflector_are_its_clients_and_it_is_not_theirs() -> None:
    cluster = (A, REFLECTOR, NO_MESH, ALL_TO_REFLECTORS)

    assert session(compiled("rr", *cluster), "10.0.0.1").rr_client is True
    assert session(compiled("a", *cluster), "10.0.0.100").rr_client is False


def test_reflectors_of_one_cluster_are_not_clients_of_each_other() -> None:
    twin = node("twin", "10.0.0.101/24", cluster_id="224.0.0.1", labels={"rr": "true"})

    assert session(compiled("rr", REFLECTOR, twin, NO_MESH, ALL_TO_REFLECTORS), "10.0.0.101").rr_client is False


def test_reflectors_of_one_cluster_that_peer_by_address_are_not_clients_either() -> None:
    twin = node("twin", "10.0.0.101/24", cluster_id="224.0.0.1")
    by_address = bgp_peer("twins", node="rr", peerIP="10.0.0.101", asNumber=64512)

    assert session(compiled("rr", REFLECTOR, twin, NO_MESH, by_address), "10.0.0.101").rr_client is False


def test_a_reflector_of_another_cluster_is_a_client() -> None:
    other = node("other", "10.0.0.102/24", cluster_id="224.0.0.2", labels={"rr": "true"})

    assert session(compiled("rr", REFLECTOR, other, NO_MESH, ALL_TO_REFLECTORS), "10.0.0.102").rr_client is True


def test_an_external_ibgp_peer_of_a_reflector_is_a_client_and_an_ebgp_peer_is_not() -> None:
    internal = bgp_peer("internal", node="rr", peerIP="192.0.2.1", asNumber=64512)
    external = bgp_peer("external", node="rr", peerIP="192.0.2.2", asNumber=65001)

    plan = compiled("rr", REFLECTOR, NO_MESH, internal, external)

    assert session(plan, "192.0.2.1").rr_client is True
    assert session(plan, "192.0.2.2").rr_client is False


def test_a_selector_that_matches_no_node_makes_no_session() -> None:
    plan = compiled("a", A, B, NO_MESH, bgp_peer("none", peerSelector="has(nothing)"))

    assert (plan.sessions, plan.suppressed) == ((), ())


def test_a_node_does_not_peer_with_itself() -> None:
    assert peers(compiled("a", A, B, NO_MESH, bgp_peer("all", peerSelector="all()"))) == ["10.0.0.2"]


# ------------------------------------------------------------------------------------------ by address


def test_a_bgp_peer_without_node_and_selector_is_for_every_node() -> None:
    tor = bgp_peer("tor", peerIP="192.0.2.1", asNumber=65001)

    for name in "ab":
        found = session(compiled(name, A, B, NO_MESH, tor), "192.0.2.1")
        assert (found.kind, found.peer_as, found.defined_by) == (SessionKind.GLOBAL, 65001, "BGPPeer tor")


def test_a_bgp_peer_for_one_node_is_nothing_to_others() -> None:
    tor = bgp_peer("tor", node="a", peerIP="192.0.2.1", asNumber=65001)

    assert session(compiled("a", A, B, NO_MESH, tor), "192.0.2.1").kind is SessionKind.NODE
    assert peers(compiled("b", A, B, NO_MESH, tor)) == []


def test_a_peer_address_may_carry_a_port() -> None:
    plan = compiled(
        "a",
        node("a", "10.0.0.1/24", "fd00::1/64"),
        bgp_peer("v4", peerIP="192.0.2.1:1790", asNumber=65001),
        bgp_peer("v6", peerIP="[2001:DB8::1]:1791", asNumber=65001),
    )

    assert [(each.peer_address, each.peer_port) for each in plan.sessions] == [
        ("192.0.2.1", 1790),
        ("2001:db8::1", 1791),
    ]


def test_a_peer_address_that_is_a_nodes_makes_both_ends_peer() -> None:
    to_c = bgp_peer("to-c", node="a", peerIP="10.0.0.3", asNumber=64512)

    assert session(compiled("a", A, B, C, NO_MESH, to_c), "10.0.0.3").peer_node == "c"
    reverse = session(compiled("c", A, B, C, NO_MESH, to_c), "10.0.0.1")
    assert (reverse.kind, reverse.peer_node) == (SessionKind.NODE, "a")
    assert reverse.defined_by == "BGPPeer to-c, seen from its peer"


def test_a_peer_that_is_expected_in_another_as_is_not_the_node_with_that_address() -> None:
    to_c = bgp_peer("to-c", node="a", peerIP="10.0.0.3", asNumber=65001)

    assert session(compiled("a", A, C, NO_MESH, to_c), "10.0.0.3").peer_node == ""
    assert peers(compiled("c", A, C, NO_MESH, to_c)) == []


def test_a_peer_on_a_port_where_the_node_does_not_listen_has_no_reverse() -> None:
    elsewhere = bgp_peer("to-c", node="a", peerIP="10.0.0.3:1799", asNumber=64512)
    port = configuration("node.c", listenPort=1790)

    assert peers(compiled("c", A, C, NO_MESH, port, elsewhere)) == []


def test_a_nodes_own_listen_port_decides_whether_it_is_the_peer_that_is_meant() -> None:
    here = bgp_peer("to-c", node="a", peerIP="10.0.0.3:1790", asNumber=64512)
    ports = (configuration(nodeToNodeMeshEnabled=False, listenPort=1700), configuration("node.c", listenPort=1790))

    assert peers(compiled("c", A, C, here, *ports)) == ["10.0.0.1"]


def test_a_global_peer_by_address_waits_for_the_node_with_the_greater_address() -> None:
    to_b = bgp_peer("to-b", peerIP="10.0.0.2", asNumber=64512)

    assert session(compiled("a", A, B, C, NO_MESH, to_b), "10.0.0.2").passive is True
    assert session(compiled("c", A, B, C, NO_MESH, to_b), "10.0.0.2").passive is False
    assert session(compiled("b", A, B, C, NO_MESH, to_b), "10.0.0.1").passive is False


def test_nobody_waits_for_a_node_that_does_not_call() -> None:
    manual = bgp_peer("to-b", peerIP="10.0.0.2", asNumber=64512, reversePeering="Manual")

    assert session(compiled("a", A, B, NO_MESH, manual), "10.0.0.2").passive is False


def test_without_an_as_number_the_peer_has_that_of_its_node() -> None:
    own = node("own", "10.0.0.7/24", asn=65007)

    assert session(compiled("a", A, own, NO_MESH, bgp_peer("to", peerIP="10.0.0.7")), "10.0.0.7").peer_as == 65007


def test_a_router_without_an_as_number_is_held() -> None:
    plan = compiled("a", A, NO_MESH, bgp_peer("tor", peerIP="192.0.2.1"))

    assert peers(plan) == []
    assert suppressed(plan, "192.0.2.1").reason == "BGPPeer tor: asNumber is not set and no node has the address peerIP"


def test_the_reverse_of_a_local_as_number_expects_that_number() -> None:
    to_b = bgp_peer("to-b", node="a", peerIP="10.0.0.2", asNumber=64512, localASNumber=65009)

    assert session(compiled("a", A, B, NO_MESH, to_b), "10.0.0.2").local_as == 65009
    assert session(compiled("b", A, B, NO_MESH, to_b), "10.0.0.1").peer_as == 65009


# -------------------------------------------------------------------------------------- one per address


def test_a_global_bgp_peer_wins_over_one_for_the_node() -> None:
    plan = compiled(
        "a",
        A,
        NO_MESH,
        bgp_peer("a-node", node="a", peerIP="192.0.2.1", asNumber=65002),
        bgp_peer("z-global", peerIP="192.0.2.1", asNumber=65001),
    )

    assert session(plan, "192.0.2.1").defined_by == "BGPPeer z-global"
    assert plan.suppressed == ()


def test_of_two_bgp_peers_of_one_scope_the_first_by_name_wins() -> None:
    plan = compiled(
        "a",
        A,
        NO_MESH,
        bgp_peer("second", peerIP="192.0.2.1", asNumber=65002),
        bgp_peer("first", peerIP="192.0.2.1:179", asNumber=65001),
    )

    assert session(plan, "192.0.2.1").defined_by == "BGPPeer first"
    assert plan.suppressed == ()


def test_a_second_port_at_one_address_is_held_and_reported() -> None:
    resources = ResourceSet.of(
        A,
        NO_MESH,
        bgp_peer("one", peerIP="192.0.2.1", asNumber=65001),
        bgp_peer("two", peerIP="192.0.2.1:1790", asNumber=65001),
    )

    result = compile_node(resources, "a")

    assert session(result.plan, "192.0.2.1").peer_port == 179
    assert suppressed(result.plan, "192.0.2.1").name == "192.0.2.1 port 1790 (BGPPeer two)"
    assert [(each.resource, each.code) for each in result.problems] == [("BGPPeer/two", "session-doubled")]


def test_of_two_ports_the_one_that_the_node_listens_on_wins() -> None:
    """In whatever order they come, and on the node's own listenPort."""
    ports = configuration("node.b", listenPort=1790)
    for names in (("one", "two"), ("two", "one")):
        wrong, right = (
            bgp_peer(name, node="a", peerIP=address, asNumber=64512)
            for name, address in zip(names, ("10.0.0.2:166", "10.0.0.2"), strict=True)
        )
        plan = compiled("a", A, B, NO_MESH, ports, wrong, right)
        winner = session(plan, "10.0.0.2")
        assert (winner.peer_port, winner.defined_by) == (1790, f"BGPPeer {names[1]}")
        assert suppressed(plan, "10.0.0.2").name == f"10.0.0.2 port 166 (BGPPeer {names[0]})"


def test_of_two_as_numbers_the_nodes_own_wins() -> None:
    wrong = bgp_peer("first", peerIP="10.0.0.2", asNumber=65009)
    right = bgp_peer("second", peerIP="10.0.0.2", asNumber=64512)
    assert session(compiled("a", A, B, NO_MESH, wrong, right), "10.0.0.2").peer_as == 64512


def test_a_bgp_peer_that_cannot_come_up_leaves_the_mesh_its_session() -> None:
    plan = compiled("a", A, B, bgp_peer("to-b", node="a", peerIP="10.0.0.2:166", asNumber=64512))
    assert session(plan, "10.0.0.2").kind is SessionKind.MESH
    assert suppressed(plan, "10.0.0.2").name == "10.0.0.2 port 166 (BGPPeer to-b)"


def test_a_bgp_peer_takes_the_place_of_the_mesh_session_to_the_same_node() -> None:
    plan = compiled("a", A, B, bgp_peer("to-b", node="a", peerIP="10.0.0.2", asNumber=64512))

    assert session(plan, "10.0.0.2").kind is SessionKind.NODE
    assert "BGPPeer to-b has the session to 10.0.0.2" in suppressed(plan, "10.0.0.2").reason


def test_a_session_keeps_its_name_when_a_bgp_peer_takes_it_over_from_the_mesh() -> None:
    meshed = session(compiled("a", A, B), "10.0.0.2")
    explicit = session(compiled("a", A, B, NO_MESH, bgp_peer("to-b", peerSelector="all()")), "10.0.0.2")

    assert (meshed.kind, explicit.kind) == (SessionKind.MESH, SessionKind.GLOBAL)
    assert meshed.name == explicit.name


# ------------------------------------------------------------------------------------------- workloads


def test_workloads_are_called_from_their_side_and_have_no_source_address() -> None:
    peer = bgp_peer("pods", localWorkloadSelector="app == 'bird'", asNumber=65010)
    workload = LocalWorkload("pods", "cali123", ("10.65.0.5/32", "10.65.0.6/32", "fd00:65::5/128"))
    options = CompileOptions(local_workloads=(workload,))

    plan = compile_node(ResourceSet.of(A, NO_MESH, peer), "a", options).plan

    (found,) = plan.sessions
    assert (found.peer_address, found.kind, found.passive) == ("10.65.0.5", SessionKind.WORKLOAD, True)
    assert (found.local_address, found.peer_as) == ("", 65010)


def test_workloads_of_another_bgp_peer_are_not_its_own() -> None:
    peer = bgp_peer("pods", localWorkloadSelector="app == 'bird'", asNumber=65010)
    options = CompileOptions(local_workloads=(LocalWorkload("others", "cali123", ("10.65.0.5",)),))

    assert compile_node(ResourceSet.of(A, NO_MESH, peer), "a", options).plan.sessions == ()
