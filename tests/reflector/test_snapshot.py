"""The engine's state as the control protocol shows it, and the Loc-RIB stream: whoever follows it has the Loc-RIB."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from shown import shown_peers, shown_routes
from speaker_makers import (
    Router,
    a_client,
    a_negotiation,
    a_plan,
    a_session,
    an_ebgp_peer,
    an_origination,
    announce,
    withdraw,
)

from reflector.addresses import pack_address
from reflector.commands import Turn
from reflector.control import loc_rib_stream
from reflector.control.loc_rib_stream import loc_rib_changes, loc_rib_sync
from reflector.engine import Engine
from reflector.messages import FrameReader, LocRibRoutes, LocRibUpdate, ShowPeers, ShowRoutes, decode_reply, frame
from reflector.plan import RouteSource, SessionType
from reflector.rib.loc_rib import best, next_hops
from reflector.show.incremental import complete_now
from reflector.show.snapshot import counters_snapshot, decision_losses
from reflector.wire.message import MessageType
from reflector.wire.nlri import unpack_nlri

A, B = a_client("a", "10.0.0.1", peer_node="node-a"), a_client("b", "10.0.0.2")
EXTERNAL = an_ebgp_peer("x", "10.0.0.3", 65001)


@pytest.fixture
def router() -> Router:
    router = Router(a_plan(A, B, EXTERNAL))
    for name in ("a", "b", "x"):
        router.up(name)
    return router


# ---------------------------------------------------------------------------------------- routes


PREFIXES = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "10.128.0.0/9", "9.255.255.255/32", "192.0.2.0/30"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_in_prefix_order_hold_every_route_once(router: Router, limit: int) -> None:
    router.receive("a", announce(*PREFIXES))
    shown, after = [], ""
    while True:
        page = shown_routes(router.engine, ShowRoutes(after=after, limit=limit))
        assert len(page.routes) <= limit
        shown += [route.prefix for route in page.routes]
        if not page.next_after:
            break
        after = page.next_after
    assert shown == sorted(PREFIXES, key=ip_network)


def test_all_paths_of_a_prefix_follow_the_selected_one(router: Router) -> None:
    router.receive("b", announce("10.0.0.0/8", local_pref=200))
    router.receive("a", announce("10.0.0.0/8", "192.0.2.0/24", local_pref=100))
    page = shown_routes(router.engine, ShowRoutes(limit=1, all_paths=True))
    assert [(route.prefix, route.peer, route.selected, route.candidates) for route in page.routes] == [
        ("10.0.0.0/8", "b", True, 2),
        ("10.0.0.0/8", "a", False, 2),
    ]
    assert page.next_after == "10.0.0.0/8"
    assert [route.peer for route in shown_routes(router.engine, ShowRoutes()).routes] == ["b", "a"]


def test_only_routes_inside_a_prefix_are_shown(router: Router) -> None:
    router.receive("a", announce(*PREFIXES))
    page = shown_routes(router.engine, ShowRoutes(inside="10.0.0.0/9"))
    assert [route.prefix for route in page.routes] == ["10.0.0.0/16", "10.0.1.0/24"]


@pytest.mark.parametrize(
    "fields",
    [
        {"inside": "10.0.0.1/8"},
        {"inside": "fd00::/8"},
        {"after": "nonsense"},
        {"family": 6, "after": "10.0.0.0/8"},
        {"limit": 0},
        {"limit": -1},
    ],
)
def test_a_question_that_makes_no_sense_is_a_value_error(router: Router, fields: dict) -> None:
    router.receive("a", announce(*PREFIXES))
    with pytest.raises(ValueError, match=r"."):
        shown_routes(router.engine, ShowRoutes(**fields))


def test_a_route_is_shown_as_people_read_it(router: Router) -> None:
    fields = {"as_path": (65001, 65002), "med": 7, "communities": (65001 << 16 | 7,), "large_communities": ((1, 2, 3),)}
    reflection = {"originator_id": pack_address("10.9.9.9"), "cluster_list": (pack_address("224.0.0.9"),)}
    router.receive("a", announce("10.1.0.0/26", local_pref=150, origin=2, **fields, **reflection))
    router.receive("b", announce("10.1.0.0/26"))
    (route,) = shown_routes(router.engine, ShowRoutes()).routes
    assert (route.prefix, route.next_hop, route.source, route.peer) == ("10.1.0.0/26", "10.0.0.1", RouteSource.BGP, "a")
    assert (route.local_pref, route.as_path, route.origin, route.med) == (150, "65001 65002", "INCOMPLETE", 7)
    assert route.communities == ("65001:7", "1:2:3")
    assert (route.originator_id, route.cluster_list, route.candidates) == ("10.9.9.9", ("224.0.0.9",), 2)
    assert route.rule == "accepted by default"


def test_our_own_route_has_no_peer_and_no_next_hop() -> None:
    router = Router(a_plan(originations=(an_origination("fd00:1::/64", defined_by="block of node rr"),)))
    router.turn()
    (route,) = shown_routes(router.engine, ShowRoutes(family=6)).routes
    assert (route.next_hop, route.peer, route.source, route.rule) == ("", "", RouteSource.BLOCK, "block of node rr")


# ----------------------------------------------------------------------------------------- peers


def test_peers_in_the_plans_order_with_what_they_sent_and_were_sent(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26", "10.2.0.0/26"), announce("10.3.0.0/26", as_path=(64512,)))
    router.receive("b", announce("10.1.0.0/26", local_pref=200))
    a, b, x = shown_peers(router.engine, {}, now=5.0).peers
    assert [a.name, b.name, x.name] == ["a", "b", "x"]
    assert (a.received, a.accepted, a.best, a.advertised) == (3, 2, 1, 2)
    assert (b.received, b.accepted, b.best, b.advertised) == (1, 1, 1, 2)
    assert (x.received, x.advertised) == (0, 2)
    assert (a.updates_in, a.updates_out) == (2, len(router.tables["a"].updates))
    assert (a.state, a.since, a.peer_router_id, a.hold_time) == ("Established", 5.0, "10.0.0.1", 240)
    assert (a.peer_node, a.session_type, x.session_type) == ("node-a", SessionType.IBGP, SessionType.EBGP)
    assert (a.families, a.rr_client, x.rr_client, a.queued) == ((4, 6), True, False, 0)


def test_peers_come_in_pages_and_by_name(router: Router) -> None:
    def page(**asked: Any) -> tuple[list[str], str]:
        peers = shown_peers(router.engine, {}, router.now, ShowPeers(**asked))
        return [peer.name for peer in peers.peers], peers.next_after

    assert page() == (["a", "b", "x"], "")
    assert page(limit=2) == (["a", "b"], "b")
    assert page(limit=2, after="b") == (["x"], "")
    assert page(names=("x", "a")) == (["a", "x"], "")
    assert page(names=("x", "a"), limit=1) == (["a"], "a")
    with pytest.raises(ValueError, match="there is no session gone to go on after"):
        page(after="gone")


def test_a_peer_that_is_not_established_shows_the_state_of_its_connection(router: Router) -> None:
    router.down("a")
    a, b, _ = shown_peers(router.engine, {"a": "Connect"}, now=9.0).peers
    assert (a.state, a.last_error, a.flaps, a.received, a.advertised) == ("Connect", "test", 1, 0, 0)
    assert b.state == "Established"


def test_what_waits_for_a_peer_is_counted(router: Router) -> None:
    router.engine.receive("a", MessageType.UPDATE, announce("10.1.0.0/26"), now=0.0)
    router.engine.flush(0.0)
    queued = {peer.name: peer.queued for peer in shown_peers(router.engine, {}, now=0.0).peers}
    assert queued["b"] > 0
    before = len(router.tables["b"].octets)
    while (chunk := router.engine.peers["b"].outbox.take()) is not None:
        router.tables["b"].feed(bytes(chunk))
    assert queued["b"] == len(router.tables["b"].octets) - before


def test_what_import_refused_is_counted_by_verdict(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26"), announce("10.2.0.0/26", "10.3.0.0/26", as_path=(64512,)))
    router.receive("a", announce("10.4.0.0/26", originator_id=pack_address("10.0.0.100"), cluster_list=(b"aaaa",)))
    a, b, _ = shown_peers(router.engine, {}, now=0.0).peers
    assert a.not_accepted == {"as-loop": 2, "originator-loop": 1}
    assert (a.received, a.accepted, b.not_accepted) == (4, 1, {})


def test_messages_are_counted_by_type_in_both_directions(router: Router) -> None:
    before = {peer.name: peer for peer in shown_peers(router.engine, {}, now=0.0).peers}
    router.receive("a", announce("10.1.0.0/26"), announce("10.2.0.0/26"))
    router.receive("a", b"", kind=MessageType.KEEPALIVE)
    router.receive("b", b"\0\1\0\1", kind=MessageType.ROUTE_REFRESH)
    router.wait(100)
    a, b, _ = shown_peers(router.engine, {}, now=0.0).peers
    assert a.messages_in == {"UPDATE": 2, "KEEPALIVE": 1, "NOTIFICATION": 0, "ROUTE-REFRESH": 0}
    assert b.messages_in["ROUTE-REFRESH"] == 1
    assert (a.messages_out["KEEPALIVE"], b.messages_out["KEEPALIVE"]) == (1, 1)
    assert b.messages_out["UPDATE"] - before["b"].messages_out["UPDATE"] >= 3


def test_a_peer_that_knows_the_marks_of_a_refresh_is_sent_two() -> None:
    """RFC 7313 4."""
    router = Router(a_plan(A))
    router.up("a", route_refresh=True, enhanced_refresh=True)
    router.receive("a", b"\0\1\0\1", kind=MessageType.ROUTE_REFRESH)
    (a,) = shown_peers(router.engine, {}, now=0.0).peers
    assert a.messages_out["ROUTE-REFRESH"] == len(router.tables["a"].refreshes) == 2


def test_the_code_of_the_notification_that_ended_the_session_is_kept(router: Router) -> None:
    router.receive("a", b"\6\2", kind=MessageType.NOTIFICATION)
    a, b, _ = shown_peers(router.engine, {}, now=0.0).peers
    assert (a.last_error_code, b.last_error_code) == ("6/2", "")
    router.up("a")
    router.down("a")
    assert shown_peers(router.engine, {}, now=0.0).peers[0].last_error_code == ""


def test_how_long_a_silent_peer_has_left(router: Router) -> None:
    router.wait(100)
    assert shown_peers(router.engine, {}, now=100.0).peers[0].hold_left == 140.0
    router.receive("a", b"", kind=MessageType.KEEPALIVE)
    assert [peer.hold_left for peer in shown_peers(router.engine, {}, now=150.0).peers] == [190.0, 90.0, 90.0]


def test_losses_are_counted_by_the_step_of_the_decision(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26", "10.2.0.0/26"), announce("10.3.0.0/26", as_path=(1, 2)))
    router.receive("b", announce("10.1.0.0/26", "10.2.0.0/26", local_pref=200), announce("10.3.0.0/26", as_path=(1,)))
    assert complete_now(decision_losses(router.engine)) == {"lost-local-pref": 2, "lost-as-path-length": 1}


def test_counters(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26"), announce("fd00:1::/64"))
    totals = counters_snapshot(router.engine, {"unknown_peers": 3}, uptime=1.5).totals
    assert (totals["sessions"], totals["sessions_established"], totals["update_groups"]) == (3, 3, 2)
    assert (totals["prefixes"], totals["decision_changes"], totals["unknown_peers"]) == (2, 2, 3)


# ---------------------------------------------------------------------------------------- stream


class Subscriber:
    """The Loc-RIB as the stream tells it: (family, NLRI) -> what the FIB needs. Frames go through the wire format."""

    def __init__(self, engine: Engine) -> None:
        self.routes: dict[tuple[int, bytes], Any] = {}
        parts = list(loc_rib_sync(engine))
        assert [last for _, last in parts] == [False] * (len(parts) - 1) + [True]
        for routes, last in parts:
            self.take(LocRibUpdate(0, routes, in_sync=last))

    def follow(self, turn: Turn) -> None:
        update = loc_rib_changes(turn.changes, 1)
        if update is not None:
            self.take(update)

    def take(self, update: LocRibUpdate) -> None:
        (body,) = FrameReader().feed(frame(update))
        received = decode_reply(body)
        assert isinstance(received, LocRibUpdate)
        for group in received.routes:
            for nlri in group.nlri:
                self.routes[group.family, nlri] = without_nlri(group)
        for family, gone in ((4, received.withdrawn_v4), (6, received.withdrawn_v6)):
            for nlri in gone:
                self.routes.pop((family, nlri), None)


def without_nlri(routes: LocRibRoutes) -> LocRibRoutes:
    return replace(routes, nlri=())


def loc_rib(engine: Engine) -> dict[tuple[int, bytes], Any]:
    """The settled Loc-RIB, read from its tables."""
    found = {}
    for family, rib in engine.ribs.items():
        for nlri in rib.prefixes():
            selection = rib.selection(nlri)
            path = best(selection)
            if path is None:
                continue
            hops = tuple(hop for hop in next_hops(selection) if hop)
            found[family, nlri] = LocRibRoutes(
                family, path.source, path.session_type, hops, path.local_pref, path.interface, ()
            )
    return found


def test_the_stream_tells_all_that_the_fib_needs(router: Router) -> None:
    own = an_origination("10.4.0.0/26", RouteSource.KERNEL, interface="eth0", next_hop="10.0.0.9", priority=512)
    router.apply(a_plan(A, B, EXTERNAL, originations=(own,)))
    router.receive("a", announce("10.1.0.0/26"))
    router.receive("b", announce("10.1.0.0/26", next_hop="10.0.0.2"))
    router.receive("x", announce("10.2.0.0/26", as_path=(65001,), local_pref=None, next_hop="10.0.0.3"))
    advertised = {unpack_nlri(nlri, 4): routes for (_, nlri), routes in Subscriber(router.engine).routes.items()}
    hops = [pack_address(f"10.0.0.{number}") for number in (1, 2, 3, 9)]
    bgp, ibgp, ebgp = RouteSource.BGP, SessionType.IBGP, SessionType.EBGP
    assert advertised == {
        "10.1.0.0/26": LocRibRoutes(4, bgp, ibgp, (hops[0], hops[1]), 100, "", ()),
        "10.2.0.0/26": LocRibRoutes(4, bgp, ebgp, (hops[2],), 100, "", ()),
        "10.4.0.0/26": LocRibRoutes(4, RouteSource.KERNEL, ibgp, (hops[3],), 2147483647 - 512, "eth0", ()),
    }


def test_a_second_equally_good_route_changes_the_next_hops_and_tells_no_peer(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26"))
    subscriber = Subscriber(router.engine)
    turn = router.receive("b", announce("10.1.0.0/26", next_hop="10.0.0.2"))
    subscriber.follow(turn)
    assert turn.ready == []
    ((_, routes),) = subscriber.routes.items()
    assert len(routes.next_hops) == 2


def test_a_route_that_comes_and_goes_within_a_turn_is_no_change(router: Router) -> None:
    assert router.receive("a", announce("10.1.0.0/26"), withdraw("10.1.0.0/26")).changes == {4: [], 6: []}


def test_nothing_changed_is_no_update() -> None:
    assert loc_rib_changes({4: [], 6: []}, 1) is None


def test_a_prefix_that_moves_back_and_forth_within_a_turn_counts_where_it_ended(router: Router) -> None:
    """A session that comes up in the middle of a turn settles it; so a turn may hold the same move twice."""
    engine = router.engine
    router.receive("a", announce("10.1.0.0/26"))
    subscriber = Subscriber(engine)
    better = announce("10.1.0.0/26", local_pref=200)
    for body in (better, withdraw("10.1.0.0/26"), better):
        engine.receive("b", MessageType.UPDATE, body, now=0.0)
        router.tables.pop("x", None)
        engine.session_up("x", a_negotiation("10.0.0.3"), now=0.0)
    subscriber.follow(engine.flush(0.0))
    assert subscriber.routes == loc_rib(engine)
    ((_, routes),) = subscriber.routes.items()
    assert routes.local_pref == 200


def test_a_subscriber_in_the_middle_of_a_turn_keeps_no_route_that_never_was(router: Router) -> None:
    engine = router.engine
    router.receive("a", announce("10.2.0.0/26", med=1))
    engine.receive("a", MessageType.UPDATE, announce("10.1.0.0/26", "10.2.0.0/26", med=2), now=0.0)
    subscriber = Subscriber(engine)
    engine.receive("a", MessageType.UPDATE, withdraw("10.1.0.0/26"), now=0.0)
    engine.receive("a", MessageType.UPDATE, announce("10.2.0.0/26", med=1), now=0.0)
    subscriber.follow(engine.flush(0.0))
    assert subscriber.routes == loc_rib(engine)
    assert len(subscriber.routes) == 1


def test_a_large_table_comes_in_parts(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loc_rib_stream, "ROUTES_PER_UPDATE", 10)
    prefixes = [f"10.1.{number}.0/24" for number in range(35)]
    router.receive("a", announce(*prefixes))
    router.receive("b", announce("10.2.0.0/26"))
    parts = list(loc_rib_sync(router.engine))
    assert [sum(len(group.nlri) for group in routes) for routes, _ in parts] == [10, 10, 10, 6]
    assert Subscriber(router.engine).routes == loc_rib(router.engine)


P = ["10.1.0.0/26", "10.2.0.0/26", "fd00:1::/64"]
BODIES = st.one_of(
    st.builds(lambda prefix, pref: announce(prefix, local_pref=pref), st.sampled_from(P), st.sampled_from((100, 200))),
    st.builds(lambda prefix: withdraw(prefix), st.sampled_from(P)),
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("a", "b", "c")), BODIES),
        st.tuples(st.just("flap"), st.sampled_from(("a", "b", "c"))),
        st.tuples(st.just("originate"), st.sampled_from(((), (an_origination(P[0]),)))),
        st.just(("flush", None)),
        st.just(("subscribe", None)),
    ),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_whoever_synchronises_at_any_moment_and_follows_has_the_loc_rib(events: list) -> None:
    sessions = (A, B, a_session("c", "10.0.0.4"))
    engine = Engine(a_plan(*sessions), now=0.0)
    subscribers: list[Subscriber] = []
    for what, value in (*events, ("flush", None)):
        if what == "flush":
            turn = engine.flush(0.0)
            for subscriber in subscribers:
                subscriber.follow(turn)
                assert subscriber.routes == loc_rib(engine)
        elif what == "subscribe":
            subscribers.append(Subscriber(engine))
        elif what == "originate":
            engine.apply(a_plan(*sessions, originations=value), now=0.0)
        elif what == "flap":
            address = engine.peers[value].session.peer_address
            engine.session_down(value, "flap", now=0.0)
            engine.session_up(value, a_negotiation(address), now=0.0)
        else:
            engine.receive(what, MessageType.UPDATE, value, now=0.0)
