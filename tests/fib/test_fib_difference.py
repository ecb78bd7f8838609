"""Desired versus observed, and what is changed in the kernel."""

from __future__ import annotations

import pytest
from fib_makers import carry_out, leg, route
from hypothesis import given, settings
from hypothesis import strategies as st

from bgpctl.fib.core.difference import difference
from reflector.kernel.change import Change, Verb
from reflector.kernel.route import KernelRoute, Leg, RouteKey

A = route("20.0.0.0/24", leg("10.0.0.2"))
A_ELSEWHERE = route("20.0.0.0/24", leg("10.0.0.3"))
A_ECMP = route("20.0.0.0/24", leg("10.0.0.2"), leg("10.0.0.3"))
A_BLACKHOLE = route("20.0.0.0/24")
A_OTHER_METRIC = route("20.0.0.0/24", leg("10.0.0.2"), metric=512)


def by_key(*routes: KernelRoute) -> dict[RouteKey, KernelRoute]:
    return {each.key: each for each in routes}


@pytest.mark.parametrize(
    ("desired", "observed", "changes"),
    [
        pytest.param([A], [], [Change(Verb.ADD, A)], id="what is missing is added"),
        pytest.param([A], [A], [], id="what is there already is left alone"),
        pytest.param([], [A], [Change(Verb.DELETE, A)], id="what is not wanted is deleted"),
        pytest.param([A_ELSEWHERE], [A], [Change(Verb.REPLACE, A_ELSEWHERE)], id="another next hop replaces"),
        pytest.param([A_ECMP], [A], [Change(Verb.REPLACE, A_ECMP)], id="a second path replaces"),
        pytest.param([A], [A_BLACKHOLE], [Change(Verb.REPLACE, A)], id="unicast replaces a blackhole"),
        pytest.param(
            [A_OTHER_METRIC],
            [A],
            [Change(Verb.ADD, A_OTHER_METRIC), Change(Verb.DELETE, A)],
            id="another metric is added before the old one is deleted",
        ),
    ],
)
def test_changes(desired: list[KernelRoute], observed: list[KernelRoute], changes: list[Change]) -> None:
    assert list(difference(by_key(*desired), by_key(*observed)).changes) == changes


def test_a_key_that_a_foreign_route_holds_is_blocked() -> None:
    found = difference(by_key(A), {}, foreign={A.key})
    assert (found.changes, found.blocked) == ((), (A.key,))


def test_our_outdated_route_beside_a_foreign_one_is_deleted_not_replaced() -> None:
    found = difference(by_key(A_ELSEWHERE), by_key(A), foreign={A.key})
    assert found.changes == (Change(Verb.DELETE, A),)


def test_hops_in_another_order_are_the_same_route() -> None:
    other_order = route("20.0.0.0/24", leg("10.0.0.3"), leg("10.0.0.2"))
    assert difference(by_key(A_ECMP), by_key(other_order)).changes == ()


legs = st.builds(Leg, st.sampled_from([bytes((10, 0, 0, n)) for n in range(1, 4)]), st.integers(1, 3), st.booleans())
kernel_routes = st.builds(
    KernelRoute,
    family=st.just(4),
    nlri=st.sampled_from([b"\x18\x14\0\0", b"\x18\x14\0\1", b"\x08\x14", b"\0"]),
    metric=st.sampled_from([512, 1024]),
    protocol=st.just(179),
    legs=st.sets(legs, min_size=1, max_size=3).map(lambda found: tuple(sorted(found))),
    table=st.sampled_from([254, 100]),
)
tables = st.lists(kernel_routes, max_size=12).map(lambda found: by_key(*found))


@settings(deadline=None)  # the machine may be busy
@given(tables, tables)
def test_applying_the_difference_gives_the_desired(
    desired: dict[RouteKey, KernelRoute], observed: dict[RouteKey, KernelRoute]
) -> None:
    kernel = dict(observed)
    for change in difference(desired, observed).changes:
        carry_out(change, kernel)
    assert kernel == desired


@settings(deadline=None)  # the machine may be busy
@given(tables, tables, tables)
def test_foreign_keys_are_never_added_or_replaced(
    desired: dict[RouteKey, KernelRoute],
    observed: dict[RouteKey, KernelRoute],
    foreign: dict[RouteKey, KernelRoute],
) -> None:
    for change in difference(desired, observed, foreign).changes:
        ours = change.verb is Verb.DELETE and observed.get(change.route.key) == change.route
        assert ours or change.route.key not in foreign


@settings(deadline=None)  # the machine may be busy
@given(tables, tables)
def test_deletions_come_last(desired: dict[RouteKey, KernelRoute], observed: dict[RouteKey, KernelRoute]) -> None:
    verbs = [change.verb is Verb.DELETE for change in difference(desired, observed).changes]
    assert verbs == sorted(verbs)
