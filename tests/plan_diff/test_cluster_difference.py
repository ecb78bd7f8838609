"""What diff_clusters says of all nodes together, and the sentence that sums it up."""

from __future__ import annotations

import pytest
from changed_fields import ROUTE, A, B, pair_plan, with_plan_field, with_session_field
from msgspec.structs import replace

from bgpctl.plan_diff import ClusterDifference, diff_clusters, diff_node
from bgpctl.plan_diff.difference import ChangeKind, PrefixChange
from bgpctl.plan_diff.text import render_difference
from reflector.plan import NodePlan, Origination, RouteSource


def node(name: str, *prefixes: str) -> NodePlan:
    """A node with one session."""
    originations = tuple(Origination(each, RouteSource.BLOCK) for each in prefixes)
    return replace(pair_plan(A, B), node=name, originations=originations)


def diff(old: list[NodePlan], new: list[NodePlan]) -> ClusterDifference:
    return diff_clusters(old, new)


def test_equal_clusters_have_no_difference() -> None:
    found = diff([node("a"), node("b")], [node("a"), node("b")])
    assert not found
    assert found.summary == "nothing changes on 2 nodes"


def test_nodes_are_paired_by_name_whatever_comes_and_goes_between_them() -> None:
    found = diff([node("a"), node("b"), node("d")], [node("b"), node("c"), node("d", ROUTE), node("e")])
    assert [(each.node, each.change) for each in found.nodes] == [
        ("a", ChangeKind.REMOVED),
        ("c", ChangeKind.ADDED),
        ("d", ChangeKind.CHANGED),
        ("e", ChangeKind.ADDED),
    ]
    assert found.nodes_in_all == 5


def test_a_new_node_brings_its_sessions_and_originations() -> None:
    (found,) = diff([], [node("a", ROUTE)]).nodes
    assert [each.change for each in (*found.sessions, *found.originations)] == [ChangeKind.ADDED, ChangeKind.ADDED]


def test_a_node_in_neither_cluster_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="neither"):
        diff_node(None, None)


def test_a_prefix_that_nobody_originates_any_more_vanishes() -> None:
    assert diff([node("a", ROUTE)], [node("a")]).prefixes == (PrefixChange(ROUTE, ("a",), ()),)


def test_a_prefix_that_another_node_takes_over_moves() -> None:
    assert diff([node("a", ROUTE), node("b")], [node("a"), node("b", ROUTE)]).prefixes == (
        PrefixChange(ROUTE, ("a",), ("b",)),
    )


def test_a_prefix_that_one_of_its_nodes_keeps_is_no_change_of_the_cluster() -> None:
    assert diff([node("a", ROUTE), node("b", ROUTE)], [node("a", ROUTE), node("b")]).prefixes == ()


def test_the_summary_counts_a_node_for_the_most_severe_that_happens_to_it() -> None:
    base = [node(name) for name in "abcdefg"]
    changed = [
        base[0],
        with_session_field(base[1], "hold_time"),
        with_plan_field(with_session_field(base[2], "hold_time"), "listen"),
        with_plan_field(base[3], "sessions"),
        with_plan_field(base[4], "policies"),
        with_plan_field(base[5], "kernel"),
        node("h"),
    ]
    assert diff(base, changed).summary == (
        "7 nodes change: 2 without a session reset, 1 closes 1 session, 1 resets 1 session, "
        "1 replaces its speaker at once, which resets 1 session, 1 goes, 1 is new"
    )


def test_what_happens_to_several_nodes_alike_is_said_once() -> None:
    base = [node(name) for name in "abc"]
    text = render_difference(diff(base, [with_session_field(each, "hold_time") for each in base]))
    assert text == (
        "3 nodes change: 3 reset 3 sessions\n"
        "\n"
        "3 nodes a, b, c\n"
        f"  ! session {B}: reset: hold_time 90 -> 30 (both ends agree on it when the session opens (OPEN))\n"
    )


def test_the_text_names_the_prefixes_of_the_cluster() -> None:
    text = render_difference(diff([node("a", ROUTE), node("b")], [node("a"), node("b", ROUTE)]))
    assert f"prefixes of the cluster\n  ~ {ROUTE} moves: a -> b\n" in text


def test_of_many_names_the_first_are_said() -> None:
    base = [node(f"n{number}") for number in range(10, 40)]
    text = render_difference(diff(base, [with_plan_field(each, "policies") for each in base]))
    assert "30 nodes n10, n11, n12, n13, n14, n15, n16, n17 and 22 more\n" in text
