"""Next hops in the engine: who is a candidate, who wins by cost, and what a change of the kernel's routes moves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shown import explain
from speaker_makers import (
    Router,
    a_client,
    a_long_lived,
    a_plan,
    an_ebgp_peer,
    an_origination,
    announce,
    some_attributes,
    withdraw,
)
from test_routing_table import CONNECTED, ETH0, ETH1, a_route, a_table, blackhole, link_down, put, remove, via

from bgpctl.cli.explain import explain_lines
from reflector.addresses import pack_address
from reflector.kernel.routing_table import RoutingTable
from reflector.plan import (
    AddCommunity,
    HostRoute,
    KernelPlan,
    Match,
    NodePlan,
    Policy,
    PolicyRule,
    SetLocalPref,
    Verdict,
)
from reflector.rib.loc_rib import next_hops
from reflector.rib.next_hops import NextHops
from reflector.rib.path import Path
from reflector.show.snapshot import counters_snapshot
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.message import HEADER_LENGTH, MAX_LENGTH
from reflector.wire.nlri import pack_nlri
from reflector.wire.update import announcements

POD, OTHER_POD, POD_V6 = "10.244.1.0/26", "10.244.2.0/26", "fd24::/64"
UNRESOLVABLE = "next-hop-unresolvable"


class Node(Router):
    """A router with three peers up, and a kernel below it."""

    def __init__(self, plan: NodePlan | None = None, kernel: RoutingTable | None = None) -> None:
        super().__init__(
            plan or a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2"), a_client("c", "10.0.0.3"))
        )
        self.kernel = kernel
        if kernel is not None:
            self.changed()
        for name in sorted(self.engine.peers):
            self.up(name)

    def changed(self) -> None:
        """The engine is given the kernel's changes; the turn ends."""
        self.engine.kernel_changed(self.kernel)
        self.turn()

    def put(self, prefix: str, *legs: Any, replaces: bool = False) -> None:
        assert self.kernel is not None
        put(self.kernel, a_route(prefix, *legs, replaces=replaces))
        self.changed()

    def remove(self, prefix: str, *legs: Any) -> None:
        assert self.kernel is not None
        remove(self.kernel, a_route(prefix, *legs))
        self.changed()

    def link_down(self, interface: int) -> None:
        assert self.kernel is not None
        link_down(self.kernel, interface)
        self.changed()

    def verdicts(self, prefix: str = POD) -> dict[str, str]:
        return {each.peer: each.verdict for each in explain(self.engine, prefix).candidates}

    def counters(self) -> tuple[int, int]:
        totals = counters_snapshot(self.engine, {}, 0.0).totals
        return totals["next_hops"], totals["next_hops_unresolvable"]


def a_kernel() -> RoutingTable:
    return a_table(a_route("10.0.0.0/24", CONNECTED), a_route("10.1.0.0/16", via("10.0.0.9", 50)))


# ------------------------------------------------------------------------------------- resolvability


def test_a_route_whose_next_hop_the_kernel_has_no_route_to_is_not_used_and_not_sent() -> None:
    """RFC 4271 9.1.2.1."""
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="192.0.2.1"))
    assert node.verdicts() == {"a": UNRESOLVABLE}
    assert (node.selected(), node.advertised("b")) == ({}, set())


def test_the_adj_rib_in_keeps_it_and_it_comes_back_when_the_kernel_has_a_route() -> None:
    """RFC 4271 9.1.2.1: without a refresh or a new session."""
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="192.0.2.1"))
    node.put("192.0.2.0/24", via("10.0.0.9"))
    assert node.verdicts() == {"a": "best"}
    assert node.advertised("b") == {POD}


def test_a_route_leaves_with_the_kernels_route_to_its_next_hop() -> None:
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="10.1.0.1"))
    assert node.advertised("b") == {POD}
    node.remove("10.1.0.0/16", via("10.0.0.9", 50))
    assert (node.verdicts(), node.advertised("b")) == ({"a": UNRESOLVABLE}, set())


def test_a_link_that_goes_down_takes_the_routes_over_it_and_no_other() -> None:
    node = Node(kernel=a_kernel())
    put(node.kernel, a_route("10.2.0.0/16", via("10.9.0.9", 0, ETH1)))
    node.changed()
    node.receive("a", announce(POD, next_hop="10.1.0.1"))
    node.receive("b", announce(OTHER_POD, next_hop="10.2.0.1"))
    node.link_down(ETH0)
    assert node.selected() == {OTHER_POD: "b"}
    assert node.advertised("c") == {OTHER_POD}


def test_the_other_route_takes_over_when_the_best_ones_next_hop_is_gone() -> None:
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="10.1.0.1", local_pref=200))
    node.receive("b", announce(POD, next_hop="10.0.0.2"))
    node.put("10.1.0.0/24", blackhole())
    assert node.verdicts() == {"a": UNRESOLVABLE, "b": "best"}
    assert node.attributes("c", POD).next_hop == pack_address("10.0.0.2")


def test_a_connected_route_that_goes_leaves_the_default_route_to_resolve() -> None:
    """The kernel's view, as it would send the packet."""
    node = Node(kernel=a_kernel())
    node.put("0.0.0.0/0", via("10.3.0.1", 7, ETH1))
    node.receive("a", announce(POD, next_hop="10.0.0.1"))
    node.link_down(ETH0)
    (candidate,) = explain(node.engine, POD).candidates
    assert (candidate.verdict, candidate.cost) == ("best", 7)


def test_every_prefix_of_the_path_moves_and_no_other_of_the_peer() -> None:
    node = Node(kernel=a_kernel())
    many = {f"10.244.{third}.0/24" for third in range(50)}
    node.receive("a", announce(*many, next_hop="10.1.0.1"), announce("10.245.0.0/24", next_hop="10.0.0.1"))
    node.put("10.1.0.0/16", blackhole(50), replaces=True)
    assert node.advertised("b") == {"10.245.0.0/24"}
    node.put("10.1.0.0/16", via("10.0.0.9", 50), replaces=True)
    assert node.advertised("b") == {*many, "10.245.0.0/24"}


def test_equal_routes_that_come_later_are_judged_as_the_next_hop_stands() -> None:
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="10.1.0.1"))
    node.put("10.1.0.0/16", blackhole(50), replaces=True)
    node.receive("a", announce(OTHER_POD, next_hop="10.1.0.1"))
    assert node.selected() == {}
    node.put("10.1.0.0/16", via("10.0.0.9", 50), replaces=True)
    assert node.selected() == {POD: "a", OTHER_POD: "a"}


def test_a_route_can_be_withdrawn_or_replaced_while_its_next_hop_is_unresolvable() -> None:
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, OTHER_POD, next_hop="192.0.2.1"))
    node.receive("a", withdraw(POD), announce(OTHER_POD, next_hop="10.0.0.1"))
    node.put("192.0.2.0/24", CONNECTED)
    assert node.selected() == {OTHER_POD: "a"}


def test_what_happens_twice_in_one_turn_is_sent_as_it_ended() -> None:
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="10.1.0.1"))
    updates = len(node.tables["b"].updates)
    for legs in ((blackhole(50),), (via("10.0.0.9", 50),), (blackhole(50),), (via("10.0.0.9", 50),)):
        put(node.kernel, a_route("10.1.0.0/16", *legs, replaces=True))
        node.engine.kernel_changed(node.kernel)
    node.turn()
    assert node.verdicts() == {"a": "best"}
    assert len(node.tables["b"].updates) == updates


def test_routes_of_several_path_identifiers_are_judged_one_by_one() -> None:
    """RFC 7911."""
    node = Node(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")), a_kernel())
    node.down("a")
    node.up("a", add_path_receive=frozenset((4,)))
    node.receive("a", announce(POD, path_id=1, next_hop="10.1.0.1"), announce(POD, path_id=2, next_hop="10.0.0.1"))
    node.put("10.1.0.0/16", blackhole(50), replaces=True)
    verdicts = {each.path_id: each.verdict for each in explain(node.engine, POD).candidates}
    assert verdicts == {1: UNRESOLVABLE, 2: "best"}


def test_stale_routes_of_a_restarting_peer_follow_the_kernel_as_well() -> None:
    """RFC 4724 4.2: they are used as long as they can be."""
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="10.1.0.1"))
    node.down("a", is_lost=True)
    assert node.selected() == {POD: "a"}
    node.put("10.1.0.0/16", blackhole(50), replaces=True)
    assert node.selected() == {}


def test_a_policy_that_allows_no_long_lived_route_allows_no_unresolvable_one() -> None:
    """RFC 9494 4.2: NO_LLGR of an import policy also counts while the next hop cannot be resolved."""
    no_llgr = Policy("p", (PolicyRule(Verdict.ACCEPT, operations=(AddCommunity("65535:7"),)),))
    for policies, kept in (((), 1), (("p",), 0)):
        node = Node(a_plan(a_client("a", "10.0.0.1", import_policies=policies), policies=(no_llgr,)), a_kernel())
        node.up("a", long_lived=a_long_lived(3600), hold_time=0)
        node.receive("a", announce(POD, next_hop="192.0.2.1"))
        node.down("a", is_lost=True)
        node.wait(120)
        assert len(node.engine.peers["a"].adj_rib_in[4].routes) == kept


# ----------------------------------------------------------------------------------------------- cost


def test_the_nearer_next_hop_wins_and_the_other_says_why_it_lost() -> None:
    """RFC 4271 9.1.2.2 e."""
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="10.1.0.1"))
    node.receive("b", announce(POD, next_hop="10.0.0.2"))
    assert node.verdicts() == {"a": "lost-igp-cost", "b": "best"}
    assert {each.peer: each.cost for each in explain(node.engine, POD).candidates} == {"a": 50, "b": 0}


def test_a_new_metric_decides_again() -> None:
    node = Node(kernel=a_kernel())
    node.put("10.2.0.0/16", via("10.0.0.8", 60))
    node.receive("a", announce(POD, next_hop="10.1.0.1"))
    node.receive("b", announce(POD, next_hop="10.2.0.1"))
    assert node.selected() == {POD: "a"}
    node.put("10.2.0.0/16", via("10.0.0.8", 40))
    assert node.selected() == {POD: "b"}
    assert node.attributes("c", POD).next_hop == pack_address("10.2.0.1")


def test_a_new_metric_of_the_only_route_sends_nothing() -> None:
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="10.1.0.1"))
    updates, changes = len(node.tables["b"].updates), node.engine.turn.decision_changes
    node.put("10.1.0.0/16", via("10.0.0.9", 10))
    assert explain(node.engine, POD).candidates[0].cost == 10
    assert (len(node.tables["b"].updates), node.engine.turn.decision_changes) == (updates, changes)


def test_routes_that_are_equal_but_for_the_cost_are_not_one_multipath_set() -> None:
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="10.1.0.1"))
    node.engine.receive("b", 2, announce(POD, next_hop="10.0.0.2"), node.now)
    ((transition, _),) = node.turn().changes[4]
    assert next_hops(transition.after) == (pack_address("10.0.0.2"),)


# --------------------------------------------------------------------------------- what is not looked up


def test_our_own_route_needs_no_next_hop() -> None:
    node = Node(a_plan(a_client("a", "10.0.0.1"), originations=(an_origination(POD),)), a_table())
    assert node.advertised("a") == {POD}


def test_nothing_is_unresolvable_as_long_as_nothing_is_known_of_the_kernel() -> None:
    node = Node()
    node.receive("a", announce(POD, next_hop="192.0.2.1"))
    assert (node.selected(), node.counters()) == ({POD: "a"}, (1, 0))
    node.kernel = a_kernel()
    node.changed()
    assert (node.selected(), node.counters()) == ({}, (1, 1))
    node.kernel = None
    node.changed()
    assert (node.selected(), node.counters()) == ({POD: "a"}, (1, 0))


def test_a_link_local_next_hop_is_a_neighbour_on_the_sessions_link() -> None:
    node = Node(kernel=a_table())
    node.receive("a", announce(POD_V6, next_hop="fe80::1"))
    assert node.selected(6) == {POD_V6: "a"}


def test_of_two_ipv6_next_hops_the_global_one_is_looked_up() -> None:
    """RFC 2545 3: the link-local one says nothing of a link that is down, and the FIB programs the global one."""
    node = Node(kernel=a_table(a_route("fd00::/64", CONNECTED)))
    both = pack_address("fd00::1") + pack_address("fe80::1")
    block = encode_attributes(some_attributes(next_hop="fd00::1"), four_octet_as=True)
    (update,) = announcements(6, block, both, [pack_nlri(POD_V6)], MAX_LENGTH)
    node.receive("a", update[HEADER_LENGTH:])
    assert node.selected(6) == {POD_V6: "a"}
    node.remove("fd00::/64", CONNECTED)
    assert node.verdicts(POD_V6) == {"a": UNRESOLVABLE}


def test_the_next_hop_that_an_import_policy_sets_is_the_one_that_is_looked_up() -> None:
    hops = NextHops(a_plan())
    hops.look_in(a_kernel())
    received, imported = some_attributes(next_hop="192.0.2.1"), some_attributes(next_hop="10.1.0.7")
    path = hops.place(Path(None, 4, received, imported))
    assert (path.attributes, path.cost) == (imported, 50)


def test_what_an_import_policy_made_of_a_route_comes_back_with_it() -> None:
    rule = PolicyRule(Verdict.ACCEPT, Match(), (SetLocalPref(7),), defined_by="backup")
    plan = a_plan(a_client("a", "10.0.0.1", import_policies=("p",)), policies=(Policy("p", (rule,)),))
    node = Node(plan, a_kernel())
    node.receive("a", announce(POD, next_hop="192.0.2.1"))
    node.put("192.0.2.0/24", CONNECTED)
    (candidate,) = explain(node.engine, POD).candidates
    assert (candidate.verdict, candidate.local_pref, candidate.rule) == ("best", 7, "backup")


def test_a_host_route_of_the_plan_resolves_as_its_gateway_does() -> None:
    """BGPPeer.reachableBy: the FIB programs it under the number whose routes do not count."""
    reachable = KernelPlan(host_routes=(HostRoute("192.0.2.1", "10.1.0.9"),))
    sessions = (a_client("a", "10.0.0.1"),)
    node = Node(a_plan(*sessions), a_kernel())
    node.receive("a", announce(POD, next_hop="192.0.2.1"))
    assert node.selected() == {}
    node.apply(a_plan(*sessions, kernel=reachable))
    assert node.selected() == {POD: "a"}
    node.remove("10.1.0.0/16", via("10.0.0.9", 50))
    assert node.selected() == {}


# ----------------------------------------------------------------------------------------------- plans


def test_a_plan_that_does_not_resolve_takes_every_route_and_the_next_one_judges_again() -> None:
    sessions = (a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2"))
    node = Node(a_plan(*sessions), a_kernel())
    node.receive("a", announce(POD, next_hop="192.0.2.1"))
    node.receive("a", announce(OTHER_POD, next_hop="10.1.0.1"))
    node.apply(a_plan(*sessions, resolve_next_hops=False))
    assert node.advertised("b") == {POD, OTHER_POD}
    assert node.counters() == (0, 0)
    node.apply(a_plan(*sessions))
    assert node.advertised("b") == {OTHER_POD}
    assert node.counters() == (2, 1)


def test_a_new_policy_keeps_the_verdict_of_the_next_hop() -> None:
    sessions = (a_client("a", "10.0.0.1", import_policies=("all",)),)
    node = Node(a_plan(*sessions, policies=(Policy("all"),)), a_kernel())
    node.receive("a", announce(POD, next_hop="192.0.2.1"))
    node.apply(a_plan(*sessions, policies=(Policy("all", (PolicyRule(Verdict.ACCEPT, defined_by="all"),)),)))
    assert node.verdicts() == {"a": UNRESOLVABLE}
    node.put("192.0.2.0/24", CONNECTED)
    (candidate,) = explain(node.engine, POD).candidates
    assert (candidate.verdict, candidate.rule) == ("best", "all")


# ---------------------------------------------------------------------------------------------- queries


def test_next_hops_are_counted_as_long_as_a_route_has_them() -> None:
    node = Node(kernel=a_kernel())
    node.receive("a", announce(POD, next_hop="192.0.2.1"), announce(OTHER_POD, next_hop="10.0.0.1"))
    node.receive("b", announce(POD, next_hop="192.0.2.1"))
    assert node.counters() == (2, 1)
    node.receive("a", withdraw(POD, OTHER_POD))
    node.receive("b", withdraw(POD))
    assert node.counters() == (0, 0)


def test_next_hops_that_no_route_has_any_more_are_not_kept_for_ever() -> None:
    hops, attributes = NextHops(a_plan()), some_attributes()
    kept = [hops.place(Path(None, 4, attributes, some_attributes(next_hop="10.1.0.1")))]
    for number in range(5000):
        hops.place(Path(None, 4, attributes, some_attributes(next_hop=f"10.2.{number >> 8}.{number & 255}")))
    assert len(hops) == 1
    assert len(hops._tracked) < 1100
    assert {hop.address for hop in hops.look_in(a_table())} >= {kept[0].attributes.next_hop}


def test_explain_shows_the_cost_where_there_is_one() -> None:
    node = Node(a_plan(an_ebgp_peer("tor", "10.0.0.1"), an_ebgp_peer("far", "10.0.0.2")), a_kernel())
    node.receive("tor", announce(POD, next_hop="10.0.0.1", as_path=(65001,)))
    node.receive("far", announce(POD, next_hop="10.1.0.1", as_path=(65001,)))
    lines = "\n".join(explain_lines(explain(node.engine, POD), "n"))
    assert "next hop 10.1.0.1, metric to it 50," in lines
    assert "next hop 10.0.0.1, LOCAL_PREF" in lines


# --------------------------------------------------------------------------------------------- histories

NEXT_HOPS = ("10.0.0.1", "10.1.0.1", "10.2.0.1")
KERNEL = {"10.0.0.0/24": (CONNECTED, blackhole()), "10.1.0.0/16": (via("10.0.0.9", 5), via("10.0.0.8", 50)),
          "10.2.0.0/16": (via("10.0.0.9", 5, ETH1), blackhole(3))}  # fmt: skip
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("put", "remove")), st.sampled_from(sorted(KERNEL)), st.integers(0, 1)),
        st.tuples(st.just("down"), st.just(""), st.sampled_from((ETH0, ETH1))),
        st.tuples(st.sampled_from("abc"), st.sampled_from((POD, OTHER_POD)), st.sampled_from((*NEXT_HOPS, ""))),
        st.tuples(st.just("turn"), st.just(""), st.just(0)),
    ),
    max_size=30,
)


@pytest.mark.parametrize("has_path_ids", [False, True])
@given(events=EVENTS)
def test_any_history_ends_as_if_the_kernel_had_always_been_so(has_path_ids: bool, events: list[Any]) -> None:
    """What is sent as well: the outcome depends on what is, not on how it came."""
    moving, last = Node(kernel=RoutingTable()), Node()
    for node in (moving, last):
        if has_path_ids:
            for name in "abc":
                node.down(name)
                node.up(name, add_path_receive=frozenset((4,)))
    path_id = 1 if has_path_ids else None
    last.kernel = RoutingTable()
    for kind, what, value in events:
        if kind in "abc":
            body = announce(what, next_hop=value, path_id=path_id) if value else withdraw(what, path_id=path_id)
            for node in (moving, last):
                node.engine.receive(kind, 2, body, node.now)
            continue
        for node in (moving, last):
            _change(node.kernel, kind, what, value)
        moving.engine.kernel_changed(moving.kernel)
        if kind == "turn":
            moving.turn()
    moving.turn()
    last.changed()
    assert moving.selected() == last.selected()
    assert [moving.verdicts(prefix) for prefix in (POD, OTHER_POD)] == [last.verdicts(p) for p in (POD, OTHER_POD)]
    for name in "abc":
        assert moving.tables[name].routes == last.tables[name].routes
    best = {name: peer.best for name, peer in moving.engine.peers.items()}
    assert best == {name: list(moving.selected().values()).count(name) for name in best}


def _change(table: RoutingTable, kind: str, what: str, value: int) -> None:
    if kind == "down":
        link_down(table, value)
    elif kind == "put":
        put(table, a_route(what, KERNEL[what][value]))
    elif kind == "remove":
        remove(table, a_route(what, KERNEL[what][value]))
