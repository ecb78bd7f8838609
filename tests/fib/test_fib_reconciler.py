"""The reconciler: events in, changes out, against a kernel that is a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from errno import EEXIST, EINVAL, ESRCH

import pytest
from fib_makers import (
    ETH0,
    ETH1,
    KERNEL,
    STATIC,
    TUNNEL,
    at,
    carry_out,
    event,
    leg,
    occupied,
    paths,
    route,
    terms_of,
    underlay,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from bgpctl.fib.core.failures import RouteFailure
from bgpctl.fib.core.reconciler import Reconciler
from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.kernel.change import Change, Verb
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.prefix_table import Placement
from reflector.kernel.route import KernelRoute, RouteKey
from reflector.plan import Encapsulation, KernelPlan, KernelRule, KernelVerdict, Vtep, VxlanPlan

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
PLAIN = paths("10.0.0.2")
ROUTE_A = route(A, leg("10.0.0.2"))


class Transcript:
    """A reconciler whose changes a perfect kernel carries out."""

    def __init__(self, *ours: KernelRoute, plan: KernelPlan | None = None, foreign: tuple[KernelRoute, ...] = ()):
        self.state = Reconciler(plan or KernelPlan())
        self.kernel: dict[RouteKey, KernelRoute] = {each.key: each for each in ours}
        self.look(*foreign)

    def look(self, *foreign: KernelRoute) -> None:
        """A dump."""
        view = KernelView()
        view.underlay = underlay()
        for each in (*foreign, *self.kernel.values()):
            self.state.observation.add_to(view, each.nlri, terms_of(each))
        self.state.observation.observe_all(view)

    def settle(self) -> list[tuple[str, KernelRoute]]:
        """Carries out everything that is outstanding; returns what that was."""
        done = []
        self.state.refresh()
        while self.state.work:
            for change in self.state.comparison.next_changes(10):
                carry_out(change, self.kernel)
                self.state.comparison.applied(change)
                done.append((change.verb.value, change.route))
        return done

    def learn(self, *prefixes: str, via: str = "10.0.0.2") -> None:
        self.state.announce([at(prefix) for prefix in prefixes], paths(via))

    def synced(self, *prefixes: str) -> None:
        self.learn(*prefixes)
        self.state.end_sync()
        self.settle()

    def another_program_deletes(self, gone: KernelRoute) -> None:
        del self.kernel[gone.key]
        self.state.observation.observe(event(gone, came=False))


def test_a_learned_route_is_added() -> None:
    fib = Transcript()
    fib.learn(A)
    assert fib.settle() == [("add", ROUTE_A)]


def test_a_withdrawn_route_is_deleted() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.withdraw([at(A)])
    assert fib.settle() == [("delete", ROUTE_A)]


def test_another_next_hop_replaces() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.learn(A, via="10.0.0.3")
    assert fib.settle() == [("replace", route(A, leg("10.0.0.3")))]


def test_another_local_pref_adds_the_new_metric_before_deleting_the_old() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.announce([at(A)], paths("10.0.0.2", local_pref=100))
    assert fib.settle() == [("add", route(A, leg("10.0.0.2"), metric=2147483547)), ("delete", ROUTE_A)]


def test_the_same_route_again_changes_nothing() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.learn(A)
    assert fib.settle() == []


# --------------------------------------------------------------------------------------------- restart


def test_routes_of_before_stay_until_the_stream_is_in_sync() -> None:
    fib = Transcript(ROUTE_A)
    assert fib.settle() == []


def test_routes_of_before_that_come_back_are_never_touched() -> None:
    fib = Transcript(ROUTE_A)
    fib.learn(A)
    fib.state.end_sync()
    assert fib.settle() == []


def test_routes_of_before_that_do_not_come_back_are_swept() -> None:
    fib = Transcript(ROUTE_A)
    fib.learn(B)
    assert [verb for verb, _ in fib.settle()] == ["add"]
    fib.state.end_sync()
    assert fib.settle() == [("delete", ROUTE_A)]


def test_a_route_of_before_with_another_metric_goes_as_soon_as_its_prefix_is_named() -> None:
    old = route(A, leg("10.0.0.2"), metric=512)
    fib = Transcript(old)
    fib.learn(A)
    assert fib.settle() == [("add", ROUTE_A), ("delete", old)]


def test_a_second_sync_keeps_its_routes_until_it_ends() -> None:
    fib = Transcript()
    fib.synced(A, B)
    fib.state.begin_sync()
    fib.learn(B)
    assert fib.settle() == []
    fib.state.end_sync()
    assert fib.settle() == [("delete", ROUTE_A)]


def test_a_stale_route_is_repaired_too() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.begin_sync()
    fib.another_program_deletes(ROUTE_A)
    assert fib.settle() == [("add", ROUTE_A)]


def test_a_withdrawal_in_the_middle_of_a_sync_counts_at_once() -> None:
    fib = Transcript(ROUTE_A)
    fib.state.withdraw([at(A)])
    assert fib.settle() == [("delete", ROUTE_A)]


# -------------------------------------------------------------------------------------- others at work


def test_a_deleted_route_is_repaired_and_counted() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.another_program_deletes(ROUTE_A)
    assert (fib.settle(), fib.state.work.repairs) == ([("add", ROUTE_A)], 1)


def test_a_changed_route_is_repaired() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.observation.observe(event(route(A, leg("10.0.0.9")), placement=Placement.REPLACE))
    assert (fib.settle(), fib.state.work.repairs) == ([("replace", ROUTE_A)], 1)


def test_one_hop_deleted_from_an_ipv6_ecmp_route_is_repaired() -> None:
    fib = Transcript()
    fib.state.announce([at("fd09::/64")], paths("fd00::2", "fd00::3"))
    fib.settle()
    fib.state.observation.observe(event(route("fd09::/64", leg("fd00::3")), came=False))
    assert fib.settle() == [("replace", route("fd09::/64", leg("fd00::2"), leg("fd00::3")))]


def test_a_route_that_another_program_made_with_our_protocol_is_removed() -> None:
    fib = Transcript()
    fib.synced(A)
    unwanted = route(C, leg("10.0.0.9"))
    fib.kernel[unwanted.key] = unwanted
    fib.state.observation.observe(event(unwanted))
    assert fib.settle() == [("delete", unwanted)]


FOREIGN_A = route(A, leg("10.0.0.9"), protocol=STATIC)
FOREIGN_FAILURE = (RouteFailure(A, occupied(A, "static", 4), 1024),)


def test_a_foreign_route_of_the_same_key_is_reported_and_left() -> None:
    fib = Transcript(foreign=(FOREIGN_A,))
    fib.learn(A)
    assert (fib.settle(), fib.state.failures.occupied()) == ([], FOREIGN_FAILURE)


def test_a_foreign_route_that_replaced_ours_is_left_too() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.observation.observe(event(FOREIGN_A, placement=Placement.REPLACE))
    assert (fib.settle(), fib.state.failures.occupied()) == ([], FOREIGN_FAILURE)


def test_our_route_takes_its_place_once_the_foreign_one_went() -> None:
    fib = Transcript(foreign=(FOREIGN_A,))
    fib.synced(A)
    fib.state.observation.observe(event(FOREIGN_A, came=False))
    assert (fib.settle(), fib.state.failures.occupied()) == ([("add", ROUTE_A)], ())


def test_a_foreign_route_with_a_lower_metric_is_no_obstacle_and_is_reported() -> None:
    better = route(A, leg("10.0.0.9"), metric=5, protocol=STATIC)
    fib = Transcript(foreign=(better,))
    fib.learn(A)
    assert fib.settle() == [("add", ROUTE_A)]
    failure = RouteFailure(A, "another program's route wins: static (protocol 4, metric 5)", 1024)
    assert (fib.state.failures.shadowed(), fib.state.failures.occupied()) == ((failure,), ())
    fib.state.observation.observe(event(better, came=False))
    assert (fib.settle(), fib.state.failures.shadowed()) == ([], ())


@pytest.mark.parametrize(("metric", "protocol"), [(2000, STATIC), (0, KERNEL)])
def test_a_foreign_route_that_loses_or_is_the_kernels_own_is_not_reported(metric: int, protocol: int) -> None:
    fib = Transcript(foreign=(route(A, leg("10.0.0.9"), metric=metric, protocol=protocol),))
    fib.learn(A)
    assert (fib.settle(), fib.state.failures.shadowed()) == ([("add", ROUTE_A)], ())


def test_a_withdrawn_route_is_not_reported_as_shadowed_any_more() -> None:
    fib = Transcript(foreign=(route(A, leg("10.0.0.9"), metric=5, protocol=STATIC),))
    fib.synced(A)
    fib.state.withdraw([at(A)])
    assert (fib.settle(), fib.state.failures.shadowed()) == ([("delete", ROUTE_A)], ())


# ------------------------------------------------------------------------------------------ blackholes

BLOCK = "10.244.0.0/26"
OWN_BLOCK = KernelPlan(blackholes=(BLOCK,))
BLACKHOLE_ROUTE = route(BLOCK, metric=1023)


def workload(metric: int) -> KernelRoute:
    """A local workload that owns the whole block."""
    return route(BLOCK, leg(), metric=metric, protocol=3)


@pytest.mark.parametrize(("metric", "changes"), [(0, [("add", BLACKHOLE_ROUTE)]), (1024, [])])
def test_a_blackhole_never_wins_over_a_workloads_route(metric: int, changes: list[tuple[str, KernelRoute]]) -> None:
    fib = Transcript(plan=OWN_BLOCK, foreign=(workload(metric),))
    fib.state.end_sync()
    assert (fib.settle(), fib.state.failures.occupied(), fib.state.failures.shadowed()) == (changes, (), ())


def test_a_blackhole_gives_way_to_a_workload_that_comes_and_returns_when_it_went() -> None:
    fib = Transcript(plan=OWN_BLOCK)
    fib.synced()
    fib.state.observation.observe(event(workload(1024)))
    assert fib.settle() == [("delete", BLACKHOLE_ROUTE)]
    fib.state.observation.observe(event(workload(1024), came=False))
    assert fib.settle() == [("add", BLACKHOLE_ROUTE)]


# ------------------------------------------------------------------------------------ what is below us


def test_an_unresolved_route_is_installed_when_its_next_hop_appears() -> None:
    fib = Transcript()
    fib.learn(A, via="10.9.0.7")
    assert fib.settle() == []
    assert fib.state.failures.unresolved() == (RouteFailure(A, "next hop 10.9.0.7: the kernel has no route to it"),)
    fib.state.observation.observe(event(route("10.9.0.0/16", leg("10.0.0.254"), protocol=STATIC)))
    assert (fib.settle(), fib.state.failures.unresolved()) == ([("add", route(A, leg("10.0.0.254")))], ())


def test_a_route_follows_its_next_hop_to_another_gateway() -> None:
    before = route("10.9.0.0/16", leg("10.0.0.254"), protocol=STATIC)
    fib = Transcript(foreign=(before,))
    fib.learn(A, via="10.9.0.7")
    fib.settle()
    after = route("10.9.0.0/16", leg("10.0.0.253"), protocol=STATIC)
    fib.state.observation.observe(event(after, placement=Placement.REPLACE))
    assert fib.settle() == [("replace", route(A, leg("10.0.0.253")))]


def test_a_bgp_route_does_not_resolve_through_another() -> None:
    fib = Transcript()
    fib.learn("10.9.0.0/16")
    fib.settle()
    fib.learn(A, via="10.9.0.7")
    assert (fib.settle(), len(fib.state.failures.unresolved())) == ([], 1)


def test_a_link_of_ours_that_goes_down_asks_for_a_look_at_the_kernel() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.observation.observe_link(Link(ETH0, "eth0", up=False))
    assert fib.state.view.outdated


def test_a_link_that_carries_none_of_ours_does_not() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.observation.observe_link(Link(77, "cali1"))
    fib.state.observation.remove_link(77)
    assert not fib.state.view.outdated


def test_the_last_ipv4_address_of_a_link_of_ours_asks_for_a_look() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.observation.observe_address(
        next(a for a in fib.state.view.underlay.addresses if a.length == 24), came=False
    )
    assert fib.state.view.outdated


def test_one_of_two_addresses_does_not() -> None:
    fib = Transcript()
    fib.synced(A)
    second = LinkAddress(ETH0, b"\x0a\0\0\x09", 24)
    fib.state.observation.observe_address(second, came=True)
    fib.state.observation.observe_address(second, came=False)
    assert not fib.state.view.outdated


def test_routes_through_a_tunnel_follow_its_device_to_a_new_index() -> None:
    vtep = Vtep("far", "10.9.0.7", "10.244.7.1", "66:00:00:00:00:07")
    vxlan = VxlanPlan(4, "vxlan.calico", 4096, 4789, "10.0.0.1", "10.244.0.1", "66:00:00:00:00:01", 0, (vtep,))
    rule = KernelRule(A, KernelVerdict.PROGRAM, Encapsulation.VXLAN)
    fib = Transcript(plan=KernelPlan(rules=(rule,), vxlans=(vxlan,)))
    fib.learn(A, via="10.9.0.7")
    assert fib.settle() == []
    fib.state.observation.observe_link(Link(TUNNEL, "vxlan.calico"))
    assert fib.settle() == [("add", route(A, leg("10.244.7.1", TUNNEL, onlink=True)))]
    fib.state.observation.remove_link(TUNNEL)
    fib.state.observation.observe_link(Link(TUNNEL + 1, "vxlan.calico"))
    assert fib.settle() == [("replace", route(A, leg("10.244.7.1", TUNNEL + 1, onlink=True)))]


# ---------------------------------------------------------------------------------------- what is refused


def refused(fib: Transcript, errno: int, reason: str) -> list[bool]:
    """Whether each refusal was news."""
    return [fib.state.comparison.refused(change, errno, reason) for change in fib.state.comparison.next_changes(10)]


def test_a_refused_route_is_reported_with_the_reason() -> None:
    fib = Transcript()
    fib.learn(A)
    refused(fib, EINVAL, "Nexthop has invalid gateway")
    assert fib.state.failures.refused() == (RouteFailure(A, "Nexthop has invalid gateway", 1024),)
    assert (fib.state.desired.count, fib.state.comparison.installed_count) == (1, 0)


def test_a_refusal_that_repeats_is_no_news() -> None:
    fib = Transcript()
    fib.learn(A)
    assert refused(fib, EINVAL, "no") == [True]
    fib.state.comparison.retry_refused()
    assert refused(fib, EINVAL, "no") == [False]


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda state: state.observation.observe_link(Link(5, "eth5")), id="a link"),
        pytest.param(
            lambda state: state.observation.observe_address(LinkAddress(5, b"\1\2\3\4", 24), came=True), id="an address"
        ),
        pytest.param(
            lambda state: state.observation.observe(event(route(C, leg("10.0.0.9"), protocol=STATIC))),
            id="a foreign route",
        ),
    ],
)
def test_a_refused_route_is_tried_again_when_something_below_changes(happens: Callable[[Reconciler], None]) -> None:
    fib = Transcript()
    fib.learn(A)
    refused(fib, EINVAL, "no")
    happens(fib.state)
    assert (fib.settle(), fib.state.failures.refused()) == ([("add", ROUTE_A)], ())


def test_a_key_that_exists_unknown_to_us_asks_once_for_a_look() -> None:
    fib = Transcript()
    fib.learn(A)
    refused(fib, EEXIST, "File exists")
    assert fib.state.view.outdated
    fib.look()
    refused(fib, EEXIST, "File exists")
    assert not fib.state.view.outdated


def test_deleting_what_is_gone_already_is_done() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.withdraw([at(A)])
    refused(fib, ESRCH, "No such process")
    assert (len(fib.state.view.observed), fib.state.failures.refused()) == (0, ())


# ---------------------------------------------------------------------------------------------- the plan


def test_a_new_plan_changes_only_what_differs() -> None:
    fib = Transcript()
    fib.synced(A, B)
    fib.state.apply_plan(KernelPlan(rules=(KernelRule(B, KernelVerdict.LEAVE),), blackholes=("10.244.0.0/26",)))
    done = fib.settle()
    assert sorted((verb, each.nlri) for verb, each in done) == [
        ("add", at("10.244.0.0/26")[1]),
        ("delete", at(B)[1]),
    ]


def test_a_blackhole_and_a_bgp_route_to_the_same_block_stand_beside_each_other() -> None:
    fib = Transcript(plan=KernelPlan(blackholes=(A,)))
    fib.learn(A)
    assert sorted(each.metric for _, each in fib.settle()) == [1023, 1024]


def test_another_protocol_number_replaces_the_routes_in_place() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.apply_plan(KernelPlan(protocol=80))
    assert fib.settle() == [("replace", route(A, leg("10.0.0.2"), protocol=80))]


events = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), st.sampled_from([A, B, C]), st.sampled_from(["10.0.0.2", "10.0.0.3", "10.9.0.7"])),
        st.tuples(st.just("withdraw"), st.sampled_from([A, B, C]), st.none()),
        st.tuples(st.just("delete"), st.integers(0, 5), st.none()),
        st.tuples(st.just("begin"), st.none(), st.none()),
        st.tuples(st.just("end"), st.none(), st.none()),
        st.tuples(st.just("settle"), st.none(), st.none()),
    ),
    max_size=25,
)


@settings(deadline=None)  # the machine may be busy
@given(events)
def test_whatever_happens_the_kernel_ends_with_the_loc_rib(events: list[tuple[str, object, object]]) -> None:
    fib = Transcript(ROUTE_A)
    loc_rib: dict[str, str] = {}
    fresh: set[str] = set()
    for name, what, via in events:
        if name == "learn":
            fib.learn(str(what), via=str(via))
            loc_rib[str(what)] = str(via)
            fresh.add(str(what))
        elif name == "withdraw":
            fib.state.withdraw([at(str(what))])
            loc_rib.pop(str(what), None)
        elif name == "delete" and fib.kernel:
            keys = sorted(fib.kernel)
            fib.another_program_deletes(fib.kernel[keys[int(str(what)) % len(keys)]])
        elif name == "begin":
            fib.state.begin_sync()
            fresh = set()
        elif name == "end" and fib.state.learned.is_syncing:
            fib.state.end_sync()
            loc_rib = {prefix: via for prefix, via in loc_rib.items() if prefix in fresh}
        elif name == "settle":
            fib.settle()
    if fib.state.learned.is_syncing:
        fib.state.end_sync()
        loc_rib = {prefix: via for prefix, via in loc_rib.items() if prefix in fresh}
    fib.settle()
    reachable = {prefix: via for prefix, via in loc_rib.items() if via != "10.9.0.7"}
    assert set(fib.kernel.values()) == {route(prefix, leg(via)) for prefix, via in reachable.items()}
    assert fib.state.comparison.installed_count == fib.state.desired.count == len(reachable)


def test_deletions_of_a_slice_come_after_its_additions() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.withdraw([at(A)])
    fib.learn(B, C)
    changes: list[Change] = fib.state.comparison.next_changes(10)
    assert [change.verb for change in changes] == [Verb.ADD, Verb.ADD, Verb.DELETE]


# ------------------------------------------------------------------------------------------- carriers

TWO_LINKS = (route("10.0.1.0/24", leg(ifindex=ETH1), metric=0, protocol=KERNEL),)
BOTH = route(A, leg("10.0.0.2"), leg("10.0.1.2", ETH1))


def multipath() -> Transcript:
    """A through eth0 and eth1."""
    fib = Transcript(foreign=TWO_LINKS)
    fib.state.observation.observe_link(Link(ETH1, "eth1"))
    fib.state.announce([at(A)], paths("10.0.0.2", "10.0.1.2"))
    fib.state.end_sync()
    assert fib.settle() == [("add", BOTH)]
    return fib


def test_a_hop_whose_link_loses_its_carrier_leaves_the_multipath_and_comes_back() -> None:
    fib = multipath()
    fib.state.observation.observe_link(Link(ETH1, "eth1", carrier=False))
    assert fib.settle() == [("replace", ROUTE_A)]
    fib.state.observation.observe_link(Link(ETH1, "eth1"))
    assert fib.settle() == [("replace", BOTH)]


def test_where_no_link_has_a_carrier_all_hops_stay() -> None:
    fib = multipath()
    fib.state.observation.observe_link(Link(ETH1, "eth1", carrier=False))
    fib.state.observation.observe_link(Link(ETH0, "eth0", carrier=False))
    assert fib.settle() == []


def test_a_single_hop_without_a_carrier_stays() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.observation.observe_link(Link(ETH0, "eth0", carrier=False))
    assert fib.settle() == []
