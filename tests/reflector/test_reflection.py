"""Route reflection as transcripts: who is sent what, with which attributes (RFC 4456)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from speaker_makers import Router, a_client, a_plan, a_session, an_ebgp_peer, an_origination, announce, withdraw

from reflector.addresses import pack_address, unpack_address
from reflector.verdict import RouteVerdict
from reflector.wire.nlri import pack_nlri

P = "10.1.0.0/26"
SESSIONS = {
    "client": a_client("client", "10.0.0.1"),
    "client2": a_client("client2", "10.0.0.2"),
    "peer": a_session("peer", "10.0.0.3"),
    "peer2": a_session("peer2", "10.0.0.4"),
    "external": an_ebgp_peer("external", "10.0.0.5", 65001),
    "external2": an_ebgp_peer("external2", "10.0.0.6", 65002),
}
CLUSTER = pack_address("224.0.0.1")
OTHER_CLUSTER = pack_address("224.0.0.9")


def a_reflector(**plan) -> Router:
    router = Router(a_plan(*SESSIONS.values(), **plan))
    for name in SESSIONS:
        router.up(name)
    return router


def from_peer(name: str, **fields) -> bytes:
    if name.startswith("external"):
        fields = {"local_pref": None, "as_path": (SESSIONS[name].peer_as,)} | fields
    return announce(P, **fields)


def who_knows(router: Router) -> set[str]:
    return {name for name in router.tables if P in router.advertised(name)}


ALL = set(SESSIONS)
TABLE = {
    "client": ALL,  # itself too: it drops the route by ORIGINATOR_ID
    "peer": {"client", "client2", "external", "external2"},
    "external": ALL - {"external"},
}


@pytest.mark.parametrize("source", TABLE)
def test_who_is_sent_what(source: str) -> None:
    """RFC 4456 6, with eBGP as in RFC 4271 9.2.1: the table at the top of reflection.py."""
    router = a_reflector()
    router.receive(source, from_peer(source))
    assert who_knows(router) == TABLE[source]


def test_everyone_is_sent_our_own_routes() -> None:
    router = a_reflector(originations=(an_origination(P),))
    assert who_knows(router) == ALL


def test_a_withdrawal_reaches_everyone_who_knew() -> None:
    router = a_reflector()
    router.receive("client", from_peer("client"))
    router.receive("client", withdraw(P))
    assert who_knows(router) == set()


def test_a_better_route_that_must_not_be_sent_takes_the_old_one_back() -> None:
    """A non-client is sent a client's route; when a non-client's becomes best, it is sent no route."""
    router = a_reflector()
    router.receive("client", from_peer("client"))
    router.receive("peer", from_peer("peer", local_pref=200))
    assert who_knows(router) == TABLE["peer"]


def test_two_non_clients_without_clients_hear_nothing_of_each_other() -> None:
    """The iBGP split horizon (RFC 4271 9.2.1)."""
    router = Router(a_plan(SESSIONS["peer"], SESSIONS["peer2"], cluster_id=""))
    router.up("peer")
    router.up("peer2")
    router.receive("peer", from_peer("peer"))
    assert who_knows(router) == set()


def test_originator_id_is_the_senders_router_id_and_our_cluster_stands_in_the_list() -> None:
    """RFC 4456 8."""
    router = a_reflector()
    router.receive("client", from_peer("client"))
    advertised = router.attributes("client2", P)
    assert (advertised.originator_id, advertised.cluster_list) == (pack_address("10.0.0.1"), (CLUSTER,))


def test_originator_id_is_set_once_and_the_cluster_list_grows_in_front() -> None:
    router = a_reflector()
    router.receive("peer", from_peer("peer", originator_id=pack_address("10.9.9.9"), cluster_list=(OTHER_CLUSTER,)))
    advertised = router.attributes("client", P)
    assert (advertised.originator_id, advertised.cluster_list) == (pack_address("10.9.9.9"), (CLUSTER, OTHER_CLUSTER))


def test_a_reflected_route_is_otherwise_unchanged() -> None:
    """RFC 4456 10: a reflector changes neither NEXT_HOP nor AS_PATH, LOCAL_PREF and MED."""
    router = a_reflector()
    fields = {"as_path": (65009,), "local_pref": 150, "med": 7, "next_hop": "10.7.7.7", "communities": (1, 2)}
    router.receive("client", from_peer("client", **fields))
    advertised = router.attributes("client2", P)
    received = router.engine.peers["client"].adj_rib_in[4].routes[pack_nlri(P)].received
    assert advertised.replace(originator_id=b"", cluster_list=()) is received


@pytest.mark.parametrize("source", ["external", ""])
def test_routes_of_this_node_and_of_external_peers_are_not_reflected_but_advertised(source: str) -> None:
    router = a_reflector(originations=() if source else (an_origination(P),))
    if source:
        router.receive(source, from_peer(source))
    advertised = router.attributes("client", P)
    assert (advertised.originator_id, advertised.cluster_list) == (b"", ())


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"originator_id": pack_address("10.0.0.100")}, RouteVerdict.ORIGINATOR_LOOP),
        ({"cluster_list": (OTHER_CLUSTER, CLUSTER)}, RouteVerdict.CLUSTER_LOOP),
        ({"as_path": (65001, 64512)}, RouteVerdict.AS_LOOP),
    ],
)
def test_a_route_that_has_been_here_is_dropped_with_its_reason(fields: dict, verdict: RouteVerdict) -> None:
    """RFC 4456 8, RFC 4271 9.1.2."""
    router = a_reflector()
    router.receive("client", from_peer("client"))
    router.receive("client", from_peer("client", **fields))
    path = router.engine.peers["client"].adj_rib_in[4].routes[pack_nlri(P)]
    assert (path.verdict, path.attributes) == (verdict, None)
    assert who_knows(router) == set()


def test_who_reflects_nothing_looks_at_no_cluster_list() -> None:
    router = Router(a_plan(SESSIONS["peer"], cluster_id="", router_id="10.0.0.100"))
    router.up("peer")
    router.receive("peer", from_peer("peer", cluster_list=(pack_address("10.0.0.100"),)))
    assert router.selected() == {P: "peer"}


def test_a_reflector_without_a_cluster_id_uses_its_router_id() -> None:
    """RFC 4456 7."""
    router = a_reflector(cluster_id="")
    router.receive("client", from_peer("client"))
    assert router.attributes("client2", P).cluster_list == (pack_address("10.0.0.100"),)
    router.receive("client", from_peer("client", cluster_list=(pack_address("10.0.0.100"),)))
    assert who_knows(router) == set()


EAST, WEST = "224.0.1.1", "224.0.1.2"


def a_reflector_of_two_clusters() -> Router:
    sessions = (
        a_client("east", "10.0.0.1", cluster_id=EAST),
        a_client("east2", "10.0.0.2", cluster_id=EAST),
        a_client("west", "10.0.0.3", cluster_id=WEST),
        a_client("own", "10.0.0.4"),
        a_session("peer", "10.0.0.5"),
    )
    router = Router(a_plan(*sessions))
    for session in sessions:
        router.up(session.name)
    return router


def clusters_told(router: Router) -> dict[str, list[str]]:
    return {name: [*map(unpack_address, router.attributes(name, P).cluster_list)] for name in who_knows(router)}


OWN = "224.0.0.1"
CLUSTERS_TOLD = {
    "east": {"east": [EAST], "east2": [EAST], "west": [WEST, EAST], "own": [OWN, EAST], "peer": [EAST]},
    "own": {"east": [EAST, OWN], "east2": [EAST, OWN], "west": [WEST, OWN], "own": [OWN], "peer": [OWN]},
    "peer": {"east": [EAST], "east2": [EAST], "west": [WEST], "own": [OWN]},
}


@pytest.mark.parametrize("source", CLUSTERS_TOLD)
def test_the_cluster_list_names_the_cluster_sent_and_behind_it_the_one_learned_from(source: str) -> None:
    """RFC 4456 7 and 8, with several clusters: the rule at the top of reflection.py."""
    router = a_reflector_of_two_clusters()
    router.receive(source, announce(P))
    assert clusters_told(router) == CLUSTERS_TOLD[source]


@pytest.mark.parametrize("cluster", [EAST, WEST, OWN])
@pytest.mark.parametrize("source", ["east", "peer"])
def test_a_loop_is_found_by_every_cluster_id_of_this_node(cluster: str, source: str) -> None:
    """RFC 4456 8."""
    router = a_reflector_of_two_clusters()
    router.receive(source, announce(P, cluster_list=(OTHER_CLUSTER, pack_address(cluster))))
    path = router.engine.peers[source].adj_rib_in[4].routes[pack_nlri(P)]
    assert (path.verdict, path.attributes) == (RouteVerdict.CLUSTER_LOOP, None)


def test_a_cluster_that_is_no_longer_served_is_no_loop_any_more() -> None:
    router = a_reflector_of_two_clusters()
    router.receive("peer", announce(P, cluster_list=(pack_address(WEST),)))
    assert router.selected() == {}
    sessions = tuple(session for session in router.engine.plan.sessions if session.name != "west")
    router.apply(replace(router.engine.plan, sessions=sessions))
    assert router.selected() == {P: "peer"}


def test_a_client_that_moves_to_another_cluster_is_readvertised() -> None:
    router = a_reflector_of_two_clusters()
    router.receive("east", announce(P))
    moved = tuple(
        replace(session, cluster_id=WEST) if session.name == "east2" else session
        for session in router.engine.plan.sessions
    )
    router.apply(replace(router.engine.plan, sessions=moved))
    assert clusters_told(router)["east2"] == [WEST, EAST]
    moved = tuple(replace(session, cluster_id=WEST) if session.name == "east" else session for session in moved)
    router.apply(replace(router.engine.plan, sessions=moved))
    assert clusters_told(router)["east2"] == [WEST]


def test_external_peers_are_sent_nothing_of_reflection() -> None:
    router = a_reflector()
    router.receive("client", from_peer("client", originator_id=pack_address("10.9.9.9"), cluster_list=(OTHER_CLUSTER,)))
    advertised = router.attributes("external", P)
    assert (advertised.originator_id, advertised.cluster_list) == (b"", ())


@pytest.mark.parametrize(("allowed", "selected"), [(0, {}), (1, {P: "client"})])
def test_allow_local_as_lets_our_own_as_stand_in_the_path(allowed: int, selected: dict[str, str]) -> None:
    router = Router(a_plan(a_client("client", "10.0.0.1", allow_local_as=allowed)))
    router.up("client")
    router.receive("client", announce(P, as_path=(65001, 64512)))
    assert router.selected() == selected
