"""Sessions that a wanted plan takes: which are held, which go, and what holds only for a while."""

from __future__ import annotations

import pytest
from braked_node import BrakedNode, assert_valid
from compiler_makers import annotated, bgp_peer, block, configuration, node, pool, secret

from bgpctl.brake import Source
from bgpctl.resources.values.model import Resource

RR = {"rr": "yes"}
PODS = pool("pods", "10.244.0.0/16")
NO_MESH = configuration(nodeToNodeMeshEnabled=False, asNumber=64512)
TO_REFLECTORS = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(rr)")


def mesh(count: int) -> list[Resource]:
    return [node(f"n{place}", f"192.0.2.{place}/24") for place in range(1, count + 1)]


def reflected(labels: dict[str, str] | None = RR, cluster_id: str = "224.0.0.1") -> list[Resource]:
    """r1 and r2 reflect for n1, n2 and n3."""
    reflectors = [node(f"r{place}", f"192.0.2.{place}/24", labels=labels, cluster_id=cluster_id) for place in (1, 2)]
    nodes = [node(f"n{place}", f"192.0.2.1{place}/24") for place in (1, 2, 3)]
    return [NO_MESH, TO_REFLECTORS, PODS, *reflectors, *nodes]


R1, R2 = "192.0.2.1", "192.0.2.2"


def test_first_plan_is_never_held() -> None:
    assert BrakedNode("n1", *reflected()).held == []


def test_label_drift_holds_the_last_reflectors_of_a_node() -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.apply(*reflected(labels={}))
    assert n1.held == ["last-session"]
    assert n1.established == [R1, R2]


def test_label_drift_holds_the_clients_of_a_reflector() -> None:
    r1 = BrakedNode("r1", *reflected())
    before = r1.running
    r1.apply(*reflected(labels={}))
    assert r1.held == ["last-session", "last-session"]
    assert r1.running == before


def test_what_label_drift_does_has_one_digest_on_all_nodes() -> None:
    nodes = [BrakedNode(name, *reflected()) for name in ("n1", "n2", "r1", "r2")]
    digests = {each.apply(*reflected(labels={})).digest for each in nodes}
    assert len(digests) == 1


def test_a_loss_names_the_object_that_does_it() -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.apply(*reflected(labels={}))
    (change,) = n1.changes
    assert [str(each) for each in change.causes] == [
        f"Node {name}: peerSelector 'has(rr)' of BGPPeer to-reflectors does not select it" for name in ("r1", "r2")
    ]
    assert change.sentence == "no session to a reflector, to the mesh or to another node is left for IPv4 (r1, r2)"


def test_resources_put_right_end_it_without_any_difference() -> None:
    n1 = BrakedNode("n1", *reflected())
    before = n1.running
    n1.apply(*reflected(labels={}))
    n1.apply(*reflected())
    assert n1.held == []
    assert n1.running == before


def test_one_label_of_two_is_followed_for_the_other_reflector_lives() -> None:
    n1 = BrakedNode("n1", *reflected())
    one = [*reflected()[:3], node("r1", f"{R1}/24", cluster_id="224.0.0.1"), *reflected()[4:]]
    n1.apply(*one)
    assert n1.held == []
    assert n1.established == [R2]


def test_second_label_a_minute_later_is_held() -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.apply(*reflected()[:3], node("r1", f"{R1}/24", cluster_id="224.0.0.1"), *reflected()[4:])
    n1.wait(60)
    n1.apply(*reflected(labels={}))
    assert n1.held == ["last-session"]
    assert n1.established == [R2]


def test_partner_that_is_down_is_no_live_partner() -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.down = {R2}
    n1.apply(*reflected()[:3], node("r1", f"{R1}/24", cluster_id="224.0.0.1"), *reflected()[4:])
    assert n1.held == ["last-session"]
    n1.down = set()
    n1.wait(2)
    assert n1.held == []
    assert n1.established == [R2]


def test_selector_that_is_emptied_is_held() -> None:
    n1 = BrakedNode("n1", *reflected())
    emptied = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(typo)")
    n1.apply(NO_MESH, emptied, *reflected()[2:])
    assert n1.held == ["last-session"]


def test_deleted_bgp_peer_is_held() -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.apply(NO_MESH, *reflected()[2:])
    assert n1.held == ["last-session"]
    assert [str(each) for each in n1.changes[0].causes] == ["BGPPeer to-reflectors: it is missing"]


def test_new_block_is_advertised_while_the_sessions_are_held() -> None:
    n1 = BrakedNode("n1", *reflected(), block("n1", "10.244.1.0/26"))
    n1.apply(*reflected(labels={}), block("n1", "10.244.1.0/26"), block("n1", "10.244.7.0/26"))
    assert n1.held == ["last-session"]
    assert n1.prefixes == ["10.244.1.0/26", "10.244.7.0/26"]
    assert n1.running is not None
    (exports,) = n1.running.policies
    assert "block 10.244.7.0/26" in {rule.defined_by for rule in exports.rules}
    assert_valid(n1.running)


def test_removed_cluster_id_takes_the_clients_of_a_reflector_though_sessions_stay() -> None:
    r1 = BrakedNode("r1", *reflected())
    r1.apply(*reflected(cluster_id=""))
    assert "last-session" in r1.held
    assert r1.running is not None
    assert r1.running.cluster_id == "224.0.0.1"
    assert all(each.rr_client for each in r1.running.sessions if each.peer_node.startswith("n"))


def below(cluster_id: str) -> list[Resource]:
    """n1 is a client of r1 and r2, and reflects for n2 and n3 as its own cluster."""
    to_n1 = bgp_peer("to-n1", nodeSelector="has(below)", peerSelector="has(middle)")
    to_reflectors = bgp_peer("to-reflectors", nodeSelector="has(middle) || has(rr)", peerSelector="has(rr)")
    n1 = node("n1", "192.0.2.11/24", labels={"middle": "yes"}, cluster_id=cluster_id)
    others = [node(f"n{place}", f"192.0.2.1{place}/24", labels={"below": "yes"}) for place in (2, 3)]
    return [NO_MESH, to_n1, to_reflectors, *reflected()[3:5], n1, *others]


def test_cluster_id_of_its_reflectors_on_a_node_with_clients_is_held() -> None:
    n1 = BrakedNode("n1", *below("224.0.0.7"))
    n1.apply(*below("224.0.0.1"))
    assert n1.held == ["last-session"]
    assert n1.running is not None
    assert n1.running.cluster_id == "224.0.0.7"
    assert "it would reject its routes" in str(n1.changes[0].causes[0])


def test_cluster_id_of_its_reflectors_on_a_node_without_clients_is_followed() -> None:
    """It uses what they reflect."""
    n1 = BrakedNode("n1", *reflected())
    wrong = node("n1", "192.0.2.11/24", cluster_id="224.0.0.1")
    n1.apply(*reflected()[:5], wrong, *reflected()[6:])
    assert n1.held == []


def test_cluster_id_on_all_nodes_takes_the_clients_of_the_reflectors() -> None:
    wrong = [node(f"n{place}", f"192.0.2.1{place}/24", cluster_id="224.0.0.1") for place in (1, 2, 3)]
    blocks = [block(f"n{place}", f"10.244.{place}.0/26") for place in (1, 2, 3)]
    r1 = BrakedNode("r1", *reflected(), *blocks)
    before = r1.running
    r1.apply(*reflected()[:5], *wrong, *blocks)
    assert r1.held[0] == "last-session"
    assert r1.running == before
    assert r1.changes[0].sentence == "no session to a client of this reflector is left for IPv4 (n1, n2, n3)"
    assert "makes it no client of r1" in str(r1.changes[0].causes[0])


def test_reflector_that_loses_its_label_lets_its_clients_go_to_the_other_one() -> None:
    """With its cluster ID still there it uses what the other one reflects."""
    one = [*reflected()[:3], node("r1", f"{R1}/24", cluster_id="224.0.0.1"), *reflected()[4:]]
    r1 = BrakedNode("r1", *reflected())
    r1.apply(*one)
    assert (r1.held, r1.established) == ([], [R2])
    r1 = BrakedNode("r1", *reflected())
    r1.down = {R2}
    r1.apply(*one)
    assert r1.held[0] == "last-session"


def test_cluster_id_of_another_cluster_is_no_loss() -> None:
    r1 = BrakedNode("r1", *reflected())
    r1.apply(*reflected(cluster_id="224.0.0.9"))
    assert r1.held == []


@pytest.mark.parametrize("name", ["n1", "r1"])
def test_wrong_as_of_the_whole_cluster_is_held(name: str) -> None:
    one = BrakedNode(name, *reflected())
    before = one.running
    one.apply(configuration(nodeToNodeMeshEnabled=False, asNumber=64513), *reflected()[1:])
    assert "last-session" in one.held
    assert one.running == before


def test_wrong_as_has_one_digest_on_all_nodes() -> None:
    nodes = [BrakedNode(name, *reflected()) for name in ("n1", "n2", "r1", "r2")]
    wrong = configuration(nodeToNodeMeshEnabled=False, asNumber=64513)
    assert len({each.apply(wrong, *reflected()[1:]).digest for each in nodes}) == 1


def test_node_whose_peers_have_followed_its_new_as_follows_after_a_minute() -> None:
    """To each of its peers it is one session of several: they expect the new AS, and the old one helps no peer."""
    renumbered = node("n1", "192.0.2.11/24", asn=64599)
    wanted = [*reflected()[:5], renumbered, *reflected()[6:]]
    r1, n1 = BrakedNode("r1", *reflected()), BrakedNode("n1", *reflected())
    assert not r1.apply(*wanted).is_held
    n1.apply(*wanted)
    assert n1.held == ["last-session"]
    n1.down = {R1, R2}
    n1.wait(30)
    assert n1.held == ["last-session"]
    n1.wait(40)
    assert n1.held == []
    assert n1.running is not None
    assert {each.local_as for each in n1.running.sessions} == {64599}


def test_sessions_whose_other_ends_hold_as_well_are_held_for_good() -> None:
    n1 = BrakedNode("n1", *reflected())
    wrong = configuration(nodeToNodeMeshEnabled=False, asNumber=64513)
    n1.apply(wrong, *reflected()[1:])
    for _ in range(30):
        n1.wait(60)
        assert n1.held == ["last-session"]


def test_half_of_the_mesh_may_go() -> None:
    n1 = BrakedNode("n1", *mesh(5))
    n1.apply(*mesh(3))
    assert n1.held == []
    assert len(n1.established) == 2


def test_more_than_half_of_the_mesh_is_held() -> None:
    n1 = BrakedNode("n1", *mesh(6))
    n1.apply(*mesh(3))
    assert n1.held == ["sessions"]
    assert len(n1.established) == 5


def test_small_steps_within_ten_minutes_count_together() -> None:
    n1 = BrakedNode("n1", *mesh(9))
    for left in (8, 7, 6, 5):
        n1.apply(*mesh(left))
        n1.wait(60)
        assert n1.held == []
    n1.apply(*mesh(4))
    assert n1.held == ["nodes"]
    assert len(n1.established) == 4


def test_small_steps_over_a_longer_time_are_followed() -> None:
    n1 = BrakedNode("n1", *mesh(9))
    for left in range(8, 1, -1):
        n1.wait(700)
        n1.apply(*mesh(left))
        assert n1.held == []


def test_waiting_is_no_way_around_a_limit() -> None:
    n1 = BrakedNode("n1", *mesh(6))
    n1.apply(*mesh(5))
    n1.apply(*mesh(4))
    n1.apply(*mesh(3))
    assert n1.held
    for _ in range(30):
        n1.wait(60)
        assert n1.held


def test_session_down_for_longer_than_ten_minutes_is_no_loss() -> None:
    n1 = BrakedNode("n1", *mesh(6))
    n1.down = {"192.0.2.4", "192.0.2.5", "192.0.2.6"}
    n1.wait(601)
    n1.apply(*mesh(3))
    assert n1.held == []


def test_held_session_that_dies_is_let_go_after_ten_minutes() -> None:
    n1 = BrakedNode("n1", *mesh(6))
    n1.apply(*mesh(3))
    n1.down = {"192.0.2.4", "192.0.2.5", "192.0.2.6"}
    n1.wait(500)
    assert n1.held
    n1.wait(200)
    assert n1.held == []
    assert n1.established == ["192.0.2.2", "192.0.2.3"]


def test_most_nodes_missing_is_held_and_named() -> None:
    r1 = BrakedNode("r1", *reflected())
    r1.apply(*reflected()[:5])
    assert r1.held[0] == "nodes"
    assert len(r1.established) == 4
    assert r1.changes[0].sentence == "3 of 5 Nodes are missing (n1, n2, n3)"


def test_own_node_missing_is_held() -> None:
    n1 = BrakedNode("n1", *reflected())
    before = n1.running
    n1.apply(*reflected()[:5], *reflected()[6:])
    assert n1.held == ["own-node"]
    assert n1.running == before
    assert [str(each) for each in n1.changes[0].causes] == ["Node n1: it is missing"]


def test_own_node_that_is_confirmed_to_be_gone_leaves_nothing() -> None:
    n1 = BrakedNode("n1", *reflected(), block("n1", "10.244.1.0/26"))
    gone = [*reflected()[:5], *reflected()[6:]]
    digest = n1.apply(*gone).digest
    n1.apply(*gone, confirmed=[digest])
    assert (n1.held, n1.established, n1.prefixes) == ([], [], [])
    n1.wait(10)
    assert n1.held == []


def test_own_address_removed_is_held_with_the_router_id() -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.apply(*reflected()[:5], node("n1"), *reflected()[6:])
    assert n1.held[0] == "last-session"
    assert n1.running is not None
    assert n1.running.router_id == "192.0.2.11"
    assert n1.running.listen


def test_one_family_of_two_is_held_and_the_other_goes_on() -> None:
    def both(place: int, ipv6: str = "") -> Resource:
        return node(f"n{place}", f"192.0.2.{place}/24", ipv6)

    before = [both(place, f"2001:db8::{place}/64") for place in (1, 2, 3)]
    n1 = BrakedNode("n1", *before)
    n1.apply(before[0], both(2), both(3))
    assert n1.held == ["last-session"]
    assert "IPv6" in n1.changes[0].sentence
    assert n1.established == ["192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::3"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"password": {"secretKeyRef": {"name": "bgp", "key": "key"}}}, {}, id="password removed"),
        pytest.param({}, {"password": {"secretKeyRef": {"name": "bgp", "key": "key"}}}, id="password added"),
        pytest.param({}, {"password": {"secretKeyRef": {"name": "none", "key": "key"}}}, id="password missing"),
        pytest.param({}, {"localASNumber": 65009}, id="local AS"),
        pytest.param({}, {"asNumber": 65009}, id="peer AS"),
        pytest.param({}, {"peerIP": "192.0.2.254"}, id="peer address"),
        pytest.param({}, {"peerIP": "192.0.2.253:1179"}, id="port of a router outside"),
        pytest.param({}, {"ttlSecurity": 1}, id="TTL security of a router outside"),
    ],
)
def test_only_router_outside_that_need_not_come_back_is_held(
    before: dict[str, object], after: dict[str, object]
) -> None:
    def resources(**fields: object) -> list[Resource]:
        tor = bgp_peer("tor", **{"peerIP": "192.0.2.253", "asNumber": 65001, **fields})
        return [NO_MESH, node("n1", "192.0.2.11/24"), tor, secret("bgp", {"key": "k"})]

    n1 = BrakedNode("n1", *resources(**before))
    n1.apply(*resources(**after))
    assert n1.held == ["last-session"]
    assert "192.0.2.253" in n1.established
    n1.wait(2)
    assert n1.held == ["last-session"]


@pytest.mark.parametrize(
    "annotation", [{"hold_time": "30s"}, {"add_path": "2"}, {"long_lived_stale_time": "1h"}, {"families": "ipv4,ipv6"}]
)
def test_reset_that_comes_back_is_no_loss(annotation: dict[str, str]) -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.apply(annotated(NO_MESH, **annotation), *reflected()[1:])
    assert n1.held == []


def test_password_that_becomes_another_one_is_no_loss() -> None:
    def resources(key: str) -> list[Resource]:
        wanted = {"secretKeyRef": {"name": "bgp", "key": "key"}}
        peer = bgp_peer("to-reflectors", nodeSelector="all()", peerSelector="has(rr)", password=wanted)
        return [NO_MESH, peer, *reflected()[2:], secret("bgp", {"key": key})]

    n1 = BrakedNode("n1", *resources("one"))
    n1.apply(*resources("other"))
    assert n1.held == []


def test_mesh_goes_when_the_reflectors_that_replace_it_are_established() -> None:
    def resources(*, meshed: bool, reflecting: bool) -> list[Resource]:
        reflector = node("r1", f"{R1}/24", labels=RR, cluster_id="224.0.0.1" if reflecting else "")
        nodes = [node(f"n{place}", f"192.0.2.1{place}/24") for place in (1, 2, 3)]
        peers = [TO_REFLECTORS] if reflecting else []
        return [configuration(nodeToNodeMeshEnabled=meshed), *peers, reflector, *nodes]

    n1 = BrakedNode("n1", *resources(meshed=True, reflecting=False))
    n1.sources = tuple(Source(4, frozenset({name}), 1) for name in n1.established if name != R1)
    n1.down = {R1}
    n1.apply(*resources(meshed=False, reflecting=True))
    assert "last-session" in n1.held
    assert n1.established == ["192.0.2.12", "192.0.2.13"]
    n1.down = set()
    n1.wait(2)
    assert n1.held, "what the mesh's peers advertise has no other source yet"
    n1.sources = tuple(Source(4, frozenset({name, R1}), 1) for name in ("192.0.2.12", "192.0.2.13"))
    n1.wait(2)
    assert n1.held == []
    assert n1.established == [R1]


def test_mesh_is_held_where_a_node_is_not_reached_by_the_reflectors() -> None:
    """n3 is no client of the reflector: without the mesh it is alone."""
    reflector = node("r1", f"{R1}/24", labels=RR, cluster_id="224.0.0.1")
    nodes = [node(f"n{place}", f"192.0.2.1{place}/24", labels={"n": str(place)}) for place in (1, 2, 3)]
    peer = bgp_peer("to-reflectors", nodeSelector="n != '3'", peerSelector="has(rr)")
    n1 = BrakedNode("n1", configuration(nodeToNodeMeshEnabled=True), peer, reflector, *nodes)
    n1.sources = ()
    n1.apply(configuration(nodeToNodeMeshEnabled=False), peer, reflector, *nodes)
    assert n1.held == ["sessions"]


def test_only_source_of_most_routes_is_held_though_a_partner_lives() -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.sources = (Source(4, frozenset({R1}), 90), Source(4, frozenset({R2}), 10))
    n1.apply(*reflected()[:3], node("r1", f"{R1}/24", cluster_id="224.0.0.1"), *reflected()[4:])
    assert n1.held == ["routes"]
    assert "90 of 100 learned IPv4 routes have no other source" in n1.changes[0].sentence


def test_routes_of_both_are_no_loss_of_one() -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.sources = (Source(4, frozenset({R1, R2}), 90), Source(4, frozenset({R1}), 10))
    n1.apply(*reflected()[:3], node("r1", f"{R1}/24", cluster_id="224.0.0.1"), *reflected()[4:])
    assert n1.held == []


def test_workload_session_ends_with_its_pod() -> None:
    from bgpctl.compiler import LocalWorkload

    peer = bgp_peer("pods", localWorkloadSelector="all()", asNumber=65100)
    n1 = BrakedNode("n1", NO_MESH, peer, node("n1", "192.0.2.11/24"))
    n1.options = type(n1.options)(local_workloads=(LocalWorkload("pods", "cali1", ("10.244.1.2",)),))
    n1.wait(1)
    assert n1.established == ["10.244.1.2"]
    n1.options = type(n1.options)()
    n1.wait(1)
    assert (n1.held, n1.established) == ([], [])


def test_drained_node_is_never_held() -> None:
    n1 = BrakedNode("n1", *reflected())
    n1.draining = True
    n1.apply(*reflected(labels={}))
    assert (n1.held, n1.established) == ([], [])


def test_limits_are_settings() -> None:
    n1 = BrakedNode("n1", *mesh(6))
    n1.apply(annotated(configuration(), lost_sessions_limit="off", lost_nodes_limit="off"), *mesh(3))
    assert n1.held == []
    n1 = BrakedNode("n1", *mesh(6))
    n1.apply(annotated(configuration(), lost_sessions_limit="20%"), *mesh(4))
    assert n1.held == ["sessions"]
    n1 = BrakedNode("n1", *reflected())
    n1.apply(annotated(NO_MESH, last_session_held="false", lost_sessions_limit="off"), *reflected(labels={})[1:])
    assert n1.held == []


def test_node_that_gets_another_address_is_let_go_when_the_new_session_is_established() -> None:
    n1 = BrakedNode("n1", *mesh(2))
    n1.down = {"192.0.2.9"}
    n1.apply(mesh(1)[0], node("n2", "192.0.2.9/24"))
    assert (n1.held, n1.established) == (["last-session"], ["192.0.2.2"])
    n1.down = set()
    n1.wait(2)
    assert (n1.held, n1.established) == ([], ["192.0.2.9"])


def test_address_that_the_machine_has_lost_takes_its_sessions_with_it() -> None:
    n1 = BrakedNode("n1", *mesh(3))
    n1.absent = frozenset({"192.0.2.1"})
    n1.apply(node("n1", "192.0.2.8/24"), *mesh(3)[1:])
    assert n1.held == []
    assert n1.running is not None
    assert {each.local_address for each in n1.running.sessions} == {"192.0.2.8"}
