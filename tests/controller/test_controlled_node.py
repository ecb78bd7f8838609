"""What holds for a node whose object the controller writes, over any sequence of resources: as with the resources."""

from __future__ import annotations

from typing import Any

import pytest
from braked_node import BrakedNode
from compiler_makers import bgp_peer, configuration, node
from controlled_node import ControlledNode
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from test_brake_laws import (
    NAMES,
    all_pauses,
    assert_never_isolated,
    assert_put_right,
    resources,
    sequences,
    states,
)

from bgpctl.resources.values.model import Resource


@pytest.mark.slow
@settings(max_examples=100, deadline=None, phases=[Phase.generate])
@given(sequences, all_pauses)
def test_no_sequence_isolates_it(sequence: list[dict[str, Any]], pauses: list[int]) -> None:
    one = ControlledNode("c", *resources(sequence[0]), without_felix=True)
    assert_never_isolated(one, sequence[1:], pauses)
    writes = one.writes
    one.wait(1)
    one.wait(1)
    assert one.writes <= writes + 1, "what is there already is not written again"


@settings(max_examples=100, deadline=None, phases=[Phase.generate])
@given(states, st.lists(states, min_size=1, max_size=4))
def test_resources_put_right_are_in_force_and_held_sessions_were_never_reset(
    first: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    assert_put_right(ControlledNode("c", *resources(first), without_felix=True), first, others)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, phases=[Phase.generate])
@given(states, states, st.sampled_from((1, 100, 700)))
def test_it_holds_what_a_node_with_the_resources_holds(first: dict[str, Any], then: dict[str, Any], pause: int) -> None:
    one, other = (
        kind("c", *resources({**first, "nodes": NAMES}), without_felix=True) for kind in (BrakedNode, ControlledNode)
    )
    for each in (one, other):
        each.wait(pause)
        each.apply(*resources({**then, "nodes": NAMES}))
    assert (other.held, other.decision.digest, other.running) == (one.held, one.decision.digest, one.running)


NODES = [node(name, f"192.0.2.1{name[1]}/24", labels={"host": name}) for name in ("n1", "n2")]
REFLECTORS = [node(f"r{place}", f"192.0.2.{place}/24", labels={"rr": ""}, cluster_id="224.0.0.1") for place in (1, 2)]
CLUSTER = [configuration(nodeToNodeMeshEnabled=False), *NODES, *REFLECTORS]


def peered(hosts: str) -> Resource:
    return bgp_peer("to-reflectors", nodeSelector=hosts, peerSelector="has(rr)")


def test_what_is_held_follows_resources_that_change_no_plan_any_more() -> None:
    """A digest confirms on all nodes, and it is another one once the BGPPeer has no sessions in the whole cluster."""
    one, other = (kind("n1", *CLUSTER, peered("has(host)")) for kind in (BrakedNode, ControlledNode))
    digests = []
    for each in (one, other):
        left_out = each.apply(*CLUSTER, peered("host == 'n2'")).digest
        digests.append((left_out, each.apply(*CLUSTER).digest))
        assert each.held == ["last-session"]
    assert digests[0] == digests[1]
    assert len(set(digests[0])) == 2
