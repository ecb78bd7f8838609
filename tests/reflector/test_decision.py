"""The decision process (RFC 4271 9.1.2.2, RFC 4456 9, RFC 9494 4.4).

Every step decides alone, and order of arrival never does.
"""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speaker_makers import OUR_AS, a_session, as_sequence, some_attributes

from reflector.addresses import pack_address
from reflector.kernel.resolve import Resolution
from reflector.plan import PRIORITY_BASE, RouteSource
from reflector.rib.decision import STEPS_COMPARING_ALL_MED, decide, explain_decision, steps_to_multipath
from reflector.rib.next_hop import NextHop
from reflector.rib.path import Path
from reflector.session.sender import sender_of
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import AS_CONFED_SEQUENCE, AS_SEQUENCE, AS_SET, LLGR_STALE, AsPath, Origin


class Traits(NamedTuple):
    """All that the decision looks at, in the order in which it does."""

    source: RouteSource = RouteSource.BGP
    communities: tuple[int, ...] = ()
    local_pref: int | None = 100
    as_path: AsPath = as_sequence(65001, 65002)
    origin: int = Origin.EGP
    med: int | None = 10
    external: bool = True
    cost: int = 10
    identifier: str = "10.0.0.5"
    clusters: int = 2
    address: str = "10.0.0.5"
    path_id: int = 5


USUAL = Traits()
BETTER = {
    "source": RouteSource.BLOCK,
    "local_pref": 200,
    "as_path": as_sequence(65001),
    "origin": Origin.IGP,
    "med": 5,
    "external": True,
    "cost": 5,
    "identifier": "10.0.0.4",
    "clusters": 1,
    "address": "10.0.0.4",
    "path_id": 4,
}
WORSE = {
    "communities": (LLGR_STALE,),
    "local_pref": 50,
    "as_path": as_sequence(65001, 65002, 65003),
    "origin": Origin.INCOMPLETE,
    "med": 20,
    "external": False,
    "cost": 20,
    "identifier": "10.0.0.6",
    "clusters": 3,
    "address": "10.0.0.6",
    "path_id": 6,
}
STEPS = {
    "communities": RouteVerdict.LOST_STALE,
    "local_pref": RouteVerdict.LOST_LOCAL_PREF,
    "as_path": RouteVerdict.LOST_AS_PATH_LENGTH,
    "origin": RouteVerdict.LOST_ORIGIN,
    "med": RouteVerdict.LOST_MED,
    "external": RouteVerdict.LOST_EBGP,
    "cost": RouteVerdict.LOST_IGP_COST,
    "identifier": RouteVerdict.LOST_ROUTER_ID,
    "clusters": RouteVerdict.LOST_CLUSTER_LIST,
    "address": RouteVerdict.LOST_PEER_ADDRESS,
    "path_id": RouteVerdict.LOST_PATH_ID,
}


def a_path(traits: Traits = USUAL, originator: str = "") -> Path:
    attributes = some_attributes(
        next_hop=traits.address,
        local_pref=traits.local_pref,
        communities=traits.communities,
        origin=traits.origin,
        med=traits.med,
        originator_id=pack_address(originator) if originator else b"",
        cluster_list=(b"\0\0\0\1",) * traits.clusters,
    ).replace(as_path=traits.as_path)
    sent_by = None
    if traits.source is RouteSource.BGP:
        session = a_session("peer", traits.address, peer_as=65001 if traits.external else OUR_AS)
        sent_by = sender_of(session, pack_address(traits.identifier))
    path = Path(sent_by, 4, attributes, attributes)
    path.source, path.path_id = traits.source, traits.path_id
    path.next_hop = NextHop(attributes.next_hop)
    path.next_hop.resolution = Resolution(cost=traits.cost)
    return path


def verdicts(*paths: Path) -> list[RouteVerdict]:
    return [verdict for _, verdict in explain_decision(paths)]


@pytest.mark.parametrize("step", STEPS)
def test_the_loser_loses_only_at_this_step_and_wins_every_later_one(step: str) -> None:
    names = list(Traits._fields)
    later = {name: BETTER[name] for name in names[names.index(step) + 1 :]}
    loser = a_path(USUAL._replace(**{**later, step: WORSE[step]}))
    winner = a_path(USUAL)
    assert verdicts(loser, winner) == [STEPS[step], RouteVerdict.BEST]
    assert verdicts(winner, loser) == [RouteVerdict.BEST, STEPS[step]]
    assert decide((loser, winner)).best is winner


@pytest.mark.parametrize(
    "source", [RouteSource.DIRECT, RouteSource.BLOCK, RouteSource.STATIC, RouteSource.SERVICE], ids=str
)
def test_our_own_route_wins_over_anything_that_was_learned(source: RouteSource) -> None:
    learned = a_path(Traits(**{name: value for name, value in BETTER.items() if name != "source"}))
    own = a_path(USUAL._replace(source=source, local_pref=1))
    assert verdicts(learned, own) == [RouteVerdict.LOST_LOCAL_ROUTE, RouteVerdict.BEST]


def kernel_route(metric: int) -> Path:
    """As it is originated."""
    traits = Traits(source=RouteSource.KERNEL, local_pref=PRIORITY_BASE - metric, as_path=())
    return a_path(traits._replace(origin=Origin.IGP, med=None))


def learned_from_a_node(metric: int) -> Path:
    """By iBGP from the node whose kernel has this metric, and better at the last steps."""
    traits = Traits(**{name: value for name, value in BETTER.items() if name not in ("source", "external")})
    return a_path(traits._replace(local_pref=PRIORITY_BASE - metric, as_path=(), external=False, med=None))


@pytest.mark.parametrize(
    ("here", "there", "verdict"),
    [
        (1024, 512, None),
        (512, 1024, RouteVerdict.LOST_LOCAL_PREF),
        (1024, 1024, RouteVerdict.LOST_EBGP),
        (1024, 2000, RouteVerdict.LOST_LOCAL_PREF),
    ],
    ids=["it has moved away", "it has moved here", "it is in both", "an ordinary route against a worse one"],
)
def test_of_a_workloads_kernel_route_and_a_nodes_route_the_lower_metric_wins(
    here: int, there: int, verdict: RouteVerdict | None
) -> None:
    kernel, learned = kernel_route(here), learned_from_a_node(there)
    won, lost = RouteVerdict.BEST, verdict or RouteVerdict.LOST_LOCAL_PREF
    assert verdicts(kernel, learned) == ([won, lost] if verdict else [lost, won])
    assert decide((learned, kernel)).multipath == ((kernel,) if verdict else (learned,))


def test_a_workloads_kernel_route_wins_over_a_router_outside() -> None:
    """Whose LOCAL_PREF is the default."""
    outside = a_path(Traits(**{name: value for name, value in BETTER.items() if name not in ("source", "local_pref")}))
    assert verdicts(kernel_route(1024), outside) == [RouteVerdict.BEST, RouteVerdict.LOST_LOCAL_PREF]


def test_among_our_own_a_direct_route_wins_then_statics_then_the_kernels() -> None:
    direct, block, kernel = (
        a_path(USUAL._replace(source=source, local_pref=pref))
        for source, pref in ((RouteSource.DIRECT, 1), (RouteSource.BLOCK, 2), (RouteSource.KERNEL, 3))
    )
    assert decide((kernel, block, direct)).best is direct
    assert decide((kernel, block)).best is block


def test_an_absent_local_pref_is_the_default() -> None:
    absent, lower = a_path(USUAL._replace(local_pref=None)), a_path(USUAL._replace(local_pref=99))
    assert verdicts(lower, absent) == [RouteVerdict.LOST_LOCAL_PREF, RouteVerdict.BEST]


def test_an_as_set_counts_one_and_confederation_segments_none() -> None:
    """RFC 4271 9.1.2.2 a, RFC 5065 5.3."""
    aggregate = a_path(USUAL._replace(as_path=((AS_SEQUENCE, (65001,)), (AS_SET, (1, 2, 3, 4)))))
    confederate = a_path(USUAL._replace(as_path=((AS_CONFED_SEQUENCE, (7, 8, 9)), (AS_SEQUENCE, (65001, 1)))))
    longer = a_path(USUAL._replace(as_path=as_sequence(65001, 2, 3)))
    assert verdicts(aggregate, longer) == [RouteVerdict.BEST, RouteVerdict.LOST_AS_PATH_LENGTH]
    assert verdicts(confederate, longer) == [RouteVerdict.BEST, RouteVerdict.LOST_AS_PATH_LENGTH]


def test_an_absent_med_is_the_lowest() -> None:
    """RFC 4271 9.1.2.2 c."""
    assert verdicts(a_path(USUAL._replace(med=None)), a_path(USUAL._replace(med=1)))[0] is RouteVerdict.BEST


def test_med_of_different_neighbouring_as_is_not_compared() -> None:
    high = a_path(USUAL._replace(med=20, identifier="10.0.0.1"))
    low = a_path(USUAL._replace(med=1, as_path=as_sequence(65009, 1)))
    assert verdicts(high, low) == [RouteVerdict.BEST, RouteVerdict.LOST_ROUTER_ID]


def test_always_compare_med_compares_all_routes() -> None:
    """RFC 4271 9.1.2.2 c leaves it to the operator."""
    high = a_path(USUAL._replace(med=20, identifier="10.0.0.1"))
    low = a_path(USUAL._replace(med=1, as_path=as_sequence(65009, 1)))
    assert decide((high, low), to_multipath=STEPS_COMPARING_ALL_MED).best is low
    explained = explain_decision((high, low), STEPS_COMPARING_ALL_MED)
    assert explained == [(high, RouteVerdict.LOST_MED), (low, RouteVerdict.BEST)]


def test_always_compare_med_changes_no_other_step() -> None:
    usual, comparing = steps_to_multipath(always_compare_med=False), steps_to_multipath(always_compare_med=True)
    assert [step.verdict for step in usual] == [step.verdict for step in comparing]
    differing = [step.verdict for step, other in zip(usual, comparing, strict=True) if step != other]
    assert differing == [RouteVerdict.LOST_MED]


def test_routes_of_our_own_as_are_one_neighbour_to_med() -> None:
    """RFC 4271 9.1.2.2 c: the neighbouring AS of a route that began in this one is this one."""
    high, low = (
        a_path(USUAL._replace(med=med, as_path=path, external=False, identifier=identifier))
        for med, path, identifier in ((20, ((AS_SET, (1, 2)),), "10.0.0.1"), (1, ((AS_SET, (3,)),), "10.0.0.2"))
    )
    assert verdicts(high, low) == [RouteVerdict.LOST_MED, RouteVerdict.BEST]


def test_a_path_whose_next_hop_is_not_looked_up_costs_nothing() -> None:
    """RFC 4271 9.1.2.2 e: a link-local next hop is a neighbour."""
    direct, far = a_path(USUAL._replace(identifier="10.0.0.6")), a_path(USUAL._replace(cost=1))
    direct.next_hop = None
    assert verdicts(far, direct) == [RouteVerdict.LOST_IGP_COST, RouteVerdict.BEST]


def test_originator_id_stands_for_the_peers_identifier() -> None:
    """RFC 4456 9."""
    reflected = a_path(USUAL._replace(identifier="10.0.0.1"), originator="10.0.0.9")
    assert verdicts(reflected, a_path(USUAL)) == [RouteVerdict.LOST_ROUTER_ID, RouteVerdict.BEST]


def test_the_route_that_med_eliminates_would_have_won_and_its_rival_lost() -> None:
    """The classic case in which comparing pairs in order of arrival gives each of the three a turn."""
    a = a_path(USUAL._replace(med=20, identifier="10.0.0.1"))
    b = a_path(USUAL._replace(as_path=as_sequence(65009, 1), identifier="10.0.0.2"))
    c = a_path(USUAL._replace(med=1, identifier="10.0.0.3"))
    assert {decide(order).best for order in permutations((a, b, c))} == {b}


TRAITS = st.builds(
    Traits,
    source=st.sampled_from((RouteSource.BGP, RouteSource.BGP, RouteSource.BGP, RouteSource.KERNEL)),
    communities=st.sampled_from(((), (), (LLGR_STALE,))),
    local_pref=st.sampled_from((100, 200)),
    as_path=st.sampled_from((as_sequence(1, 2), as_sequence(3, 2), as_sequence(1, 2, 3))),
    origin=st.sampled_from((0, 2)),
    med=st.sampled_from((None, 5, 10)),
    external=st.booleans(),
    cost=st.sampled_from((0, 100)),
    identifier=st.sampled_from(("10.0.0.1", "10.0.0.2")),
    clusters=st.integers(0, 2),
    address=st.sampled_from(("10.0.0.1", "10.0.0.2")),
    path_id=st.integers(1, 4),
)


def sender(traits: Traits) -> tuple[object, ...]:
    """Whose route it is: a second one of the same sender and path identifier would have replaced the first."""
    return (traits.address, traits.path_id) if traits.source is RouteSource.BGP else (traits.source,)


@given(st.lists(TRAITS, min_size=1, max_size=5, unique_by=sender), st.booleans())
def test_the_order_of_arrival_never_decides(traits: list[Traits], always_compare_med: bool) -> None:
    paths = [a_path(each) for each in traits]
    steps = steps_to_multipath(always_compare_med=always_compare_med)
    decided = [decide(order, to_multipath=steps) for order in permutations(paths)]
    assert len({each.best for each in decided}) == 1
    assert len({frozenset(each.multipath) for each in decided}) == 1


@given(st.lists(TRAITS, min_size=1, max_size=6, unique_by=sender))
def test_exactly_one_route_is_best_and_it_is_one_of_the_multipath_set(traits: list[Traits]) -> None:
    paths = [a_path(each) for each in traits]
    decision = decide(paths)
    assert decision.best in decision.multipath
    explained = explain_decision(paths)
    assert [path for path, verdict in explained if verdict is RouteVerdict.BEST] == [decision.best]
    reasons = {RouteVerdict.BEST, RouteVerdict.LOST_LOCAL_ROUTE, *STEPS.values()}
    assert {verdict for _, verdict in explained} <= reasons


def test_the_multipath_set_is_what_is_equal_up_to_the_cost() -> None:
    """RFC 4271 9.1.2.2 e: equal ways are equally far."""
    first, second = a_path(USUAL), a_path(USUAL._replace(identifier="10.0.0.6", address="10.0.0.6", clusters=0))
    internal = a_path(USUAL._replace(external=False, cost=1))
    farther = a_path(USUAL._replace(cost=11))
    decision = decide((internal, second, farther, first))
    assert decision.best is first
    assert set(decision.multipath) == {first, second}
