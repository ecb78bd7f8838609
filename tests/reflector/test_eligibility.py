"""What keeps a received route out of the decision process whatever the policies say: the table of eligibility.py.

Loops are in test_reflection, route leaks in test_roles."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from shown import explain
from speaker_makers import OUR_ADDRESS, OUR_AS, Router, a_client, a_plan, an_ebgp_peer, announce, some_attributes

from reflector.addresses import pack_address
from reflector.plan import Role
from reflector.verdict import RouteVerdict
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import AS_SEQUENCE, AS_SET, AsPath
from reflector.wire.message import HEADER_LENGTH
from reflector.wire.nlri import pack_nlri
from reflector.wire.update import announcements

P, P6 = "10.1.0.0/26", "fd00:1::/64"
PEER_AS = 65001


def a_router(**session) -> Router:
    """An external peer and a client that hears of what is accepted."""
    router = Router(a_plan(an_ebgp_peer("external", "10.0.0.1", PEER_AS, **session), a_client("client", "10.0.0.2")))
    router.up("external")
    router.up("client")
    return router


def verdict(router: Router, name: str = "external", prefix: str = P) -> RouteVerdict:
    family = 6 if ":" in prefix else 4
    return router.engine.peers[name].adj_rib_in[family].routes[pack_nlri(prefix)].verdict


def with_path(path: AsPath) -> bytes:
    attributes = some_attributes(local_pref=None).replace(as_path=path)
    (message,) = announcements(4, encode_attributes(attributes), attributes.next_hop, [pack_nlri(P)], 4096)
    return message[HEADER_LENGTH:]


# -------------------------------------------------------------------------------------- first AS


FIRST_AS = [
    pytest.param(((AS_SEQUENCE, (PEER_AS,)),), True, id="the peer's own"),
    pytest.param(((AS_SEQUENCE, (PEER_AS, 65009)),), True, id="the peer's, then others"),
    pytest.param(((AS_SEQUENCE, (PEER_AS,)), (AS_SET, (1, 2))), True, id="the peer's, then a set"),
    pytest.param(((AS_SEQUENCE, (65009, PEER_AS)),), False, id="another's first"),
    pytest.param(((AS_SET, (PEER_AS, 65009)),), False, id="a set has no first"),
    pytest.param((), False, id="empty"),
]


@pytest.mark.parametrize(("path", "accepted"), FIRST_AS)
def test_the_path_of_an_external_peer_begins_with_its_as(path: AsPath, accepted: bool) -> None:
    """RFC 4271 6.3, last paragraph on AS_PATH; what it costs is RFC 7606 7.2: treat as withdraw, no reset."""
    router = a_router()
    turn = router.receive("external", with_path(path))
    assert verdict(router) is (RouteVerdict.ACCEPTED if accepted else RouteVerdict.FIRST_AS)
    assert router.advertised("client") == ({P} if accepted else set())
    assert turn.closes == []


@pytest.mark.parametrize("path", [given.values[0] for given in FIRST_AS])
def test_a_route_server_leaves_its_own_as_out(path: AsPath) -> None:
    """RFC 7947 2.2.2.1: known by our role, rs-client."""
    router = a_router(role=Role.RS_CLIENT)
    router.receive("external", with_path(path))
    assert verdict(router) is RouteVerdict.ACCEPTED


def test_a_wrong_first_as_takes_the_former_route_back() -> None:
    """RFC 7606 2: treat as withdraw."""
    router = a_router()
    router.receive("external", with_path(((AS_SEQUENCE, (PEER_AS,)),)))
    assert router.advertised("client") == {P}
    router.receive("external", with_path(((AS_SEQUENCE, (65009,)),)))
    assert router.advertised("client") == set()


def test_inside_the_as_a_path_begins_with_any() -> None:
    router = a_router()
    router.receive("client", announce(P, as_path=(65009,)), announce("10.2.0.0/26"))
    assert router.selected() == {P: "client", "10.2.0.0/26": "client"}


def test_explain_says_how_the_path_begins() -> None:
    router = a_router()
    router.receive("external", with_path(((AS_SEQUENCE, (65009, 7)),)))
    (candidate,) = explain(router.engine, P).candidates
    assert (candidate.verdict, candidate.rule) == (
        "first-as",
        "the peer is AS 65001, AS_PATH begins 65009 7",
    )


# -------------------------------------------------------------------------------------- next hop


@pytest.mark.parametrize("name", ["external", "client"])
@pytest.mark.parametrize("own", [OUR_ADDRESS, "10.0.0.200"])
def test_a_next_hop_that_is_this_node_is_refused(name: str, own: str) -> None:
    """RFC 4271 6.3 a: the router ID, and the address of the session."""
    router = a_router()
    for peer in ("external", "client"):
        router.up(peer, local_address=pack_address("10.0.0.200"))
    path = (PEER_AS,) if name == "external" else ()
    router.receive(name, announce(P, next_hop=own, as_path=path), announce("10.2.0.0/26", as_path=path))
    assert verdict(router, name) is RouteVerdict.OWN_NEXT_HOP
    assert router.selected() == {"10.2.0.0/26": name}
    (candidate,) = explain(router.engine, P).candidates
    assert (candidate.verdict, candidate.rule) == ("own-next-hop", f"next hop {own}")


def test_so_is_the_address_of_another_session_of_the_plan() -> None:
    router = a_router()
    other = a_client("v6", "fd00::5", local_address="fd00::100")
    router.apply(replace(router.engine.plan, sessions=(*router.engine.plan.sessions, other)))
    router.receive("client", announce(P6, next_hop="fd00::100"))
    assert verdict(router, "client", P6) is RouteVerdict.OWN_NEXT_HOP
    router.receive("client", announce(P6, next_hop="fd00::101"))
    assert verdict(router, "client", P6) is RouteVerdict.ACCEPTED


def test_a_session_that_adds_an_address_of_ours_is_asked_about_the_routes_that_are_there() -> None:
    router = a_router()
    router.receive("client", announce(P6, next_hop="fd00::100"))
    assert router.selected(6) == {P6: "client"}
    other = a_client("v6", "fd00::5", local_address="fd00::100")
    router.apply(replace(router.engine.plan, sessions=(*router.engine.plan.sessions, other)))
    assert router.selected(6) == {}


def test_a_session_that_comes_back_over_another_address_is_judged_by_that() -> None:
    router = a_router()
    router.up("client", local_address=pack_address("10.0.0.200"))
    router.receive("client", announce(P, next_hop="10.0.0.201"))
    router.down("client", is_lost=True)
    router.up("client", local_address=pack_address("10.0.0.201"))
    router.receive("client", announce(P, next_hop="10.0.0.201"))
    assert verdict(router, "client") is RouteVerdict.OWN_NEXT_HOP


def test_a_route_that_outlives_its_session_keeps_its_verdict_under_a_new_plan() -> None:
    router = a_router()
    router.up("client", local_address=pack_address("10.0.0.200"))
    router.receive("client", announce(P, next_hop="10.0.0.200"), announce("10.2.0.0/26"))
    router.down("client", is_lost=True)
    router.apply(replace(router.engine.plan, cluster_id="224.0.0.9"))
    assert verdict(router, "client") is RouteVerdict.OWN_NEXT_HOP
    assert router.selected() == {"10.2.0.0/26": "client"}


def test_a_loop_is_named_before_anything_else() -> None:
    router = a_router()
    router.receive("external", announce(P, as_path=(65009, OUR_AS), next_hop=OUR_ADDRESS, local_pref=None))
    assert verdict(router) is RouteVerdict.AS_LOOP
