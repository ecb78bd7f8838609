"""Routes that stay though the speaker does not name them: which, and until when."""

from __future__ import annotations

from typing import Any

import pytest
from fib_makers import at, leg, paths, route
from test_fib_reconciler import Transcript

from bgpctl.fib.core.retained import Networks, Outlook, RetainedRoute
from reflector.addresses import pack_address
from reflector.kernel.route import BLACKHOLE, KernelRoute
from reflector.plan import KernelPlan

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
ROUTE_A, ROUTE_B = route(A, leg("10.0.0.2")), route(B, leg("10.0.0.2"))
N2, N3, ROUTER, POD = map(pack_address, ("10.0.0.2", "10.0.0.3", "10.0.0.254", "20.0.9.9"))
OWNER = {N2: "n2", N3: "n3"}
POOLS = Networks((at("20.0.0.0/16"),))


def outlook(**known: Any) -> Outlook:
    return Outlook(**{"owner": OWNER, "networks": POOLS, "in_sync": True, **known})


def to(*next_hops: bytes, prefix: str = A, is_certain: bool = True) -> RetainedRoute:
    return RetainedRoute(at(prefix), next_hops, is_certain)


# ------------------------------------------------------------------------------------------------ rule

REFLECTOR_AWAITED, REFLECTOR_HEARD = {"reflector_awaited": {4}}, {"reflector_awaited": {4}, "reflector_complete": {4}}
N2_AWAITED = {"awaited": {(4, "n2")}}


def test_a_route_stays_while_no_reflector_has_been_heard() -> None:
    assert not outlook(**REFLECTOR_AWAITED).releases(to(N2))
    assert outlook(**REFLECTOR_HEARD).releases(to(N2))


def test_a_reflector_of_the_other_family_says_nothing_of_it() -> None:
    assert not outlook(reflector_awaited={4, 6}, reflector_complete={6}).releases(to(N2))


def test_a_route_to_a_node_stays_while_that_node_is_awaited() -> None:
    """The mesh; and a reflector with pods of its own, of which the other one may not know."""
    assert not outlook(**N2_AWAITED).releases(to(N2))
    assert not outlook(**N2_AWAITED, **REFLECTOR_HEARD).releases(to(N2))
    assert outlook(**N2_AWAITED).releases(to(N3))


def test_a_session_of_the_other_family_is_not_waited_for() -> None:
    assert outlook(awaited={(6, "n2")}).releases(to(N2))


@pytest.mark.parametrize("in_sync", [True, False])
def test_a_route_to_a_node_that_left_the_cluster_goes_at_once(in_sync: bool) -> None:
    known = outlook(in_sync=in_sync, **REFLECTOR_AWAITED)
    assert known.releases(to(pack_address("10.0.0.7")))
    assert not known.releases(to(N2, pack_address("10.0.0.7"))), "one of its nodes is there"


def test_nobody_says_of_a_route_that_its_node_is_gone_without_knowing_it() -> None:
    """Outside the cluster's networks, through a pod, through what may be a router, and without the nodes."""
    known = outlook(**REFLECTOR_AWAITED, in_sync=False)
    assert not known.releases(to(ROUTER, prefix="192.0.2.0/24"))
    assert not known.releases(to(POD))
    assert not known.releases(to(ROUTER, is_certain=False))
    assert not outlook(owner=None, **REFLECTOR_AWAITED).releases(to(ROUTER))


def test_a_route_through_a_router_may_be_that_of_any_node_that_is_awaited() -> None:
    assert not outlook(**N2_AWAITED).releases(to(ROUTER, is_certain=False))
    assert outlook().releases(to(ROUTER, is_certain=False))


def test_what_a_neighbour_outside_sent_goes_when_the_speaker_has_said_what_it_has() -> None:
    outside = to(ROUTER, prefix="0.0.0.0/0")
    assert outlook(**REFLECTOR_AWAITED).releases(outside)
    assert not outlook(**REFLECTOR_AWAITED, in_sync=False).releases(outside)


def test_everything_goes_when_the_time_is_over() -> None:
    """RFC 9494 4.2"""
    assert outlook(is_over=True, in_sync=False, **REFLECTOR_AWAITED).releases(to(N2))


# ------------------------------------------------------------------------------------------ reconciler


def retained(fib: Transcript) -> dict[Any, tuple[tuple[bytes, ...], bool]]:
    return {each.destination: (each.next_hops, each.is_certain) for each in fib.state.retained()}


def test_what_the_stream_does_not_name_stays_until_it_is_released() -> None:
    fib = Transcript(ROUTE_A, ROUTE_B)
    fib.learn(B)
    fib.state.retain()
    assert fib.settle() == []
    assert (retained(fib), fib.state.learned.retained_count) == ({at(A): ((N2,), False)}, 1)
    fib.state.release([at(A), at(B)])
    assert fib.settle() == [("delete", ROUTE_A)]


def test_a_retained_route_that_is_named_is_an_ordinary_one() -> None:
    fib = Transcript(ROUTE_A)
    fib.state.retain()
    fib.learn(A)
    assert (fib.settle(), retained(fib)) == ([], {})


def test_a_retained_route_is_repaired_if_it_is_known_where_it_leads() -> None:
    fib = Transcript()
    fib.synced(A)
    fib.state.begin_sync()
    fib.state.retain()
    assert retained(fib) == {at(A): ((N2,), True)}
    fib.another_program_deletes(ROUTE_A)
    assert fib.settle() == [("add", ROUTE_A)]


def test_what_was_never_learned_is_not_retained() -> None:
    """A blackhole of a block that went while no agent ran."""
    block = KernelRoute(4, at(C)[1], 1023, KernelPlan().protocol, kind=BLACKHOLE)
    fib = Transcript(block)
    fib.state.retain()
    assert fib.settle() == [("delete", block)]


def test_what_an_earlier_agent_knew_is_taken_up_and_nothing_is_added() -> None:
    fib = Transcript(ROUTE_A)
    fib.state.recall([at(A), at(B)], paths("10.0.0.2"))
    assert fib.settle() == []
    assert retained(fib) == {at(A): ((N2,), True)}


def test_a_second_speaker_without_routes_changes_nothing() -> None:
    fib = Transcript(ROUTE_A)
    fib.state.retain()
    fib.state.begin_sync()
    fib.state.retain()
    assert (fib.settle(), fib.state.learned.retained_count) == ([], 1)
