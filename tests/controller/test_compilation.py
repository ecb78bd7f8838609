"""All plans from one set of resources to the next: what differs is news, and one node's fault is its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compiler_makers import annotated, bgp_peer, block, configuration, node, pool
from hypothesis import given, settings
from hypothesis import strategies as st
from test_compiler_laws import clusters

import bgpctl.controller.compilation as subject
from bgpctl.compiler import ClusterIndex, CompileOptions, compile_cluster
from bgpctl.compiler.node import Compiled
from bgpctl.controller.compilation import Compilation
from bgpctl.node_plan import assignment_of
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

OPTIONS = CompileOptions(keys_by_reference=True)
CLUSTER = (
    configuration(nodeToNodeMeshEnabled=False),
    bgp_peer("clients", nodeSelector="!has(rr)", peerSelector="has(rr)"),
    pool("pool", "192.168.0.0/16"),
    node("rr", "10.1.0.1", cluster_id="224.0.0.1", labels={"rr": ""}),
    *(node(f"n{number}", f"10.0.0.{number}") for number in range(1, 6)),
    *(block(f"n{number}", f"192.168.{number}.0/26") for number in range(1, 6)),
)
ALL = {"rr", "n1", "n2", "n3", "n4", "n5"}


def no_faults(doing: str, error: Exception) -> None:
    raise AssertionError(doing) from error


@pytest.fixture
def compilation() -> Compilation:
    found = Compilation(CompileOptions(), no_faults)
    assert found.take(ResourceSet.of(*CLUSTER)).changed.keys() == ALL
    return found


def test_what_differs_is_news_and_nothing_else(compilation: Compilation) -> None:
    assert compilation.take(ResourceSet.of(*CLUSTER)).changed == {}
    moved = compilation.take(ResourceSet.of(*CLUSTER, block("n1", "192.168.9.0/26")))
    assert (moved.changed.keys(), moved.compiled) == ({"n1"}, 1)
    joined = compilation.take(ResourceSet.of(*CLUSTER, node("n9", "10.0.0.9")))
    assert joined.changed.keys() == {"n9", "rr", "n1"}
    left = compilation.take(ResourceSet.of(*CLUSTER))
    assert (left.changed.keys(), left.gone) == ({"rr"}, {"n9"})


def test_a_label_that_nobody_selects_by_is_compiled_and_no_news(compilation: Compilation) -> None:
    update = compilation.take(ResourceSet.of(*CLUSTER, node("n1", "10.0.0.1", labels={"checked": "today"})))
    assert (update.changed, update.compiled) == ({}, 1)


def test_a_revision_alone_is_no_news(compilation: Compilation) -> None:
    update = compilation.take(ResourceSet.of(*CLUSTER, annotated(node("n1", "10.0.0.1"), x="y")), revision="other")
    assert update.changed == {}


@given(st.lists(clusters(), min_size=2, max_size=4))
@settings(max_examples=60, deadline=None)
def test_after_any_changes_the_plans_are_those_of_a_controller_that_starts(history: list[list[Resource]]) -> None:
    compilation = Compilation(CompileOptions(), no_faults)
    for resources in history:
        compilation.take(ResourceSet.of(*resources))
    now = {each.plan.node: each.plan for each in compile_cluster(ResourceSet.of(*history[-1]), OPTIONS)}
    found = {name: assignment_of(each.spec).plan for name, each in compilation.nodes.items() if each.spec is not None}
    assert found == now


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of nodes whose plans cannot be compiled."""
    failing: set[str] = set()
    compile_one = subject.compile_node

    def failing_at(resources: ResourceSet, name: str, options: CompileOptions, index: ClusterIndex) -> Compiled:
        if name in failing:
            raise RuntimeError("a fault of ours")
        return compile_one(resources, name, options, index)

    monkeypatch.setattr(subject, "compile_node", failing_at)
    return failing


def test_a_fault_with_one_node_keeps_its_plan_and_no_other(fault: set[str]) -> None:
    reported: list[str] = []
    compilation = Compilation(CompileOptions(), lambda doing, _: reported.append(doing))
    compilation.take(ResourceSet.of(*CLUSTER))
    before = compilation.nodes["n1"].spec
    fault.add("n1")

    update = compilation.take(ResourceSet.of(*CLUSTER, block("n1", "192.168.9.0/26"), block("n2", "192.168.8.0/26")))

    assert update.changed.keys() == {"n2"}
    assert (compilation.nodes["n1"].spec, compilation.nodes["n1"].is_newest) == (before, False)
    assert reported == ["compiling the plan of n1"]
    (problem,) = compilation.nodes["n1"].problems
    assert problem.message == "compiling failed with RuntimeError, a fault of bgpctl; the plan stays what it was"

    fault.clear()
    healed = compilation.take(ResourceSet.of(*CLUSTER, block("n1", "192.168.9.0/26"), block("n2", "192.168.8.0/26")))
    assert healed.changed.keys() == {"n1"}
    assert compilation.nodes["n1"] == replace(compilation.nodes["n1"], problems=(), is_newest=True)
