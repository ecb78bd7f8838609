"""Named sets of originations beside the plan's: each is replaced whole, and only what differs is sent."""

from __future__ import annotations

import pytest
from speaker_makers import Router, a_client, a_plan, an_origination

from reflector.plan import Origination, RouteSource
from reflector.wire.nlri import pack_nlri

CLIENT = a_client("a", "10.0.0.1")
BLOCK, SERVICE, OTHER = "10.1.0.0/26", "10.96.0.1/32", "10.97.0.1/32"


@pytest.fixture
def router() -> Router:
    router = Router(a_plan(CLIENT, originations=(an_origination(BLOCK),)))
    router.up("a")
    return router


def originate(router: Router, name: str, *prefixes: str) -> None:
    router.engine.originate(name, tuple(Origination(prefix, RouteSource.SERVICE) for prefix in prefixes))
    router.turn()


def test_a_set_stands_beside_the_plan(router: Router) -> None:
    originate(router, "services", SERVICE, OTHER)
    assert router.advertised("a") == {BLOCK, SERVICE, OTHER}


def test_a_set_is_replaced_whole_and_others_stay(router: Router) -> None:
    originate(router, "services", SERVICE)
    originate(router, "kernel", "10.3.0.0/24")
    originate(router, "services", OTHER)
    assert router.advertised("a") == {BLOCK, OTHER, "10.3.0.0/24"}


def test_an_empty_set_is_withdrawn_and_forgotten(router: Router) -> None:
    originate(router, "services", SERVICE)
    originate(router, "services")
    assert (router.advertised("a"), router.engine.originations.sets) == ({BLOCK}, {})


def test_a_set_survives_another_plan(router: Router) -> None:
    originate(router, "services", SERVICE)
    router.apply(a_plan(CLIENT))
    assert router.advertised("a") == {SERVICE}


def test_only_what_differs_is_sent(router: Router) -> None:
    originate(router, "services", SERVICE)
    before = len(router.tables["a"].updates)
    originate(router, "services", SERVICE)
    originate(router, "more", SERVICE)
    assert len(router.tables["a"].updates) == before


def test_a_prefix_of_two_sets_stays_until_both_have_let_go_of_it(router: Router) -> None:
    originate(router, "one", SERVICE)
    originate(router, "two", SERVICE)
    originate(router, "one")
    assert SERVICE in router.advertised("a")
    originate(router, "two")
    assert SERVICE not in router.advertised("a")


@pytest.mark.parametrize(
    "wrong",
    [
        an_origination("10.0.0.1/8"),
        an_origination("nowhere"),
        an_origination(BLOCK, communities=("1:2:3:4",)),
        an_origination(BLOCK, next_hop="gateway"),
        an_origination(BLOCK, priority=-1),
        an_origination(BLOCK, priority=2**31),
    ],
)
def test_what_cannot_be_originated_is_refused_and_changes_nothing(router: Router, wrong: Origination) -> None:
    originate(router, "services", SERVICE)
    with pytest.raises(ValueError, match=r"."):
        router.engine.originate("services", (an_origination("10.4.0.0/16"), wrong))
    router.turn()
    assert router.advertised("a") == {BLOCK, SERVICE}


def test_of_many_originations_only_the_one_that_differs_is_made_anew(router: Router) -> None:
    """A node's workloads come and go one by one."""
    many = tuple(f"10.8.{n >> 8}.{n & 255}/32" for n in range(1000))
    originate(router, "workloads", *many)
    before = dict(router.engine.originations.paths[4])
    originate(router, "workloads", *many[1:], "10.9.0.1/32")
    after = router.engine.originations.paths[4]
    assert set(after) - set(before) == {pack_nlri("10.9.0.1/32")}
    assert all(after[nlri] is before[nlri] for nlri in before if nlri != pack_nlri(many[0]))
