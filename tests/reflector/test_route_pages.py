"""One peer's Adj-RIB-In with verdicts, one peer's Adj-RIB-Out as it was sent, page by page."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shown import shown_routes
from speaker_makers import Router, a_client, a_plan, a_restart, an_ebgp_peer, an_origination, announce, withdraw

from reflector.addresses import unpack_address
from reflector.messages import RouteStatus, ShowRoutes, Table
from reflector.plan import Match, Policy, PolicyRule, PrefixMatch, Verdict
from reflector.show import key_order
from reflector.show.incremental import complete_now
from reflector.show.key_order import KeyOrders, Order, Place
from reflector.show.route_pages import MOST_ROWS, route_page
from reflector.wire.attributes import format_as_path
from reflector.wire.nlri import pack_nlri

GUESTS = Policy("guests", (PolicyRule(Verdict.REJECT, Match(prefix=PrefixMatch("10.9.0.0/16", 16, 32))),))
A = a_client("a", "10.0.0.1", import_policies=("guests",))
B = a_client("b", "10.0.0.2")
X = an_ebgp_peer("x", "10.0.0.3")


@pytest.fixture
def router() -> Router:
    router = Router(a_plan(A, B, X, policies=(GUESTS,), originations=(an_origination("10.7.0.0/26"),)))
    for name in ("a", "b", "x"):
        router.up(name, graceful_restart=a_restart(is_restarting=False))
    return router


def shown(router: Router, table: Table, peer: str, **fields) -> tuple[RouteStatus, ...]:
    return shown_routes(router.engine, ShowRoutes(table=table, peer=peer, **fields)).routes


def test_an_adj_rib_in_shows_every_route_with_its_verdict(router: Router) -> None:
    router.receive(
        "a", announce("10.1.0.0/26", "10.2.0.0/26", "10.9.1.0/24"), announce("10.3.0.0/26", as_path=(64512,))
    )
    router.receive("b", announce("10.2.0.0/26", local_pref=200))
    verdicts = {route.prefix: route.verdict for route in shown(router, Table.RECEIVED, "a")}
    assert verdicts == {
        "10.1.0.0/26": "best",
        "10.2.0.0/26": "lost-local-pref",
        "10.3.0.0/26": "as-loop",
        "10.9.1.0/24": "import-rejected",
    }


def test_a_stale_route_is_marked(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26"))
    router.down("a", is_lost=True)
    for table in (Table.RECEIVED, Table.LOC_RIB):
        (route,) = shown(router, table, "a")
        assert (route.stale, route.verdict) == (True, "best"), table


def test_an_adj_rib_out_is_what_the_peer_was_sent(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26", as_path=(65009,), med=5), announce("10.9.1.0/24"))
    router.receive("x", announce("10.2.0.0/26", as_path=(65001,), local_pref=None))
    for peer in ("a", "b", "x"):
        sent = {
            prefix: (unpack_address(each.next_hop), format_as_path(each.as_path), each.local_pref, each.med)
            for prefix, each in router.tables[peer].routes.items()
        }
        rows = shown(router, Table.ADVERTISED, peer)
        assert {row.prefix: (row.next_hop, row.as_path, row.local_pref, row.med) for row in rows} == sent
        assert {row.verdict for row in rows} == {"advertised"}


def test_the_loc_rib_can_be_asked_for_one_peers_routes(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26", "10.2.0.0/26"))
    router.receive("b", announce("10.2.0.0/26", local_pref=200))
    assert [route.prefix for route in shown(router, Table.LOC_RIB, "a")] == ["10.1.0.0/26"]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (ShowRoutes(table=Table.RECEIVED, peer="nobody"), "there is no session 'nobody'"),
        (ShowRoutes(table=Table.ADVERTISED, peer=""), "there is no session ''"),
        (ShowRoutes(after="10.0.0.0/8 x"), "no path identifier"),
        (ShowRoutes(after="10.0.0.0/8 -1"), "no path identifier"),
    ],
)
def test_a_question_about_no_one_is_a_value_error(router: Router, request_: ShowRoutes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        shown_routes(router.engine, request_)


def test_a_peer_that_is_not_established_is_sent_nothing(router: Router) -> None:
    router.down("b")
    with pytest.raises(ValueError, match="b is not Established"):
        shown(router, Table.ADVERTISED, "b")
    assert shown(router, Table.RECEIVED, "b") == ()


# ------------------------------------------------------------------------------------------- pages


def pages(router: Router, orders: KeyOrders, **fields) -> list[tuple[RouteStatus, ...]]:
    after, found = "", []
    while True:
        page = complete_now(route_page(router.engine, ShowRoutes(after=after, **fields), orders))
        found.append(page.routes)
        if not page.next_after:
            return found
        after = page.next_after


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("remembers", [True, False])
def test_all_paths_of_an_add_path_peer_are_on_the_pages_once(limit: int, remembers: bool) -> None:
    """RFC 7911: a page may end between two paths of one prefix."""
    router = Router(a_plan(A, policies=(GUESTS,)))
    router.up("a", add_path_receive=frozenset((4,)))
    for path_id in (7, 1, 300):
        router.receive("a", announce("10.1.0.0/26", "10.0.0.0/8", path_id=path_id, med=path_id))
    orders = KeyOrders()
    if not remembers:
        orders.keep = lambda *given: None  # type: ignore[method-assign]  # as if another order had taken its place
    found = [row for page in pages(router, orders, table=Table.RECEIVED, peer="a", limit=limit) for row in page]
    expected = [(prefix, path_id) for prefix in ("10.0.0.0/8", "10.1.0.0/26") for path_id in (1, 7, 300)]
    assert [(row.prefix, row.path_id) for row in found] == expected


def test_a_page_has_a_largest_size(router: Router) -> None:
    router.receive("a", announce(*(f"10.{n // 250}.{n % 250}.0/24" for n in range(MOST_ROWS + 1))))
    assert [len(page) for page in pages(router, KeyOrders(), limit=5000)] == [MOST_ROWS, 2]


def test_a_route_that_goes_between_two_pages_is_left_out(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26", "10.2.0.0/26", "10.3.0.0/26"))
    orders = KeyOrders()
    first = complete_now(route_page(router.engine, ShowRoutes(limit=1), orders))
    router.receive("a", withdraw("10.2.0.0/26"))
    second = complete_now(route_page(router.engine, ShowRoutes(limit=1, after=first.next_after), orders))
    assert [route.prefix for route in second.routes] == ["10.3.0.0/26"]


def test_abandoned_orders_are_dropped(router: Router) -> None:
    router.receive("a", announce("10.1.0.0/26", "10.2.0.0/26"))
    orders = KeyOrders()
    for inside in ("", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/10"):
        complete_now(route_page(router.engine, ShowRoutes(limit=1, inside=inside), orders))
    assert len(orders._waiting) == 2


NETWORKS = st.builds(
    lambda address, length: ip_network((address, length), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)
)


@given(st.lists(st.tuples(NETWORKS, st.integers(0, 2**32 - 1)), max_size=20))
def test_the_order_is_that_of_address_length_and_path(keys: list) -> None:
    order = Order(4)
    packed = sorted(order.pack(place_of(key)) for key in keys)
    by_meaning = sorted(keys, key=lambda key: (key[0].network_address, key[0].prefixlen, key[1]))
    assert [order.unpack(each) for each in packed] == [place_of(key) for key in by_meaning]


def place_of(key: tuple) -> Place:
    network, path_id = key
    return Place(pack_nlri(str(network)), path_id.to_bytes(4, "big"))


@settings(max_examples=30)
@given(st.integers(1, 7), st.integers(1, 5))
def test_runs_of_any_length_make_one_order(keys_a_turn: int, limit: int) -> None:
    router = Router(a_plan(B))
    router.up("b")
    prefixes = [f"10.{number * 37 % 50}.0.0/16" for number in range(50)]
    router.receive("b", announce(*prefixes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_order, "KEYS_A_TURN", keys_a_turn)
        found = [row.prefix for page in pages(router, KeyOrders(), limit=limit) for row in page]
    assert found == [f"10.{number}.0.0/16" for number in range(50)]
