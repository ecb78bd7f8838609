"""What is kept of large plans is what their specs say."""

from __future__ import annotations

from compiler_makers import bgp_peer, configuration, node

import bgpctl.controller.large_plans as subject
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.controller.assigning import assign
from bgpctl.node_plan import Assignment, NodePlanSpec, assignment_of, spec_of
from bgpctl.node_plan.assignment import NO_TRANSITION, Transition
from bgpctl.resources.resource_set import ResourceSet

OPTIONS = CompileOptions(keys_by_reference=True)
MANY = 900


def assigned(nodes: int = MANY, transition: Transition = NO_TRANSITION) -> Assignment:
    """Of a reflector with so many clients."""
    clients = (
        node(f"client-of-some-rack-{number:05}", f"10.0.{number >> 8}.{number & 255}") for number in range(nodes)
    )
    resources = ResourceSet.of(
        configuration(nodeToNodeMeshEnabled=False),
        bgp_peer("clients", nodeSelector="!has(rr)", peerSelector="has(rr)"),
        node("rr", "10.1.0.1", cluster_id="224.0.0.1", labels={"rr": ""}),
        *clients,
    )
    found = assign(ClusterIndex(resources), "rr", OPTIONS).assignment
    return Assignment(found.plan, found.services, found.own_node, found.status_requests, found.facts, transition)


def kept(large: subject.LargePlans, *specs: NodePlanSpec) -> list[bool]:
    """Of which of them it has the same value twice."""
    return [large.read(each) is large.read(each) for each in specs]


def test_a_large_assignment_that_is_kept_is_the_one_of_its_spec() -> None:
    large, assignment = subject.LargePlans(), assigned()
    spec = spec_of(assignment)
    large.keep(spec, assignment)
    assert large.read(spec) is large.read(spec)
    assert large.read(spec) == assignment_of(spec) == assignment


def test_it_has_no_transition_whether_it_is_kept_or_not() -> None:
    """So one value serves every spec of this digest."""
    large, moving = subject.LargePlans(), assigned(transition=Transition(nodes=("gone",)))
    spec = spec_of(moving)
    assert assignment_of(spec).transition != NO_TRANSITION
    assert large.read(spec).transition == NO_TRANSITION
    large.keep(spec, moving)
    assert kept(large, spec) == [True]
    assert large.read(spec).transition == NO_TRANSITION


def test_a_small_plan_is_not_kept() -> None:
    large, assignment = subject.LargePlans(), assigned(nodes=3)
    spec = spec_of(assignment)
    large.keep(spec, assignment)
    assert kept(large, spec) == [False]
    assert large.read(spec) == assignment


def test_what_was_compiled_last_stays_when_there_is_no_room_for_all() -> None:
    large = subject.LargePlans(most_sessions=2 * MANY + 5)
    assignments = [assigned(MANY + more) for more in range(3)]
    specs = [spec_of(each) for each in assignments]
    for spec, assignment in zip(specs, assignments, strict=True):
        large.keep(spec, assignment)
        large.keep(spec, assignment)
    assert kept(large, *specs) == [False, True, True]
    assert [large.read(each) for each in specs] == assignments
