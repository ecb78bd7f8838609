"""All plans from one set of resources to the next: what differs is news, and one node's fault is its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compiler_makers import annotated, bgp_peer, block, configuration, node, node_status, pool
from hypothesis import given, settings
from hypothesis import strategies as st
from test_affected import one_more
from test_compiler_laws import clusters

import bgpctl.controller.compilation as subject
from bgpctl.compiler import ClusterIndex, CompileOptions, compile_cluster
from bgpctl.controller.assigning import Assigned
from bgpctl.controller.compilation import Compilation
from bgpctl.controller.found import Completed
from bgpctl.node_plan import Assignment, assignment_of
from bgpctl.node_plan.assignment import Reflector, StatusRequest
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

WITHOUT_FELIX = CompileOptions(without_felix=True)
OPTIONS = replace(WITHOUT_FELIX, keys_by_reference=True)
CLUSTER = (
    configuration(nodeToNodeMeshEnabled=False),
    bgp_peer("clients", nodeSelector="!has(rr)", peerSelector="has(rr)"),
    pool("pool", "192.168.0.0/16"),
    node("rr", "10.1.0.1", cluster_id="224.0.0.1", labels={"rr": ""}),
    *(node(f"n{number}", f"10.0.0.{number}") for number in range(1, 6)),
    *(block(f"n{number}", f"192.168.{number}.0/26") for number in range(1, 6)),
)
ALL = {"rr", "n1", "n2", "n3", "n4", "n5"}


def complete(*resources: Resource) -> Completed:
    return Completed(ResourceSet.of(*resources))


def no_faults(doing: str, error: Exception) -> None:
    raise AssertionError(doing) from error


@pytest.fixture
def compilation() -> Compilation:
    found = Compilation(CompileOptions(), no_faults)
    assert found.take(complete(*CLUSTER)).changed.keys() == ALL
    return found


def test_what_differs_is_news_and_nothing_else(compilation: Compilation) -> None:
    assert compilation.take(complete(*CLUSTER)).changed == {}
    moved = compilation.take(complete(*CLUSTER, block("n1", "192.168.9.0/26")))
    assert (moved.changed.keys(), moved.compiled) == ({"n1"}, 1)
    joined = compilation.take(complete(*CLUSTER, node("n9", "10.0.0.9")))
    assert joined.changed.keys() == {"n9", "rr", "n1"}
    left = compilation.take(complete(*CLUSTER))
    assert (left.changed.keys(), left.gone) == ({"rr"}, {"n9"})


def test_a_label_that_nobody_selects_by_is_compiled_and_no_news(compilation: Compilation) -> None:
    update = compilation.take(complete(*CLUSTER, node("n1", "10.0.0.1", labels={"checked": "today"})))
    assert (update.changed, update.compiled) == ({}, 1)


def test_a_revision_alone_is_no_news(compilation: Compilation) -> None:
    update = compilation.take(complete(*CLUSTER, annotated(node("n1", "10.0.0.1"), x="y")), revision="other")
    assert update.changed == {}


def test_a_node_without_a_speaker_has_no_plan(compilation: Compilation) -> None:
    bare, far = node("n9", "10.0.0.9"), annotated(node("n9", "10.0.0.9"), speaker="false")
    assert compilation.take(complete(*CLUSTER, far)).changed == {}
    assert "n9" in compilation.take(complete(*CLUSTER, bare)).changed
    assert compilation.take(complete(*CLUSTER, far)).gone == {"n9"}


asked = st.lists(
    st.builds(
        node_status,
        st.sampled_from(["s", "t"]),
        st.sampled_from(["node-1", "node-2"]),
        st.sampled_from(["BGP", "Routes"]),
    ),
    max_size=2,
)
# A node that comes twice is the second one.
changing = st.tuples(clusters(), st.lists(one_more, max_size=4), asked).map(lambda each: [*each[0], *each[1], *each[2]])


@pytest.mark.slow
@given(st.lists(changing, min_size=2, max_size=4))
@settings(max_examples=150, deadline=None)
def test_after_any_changes_the_assignments_are_those_of_a_controller_that_starts(history: list[list[Resource]]) -> None:
    lasting, fresh = Compilation(WITHOUT_FELIX, no_faults), Compilation(WITHOUT_FELIX, no_faults)
    for resources in history:
        lasting.take(complete(*resources))
    fresh.take(complete(*history[-1]))
    assert assignments(lasting) == assignments(fresh)
    nodes = ClusterIndex(ResourceSet.of(*history[-1])).nodes
    compiled = compile_cluster(ResourceSet.of(*history[-1]), OPTIONS)
    plans = {each.plan.node: each.plan for each in compiled if nodes[each.plan.node].has_speaker}
    assert {name: each.plan for name, each in assignments(fresh).items()} == plans


def assignments(compilation: Compilation) -> dict[str, Assignment]:
    return {name: assignment_of(each.spec) for name, each in compilation.nodes.items() if each.spec is not None}


def test_a_status_that_is_asked_for_is_in_the_assignment_of_its_node(compilation: Compilation) -> None:
    """And in no plan: nothing that runs changes by it."""
    plan = assignments(compilation)["n1"].plan
    asked = compilation.take(complete(*CLUSTER, node_status("routes", "n1", "Agent", "Routes", period=60)))
    assert (asked.changed.keys(), asked.compiled) == ({"n1"}, 1)
    found = assignments(compilation)["n1"]
    assert found.status_requests == (StatusRequest("routes", ("Agent", "Routes"), 60),)
    assert found.plan == plan

    moved = compilation.take(complete(*CLUSTER, node_status("routes", "n2", "Agent", "Routes", period=60)))
    assert moved.changed.keys() == {"n1", "n2"}
    assert compilation.take(complete(*CLUSTER)).changed.keys() == {"n2"}


def test_facts_that_the_brake_goes_by_are_in_the_assignment(compilation: Compilation) -> None:
    found = assignments(compilation)["n1"]
    assert found.facts.reflectors == (Reflector("rr", "224.0.0.1"),)
    confirmed = annotated(configuration(nodeToNodeMeshEnabled=False), confirm="0123456789ab")
    others = [each for each in CLUSTER if each.name != "default"]
    assert compilation.take(complete(*others, confirmed)).changed.keys() == ALL
    assert assignments(compilation)["n1"].facts.confirmed == ("0123456789ab",)


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of nodes whose plans cannot be compiled."""
    failing: set[str] = set()
    assign_one = subject.assign

    def failing_at(index: ClusterIndex, name: str, options: CompileOptions, written: Node | None) -> Assigned:
        if name in failing:
            raise RuntimeError("a fault of ours")
        return assign_one(index, name, options, written)

    monkeypatch.setattr(subject, "assign", failing_at)
    return failing


def test_a_fault_with_one_node_keeps_its_plan_and_no_other(fault: set[str]) -> None:
    reported: list[str] = []
    compilation = Compilation(CompileOptions(), lambda doing, _: reported.append(doing))
    compilation.take(complete(*CLUSTER))
    before = compilation.nodes["n1"].spec
    fault.add("n1")

    update = compilation.take(complete(*CLUSTER, block("n1", "192.168.9.0/26"), block("n2", "192.168.8.0/26")))

    assert update.changed.keys() == {"n2"}
    assert (compilation.nodes["n1"].spec, compilation.nodes["n1"].is_newest) == (before, False)
    assert reported == ["compiling the plan of n1"]
    (problem,) = compilation.nodes["n1"].problems
    assert problem.message == "compiling failed with RuntimeError, a fault of bgpctl; the plan stays what it was"

    fault.clear()
    healed = compilation.take(complete(*CLUSTER, block("n1", "192.168.9.0/26"), block("n2", "192.168.8.0/26")))
    assert healed.changed.keys() == {"n1"}
    assert compilation.nodes["n1"] == replace(compilation.nodes["n1"], problems=(), is_newest=True)
