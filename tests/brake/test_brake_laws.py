"""What holds for any sequence of resources: plans in force are valid, and nothing isolates a node unconfirmed."""

from __future__ import annotations

from typing import Any

import pytest
from braked_node import BrakedNode, OfObject, assert_valid
from compiler_makers import bgp_filter, bgp_peer, block, configuration, node, pool
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from bgpctl.brake.endings import endings
from bgpctl.resources.values.model import Resource
from reflector.plan import Family, RouteSource

NAMES = ("a", "b", "c", "d", "e")
REFLECTORS = ("a", "b")
BLOCKS = tuple(f"10.244.{place}.0/26" for place in range(6))
WITHOUT_SPEAKER, FAR_BLOCKS = ("d", "e"), tuple(f"10.244.{place}.64/26" for place in range(4))

states = st.fixed_dictionaries(
    {
        "nodes": st.sets(st.sampled_from(NAMES)).map(lambda found: found | {"c"}),
        "labelled": st.sets(st.sampled_from(REFLECTORS)),
        "reflecting": st.sets(st.sampled_from(NAMES), max_size=3),
        "mesh": st.booleans(),
        "asn": st.sampled_from((64512, 64512, 64513)),
        "peered": st.booleans(),
        "filtered": st.booleans(),
        "rejecting": st.sampled_from(("", "", "importV4", "exportV4")),
        "blocks": st.sets(st.sampled_from(BLOCKS)),
        "windows": st.sets(st.sampled_from(WITHOUT_SPEAKER)),
        "far_blocks": st.sets(st.sampled_from(FAR_BLOCKS)),
        "pool": st.sampled_from(("", "Never", "Always")),
        "ipv6": st.booleans(),
    }
)


def resources(state: dict[str, Any]) -> list[Resource]:
    found: list[Resource] = [configuration(nodeToNodeMeshEnabled=state["mesh"], asNumber=state["asn"])]
    for place, name in enumerate(NAMES, start=1):
        if name in state["nodes"]:
            labels = {"rr": "yes"} if name in state["labelled"] else {}
            labels |= {"kubernetes.io/os": "windows"} if name in state["windows"] else {}
            cluster_id = "224.0.0.1" if name in state["reflecting"] else ""
            ipv6 = f"2001:db8::{place}/64" if state["ipv6"] else ""
            tunnel = {"ipv4VXLANTunnelAddr": f"10.244.{place}.1", "vxlanTunnelMACAddr": f"66:00:00:00:00:0{place}"}
            found.append(node(name, f"192.0.2.{place}/24", ipv6, cluster_id=cluster_id, labels=labels, **tunnel))
    if state["peered"]:
        filters = {"filters": ["some"]} if state["filtered"] else {}
        found.append(bgp_peer("rr", nodeSelector="all()", peerSelector="has(rr)", **filters))
        some = {"importV4": [{"action": "Reject", "cidr": "10.99.0.0/16", "matchOperator": "In"}]}
        everything = {state["rejecting"]: [{"action": "Reject"}]} if state["rejecting"] else {}
        found.append(bgp_filter("some", **(some | everything)))
    found += [block("c", each) for each in sorted(state["blocks"])]
    found += [block("e", each) for each in sorted(state["far_blocks"])]
    if state["pool"]:
        found.append(pool("pods", "10.244.0.0/16", vxlanMode=state["pool"]))
    return found


def own_prefixes(one: BrakedNode) -> list[str]:
    assert one.running is not None
    return [each.prefix for each in one.running.originations if each.source is not RouteSource.STATIC]


def families_up(one: BrakedNode) -> set[Family]:
    assert one.running is not None
    up = set(one.established)
    return {family for each in one.running.sessions if each.name in up for family in each.families}


KINDS = (BrakedNode, OfObject)


def assert_never_isolated(one: BrakedNode, sequence: list[dict[str, Any]], pauses: list[int]) -> None:
    """While these resources come one after the other, so many seconds apart."""
    up, prefixes = families_up(one), len(own_prefixes(one))
    for state, pause in zip(sequence, pauses, strict=False):
        one.wait(pause)
        if not one.held:
            up, prefixes = families_up(one), len(own_prefixes(one))
        one.apply(*resources(state))
        assert one.running is not None
        assert_valid(one.running)
        assert families_up(one) >= up
        assert len(own_prefixes(one)) * 2 >= prefixes
        one.wait(1)  # new sessions are Established now, and may have replaced what was held
        once, digest = one.running, one.decision.digest
        one.wait(1)
        assert (one.running, one.decision.digest) == (once, digest), "asking once more changes nothing"


def assert_put_right(one: BrakedNode, first: dict[str, Any], others: list[dict[str, Any]]) -> None:
    """`one` has the first resources; the others come, and after a single other one the first again."""
    right = one.running
    for state in others:
        before = one.running
        one.apply(*resources(state))
        held = {name for each in one.changes for name in each.sessions}
        assert before is not None
        assert one.running is not None
        assert held.isdisjoint(endings(before, one.running, {}, {}))
    if one.held and len(others) == 1:
        one.apply(*resources(first))
        assert one.held == []
        assert one.running == right


sequences = st.lists(states, min_size=2, max_size=6)
all_pauses = st.lists(st.sampled_from((1, 100, 700)), min_size=6, max_size=6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None, phases=[Phase.generate])
@given(sequences, all_pauses)
def test_no_sequence_isolates_a_node_or_makes_an_invalid_plan(
    kind: type[BrakedNode], sequence: list[dict[str, Any]], pauses: list[int]
) -> None:
    assert_never_isolated(kind("c", *resources(sequence[0]), without_felix=True), sequence[1:], pauses)


PLAIN: dict[str, Any] = {
    "nodes": set(NAMES), "labelled": {"b"}, "reflecting": set(), "mesh": False, "asn": 64512, "peered": True,
    "filtered": False, "rejecting": "", "blocks": {BLOCKS[1]}, "windows": set(), "far_blocks": set(), "pool": "Never",
    "ipv6": False,
}  # fmt: skip
# Something is held, and meanwhile the node begins to reflect: going back takes clients that it did not have.
REFLECTING = {**PLAIN, "reflecting": {"c"}, "blocks": set(), "pool": "Always"}
# Something is held, and meanwhile a filter that rejects everything goes: going back brings it again.
MESHED = {**PLAIN, "mesh": True, "reflecting": {"a", "b", "c"}, "filtered": True, "ipv6": True, "labelled": {"b"}}
REJECTING, ACCEPTING = {**MESHED, "rejecting": "exportV4"}, {**MESHED, "mesh": False, "blocks": set(), "pool": ""}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None, phases=[Phase.explicit, Phase.generate])
@example(PLAIN, [REFLECTING])
@example(REJECTING, [ACCEPTING])
@given(states, st.lists(states, min_size=1, max_size=4))
def test_resources_put_right_are_in_force_and_held_sessions_were_never_reset(
    kind: type[BrakedNode], first: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    assert_put_right(kind("c", *resources(first), without_felix=True), first, others)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, phases=[Phase.generate])
@given(states, states, st.sampled_from((1, 100, 700)))
def test_a_node_with_an_object_holds_what_a_node_with_the_resources_holds(
    first: dict[str, Any], then: dict[str, Any], pause: int
) -> None:
    """But for what an object has no room for: how many Nodes of the cluster are missing. After several changes of which
    each is held in part, what a former peer was may be forgotten, so there only the laws above hold."""
    one, other = (kind("c", *resources({**first, "nodes": NAMES}), without_felix=True) for kind in KINDS)
    for each in (one, other):
        each.wait(pause)
        each.apply(*resources({**then, "nodes": NAMES}))
    assert (other.held, other.decision.digest) == (one.held, one.decision.digest)
    assert other.running == one.running
    assert len(other.changes) == len(one.changes)
    assert all(each.causes for each in other.changes)
