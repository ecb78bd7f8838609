"""Graceful shutdown: received routes that are to be avoided, and a node that drains (RFC 8326)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from shown import explain
from speaker_makers import (
    OUR_ADDRESS,
    Router,
    a_client,
    a_plan,
    a_session,
    an_ebgp_peer,
    an_origination,
    announce,
    communities,
    withdraw,
)

from reflector.addresses import pack_address
from reflector.drain import Stage
from reflector.plan import (
    AddCommunity,
    Match,
    NextHopMode,
    Policy,
    PolicyRule,
    RemoveCommunity,
    SetLocalPref,
    Verdict,
)
from reflector.wire.attributes import GRACEFUL_SHUTDOWN

P, OTHER, OWN = "10.1.0.0/26", "10.2.0.0/26", "10.3.0.0/26"
SHUTDOWN = (GRACEFUL_SHUTDOWN,)


# -------------------------------------------------------------------------------------- received


def a_border(*rules: PolicyRule) -> Router:
    """Two external peers, the first with these import rules, and a client."""
    sessions = (
        an_ebgp_peer("first", "10.0.0.1", 65001, import_policies=("in",)),
        an_ebgp_peer("second", "10.0.0.2", 65002),
        a_client("client", "10.0.0.3"),
    )
    router = Router(a_plan(*sessions, policies=(Policy("in", rules),)))
    for session in sessions:
        router.up(session.name)
    router.receive("second", announce(P, as_path=(65002, 1, 2), local_pref=None))
    return router


def from_first(*texts: str) -> bytes:
    return announce(P, as_path=(65001,), local_pref=None, communities=communities(*texts))


def test_a_route_that_will_go_away_is_used_only_if_there_is_no_other() -> None:
    """RFC 8326 4.1."""
    router = a_border()
    router.receive("first", from_first())
    assert router.selected() == {P: "first"}
    router.receive("first", from_first("65535:0"))
    assert router.selected() == {P: "second"}
    router.receive("second", withdraw(P))
    assert router.selected() == {P: "first"}
    advertised = router.attributes("client", P)
    assert (advertised.local_pref, advertised.communities) == (0, SHUTDOWN)


def test_no_policy_brings_it_back_by_local_pref() -> None:
    router = a_border(PolicyRule(Verdict.ACCEPT, operations=(SetLocalPref(500),)))
    router.receive("first", from_first())
    assert router.selected() == {P: "first"}
    router.receive("first", from_first("65535:0"))
    assert router.selected() == {P: "second"}


def test_a_policy_may_match_it_and_not_honour_it() -> None:
    forgive = PolicyRule(Verdict.ACCEPT, Match(community="65535:0"), operations=(RemoveCommunity("65535:0"),))
    router = a_border(forgive)
    router.receive("first", from_first("65535:0"))
    assert router.selected() == {P: "first"}
    assert router.attributes("client", P).local_pref == 100


def test_a_policy_may_drain_a_neighbour_that_does_not_know_of_it() -> None:
    router = a_border(PolicyRule(Verdict.ACCEPT, operations=(AddCommunity("65535:0"),)))
    router.receive("first", from_first())
    assert router.selected() == {P: "second"}


def test_inside_the_as_the_local_pref_says_it_all() -> None:
    """RFC 8326 4.1: the border has lowered it; a reflector changes neither."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a")
    router.up("b")
    router.receive("a", announce(P, communities=SHUTDOWN, local_pref=150))
    assert router.attributes("b", P).local_pref == 150


def test_explain_says_why_the_local_pref_is_zero() -> None:
    router = a_border()
    router.receive("first", from_first("65535:0"))
    candidates = {each.peer: each for each in explain(router.engine, P).candidates}
    assert candidates["first"].verdict == "lost-local-pref"
    assert candidates["first"].rule == "accepted by default; GRACEFUL_SHUTDOWN: LOCAL_PREF 0 (RFC 8326)"


# ---------------------------------------------------------------------------------------- drain


SESSIONS = (
    a_client("client", "10.0.0.1"),
    a_client("self", "10.0.0.2", next_hop_mode=NextHopMode.SELF),
    a_session("peer", "10.0.0.3"),
    an_ebgp_peer("external", "10.0.0.4", 65001),
    an_ebgp_peer("other", "10.0.0.5", 65002, next_hop_mode=NextHopMode.KEEP),
)


@pytest.fixture
def router() -> Router:
    """A reflector that originates OWN, and has P from a client and OTHER from an external peer."""
    router = Router(a_plan(*SESSIONS, originations=(an_origination(OWN),)))
    for session in SESSIONS:
        router.up(session.name)
    router.receive("client", announce(P, next_hop="10.0.0.1"))
    router.receive("external", announce(OTHER, as_path=(65001,), next_hop="10.0.0.4", local_pref=None))
    return router


def drain(router: Router, on: bool) -> None:
    lead(router, Stage.MARKED if on else Stage.IN_USE)


def lead(router: Router, stage: Stage) -> None:
    router.engine.drain(stage, "", router.now)
    turn = router.turn()
    assert turn.closes == []


def advertised(router: Router) -> dict[str, dict[str, object]]:
    return {name: dict(table.routes) for name, table in router.tables.items()}


def is_marked(router: Router, name: str, prefix: str) -> bool:
    """Fails for half a mark."""
    attributes = router.attributes(name, prefix)
    has_community = GRACEFUL_SHUTDOWN in attributes.communities
    if attributes.local_pref is not None:
        assert (attributes.local_pref == 0) is has_community
    return has_community


def test_a_draining_node_marks_what_draws_traffic_to_it(router: Router) -> None:
    """RFC 8326 4.2: the table at the top of graceful_shutdown.py."""
    drain(router, on=True)
    assert router.engine.drain_state.is_draining
    marks = {
        (name, prefix): is_marked(router, name, prefix) for name in router.tables for prefix in router.advertised(name)
    }
    reflected_as_it_is = {("client", P), ("peer", P)}
    assert {key for key, marked in marks.items() if not marked} == reflected_as_it_is
    assert {name for name, prefix in marks if prefix == P} == {"client", "self", "peer", "external", "other"}
    assert {name for name, prefix in marks if prefix == OTHER} == {"client", "self", "peer", "other"}


def test_external_peers_get_the_community_and_no_local_pref(router: Router) -> None:
    drain(router, on=True)
    attributes = router.attributes("external", P)
    assert (attributes.communities, attributes.local_pref) == (SHUTDOWN, None)
    assert attributes.next_hop == pack_address(OUR_ADDRESS)


def test_a_reflected_route_is_not_even_readvertised(router: Router) -> None:
    before = [route for name in ("client", "peer") for route in [router.attributes(name, P)]]
    octets = len(router.tables["client"].octets)
    drain(router, on=True)
    assert [router.attributes(name, P) for name in ("client", "peer")] == before
    sent = bytes(router.tables["client"].octets[octets:])
    assert sent
    assert b"\x1a\x0a\x01\x00\x00" not in sent


def test_the_drain_ends_where_it_began(router: Router) -> None:
    before = advertised(router)
    drain(router, on=True)
    assert advertised(router) != before
    drain(router, on=False)
    assert advertised(router) == before
    assert not router.engine.drain_state.is_draining


def test_to_drain_twice_sends_nothing(router: Router) -> None:
    drain(router, on=True)
    octets = {name: len(table.octets) for name, table in router.tables.items()}
    drain(router, on=True)
    assert {name: len(table.octets) for name, table in router.tables.items()} == octets


def test_the_own_decisions_of_a_draining_node_stay(router: Router) -> None:
    selected = router.selected()
    router.engine.drain(Stage.MARKED, "", router.now)
    turn = router.turn()
    assert (router.selected(), turn.changes) == (selected, {4: [], 6: []})


def test_who_comes_up_and_what_comes_in_while_it_drains_is_marked_as_well(router: Router) -> None:
    drain(router, on=True)
    router.down("external")
    router.up("external")
    assert is_marked(router, "external", OWN)
    router.receive("other", announce("10.4.0.0/26", as_path=(65002,), local_pref=None))
    assert is_marked(router, "client", "10.4.0.0/26")


def test_a_new_plan_does_not_end_the_drain(router: Router) -> None:
    drain(router, on=True)
    router.apply(replace(router.engine.plan, originations=(an_origination(OWN), an_origination("10.5.0.0/26"))))
    assert is_marked(router, "client", "10.5.0.0/26")
    router.apply(replace(router.engine.plan, cluster_id="224.0.0.9"))
    assert is_marked(router, "client", OWN)
    assert not is_marked(router, "client", P)


def test_changes_of_the_same_turn_are_sent_with_the_marks(router: Router) -> None:
    router.engine.receive("client", 2, announce("10.6.0.0/26"), router.now)
    router.engine.receive("client", 2, withdraw(P), router.now)
    drain(router, on=True)
    assert is_marked(router, "external", "10.6.0.0/26")
    assert P not in router.advertised("external") | router.advertised("client")


def test_clients_prefer_the_reflector_that_does_not_drain() -> None:
    """Two routers originate the same service; the one that drains is left."""
    node = Router(a_plan(a_session("a", "10.0.0.1"), a_session("b", "10.0.0.2"), router_id="10.0.0.7"))
    draining, staying = (
        Router(a_plan(a_session("node", "10.0.0.7"), originations=(an_origination(P),), router_id=address))
        for address in ("10.0.0.1", "10.0.0.2")
    )
    for name, origin in (("a", draining), ("b", staying)):
        node.up(name)
        origin.up("node", local_address=pack_address(node.engine.peers[name].session.peer_address))
        node.receive(name, *origin.tables["node"].updates)
    assert node.selected() == {P: "a"}
    seen = len(draining.tables["node"].updates)
    drain(draining, on=True)
    node.receive("a", *draining.tables["node"].updates[seen:])
    assert node.selected() == {P: "b"}
    seen = len(draining.tables["node"].updates)
    drain(draining, on=False)
    node.receive("a", *draining.tables["node"].updates[seen:])
    assert node.selected() == {P: "a"}


def test_explain_says_that_this_node_drains(router: Router) -> None:
    drain(router, on=True)
    exports = {each.peer: each for each in explain(router.engine, OWN).exports}
    assert exports["client"].rule == "accepted by default; this node drains: GRACEFUL_SHUTDOWN (RFC 8326)"
    assert (exports["client"].communities, exports["client"].local_pref) == (("65535:0",), 0)


# ------------------------------------------------------------------------------------- withdrawn


def test_a_node_that_withdraws_goes_on_telling_what_does_not_draw_traffic_to_it(router: Router) -> None:
    lead(router, Stage.WITHDRAWN)
    assert {name: sorted(router.advertised(name)) for name in router.tables} == {
        "client": [P],
        "self": [],
        "peer": [P],
        "external": [],
        "other": [],
    }
    assert not is_marked(router, "client", P)


def test_what_a_node_has_withdrawn_is_still_its_own_best_route(router: Router) -> None:
    """The kernel follows the Loc-RIB: what still comes is still forwarded."""
    selected = router.selected()
    router.engine.drain(Stage.WITHDRAWN, "", router.now)
    turn = router.turn()
    assert (router.selected(), any(turn.changes.values())) == (selected, False)


def test_what_was_withdrawn_is_readvertised_when_the_drain_ends(router: Router) -> None:
    before = advertised(router)
    lead(router, Stage.MARKED)
    lead(router, Stage.WITHDRAWN)
    lead(router, Stage.IN_USE)
    assert advertised(router) == before


def test_a_drain_never_goes_back_to_an_earlier_stage(router: Router) -> None:
    """To mark what is withdrawn would draw traffic back."""
    lead(router, Stage.WITHDRAWN)
    octets = {name: len(table.octets) for name, table in router.tables.items()}
    lead(router, Stage.MARKED)
    assert router.engine.drain_state.stage is Stage.WITHDRAWN
    assert {name: len(table.octets) for name, table in router.tables.items()} == octets


def test_who_comes_up_after_the_withdrawal_is_sent_nothing_of_this_node(router: Router) -> None:
    lead(router, Stage.WITHDRAWN)
    router.down("external")
    router.up("external")
    assert router.advertised("external") == set()


def test_explain_says_that_it_is_withdrawn(router: Router) -> None:
    lead(router, Stage.WITHDRAWN)
    exports = {each.peer: each for each in explain(router.engine, OWN).exports}
    assert exports["client"].verdict == "drained"
