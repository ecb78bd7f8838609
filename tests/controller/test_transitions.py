"""The transition of a plan: from which plans, and when it is written anew."""

from __future__ import annotations

import pytest
from compiler_makers import bgp_filter, bgp_peer, configuration, node

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.controller.assigning import assign
from bgpctl.controller.cluster_plans import ClusterPlans
from bgpctl.controller.large_plans import LargePlans
from bgpctl.controller.transitions import Change, Former, change
from bgpctl.node_plan import NodePlanSpec, assignment_of, spec_of
from bgpctl.node_plan.assignment import NO_TRANSITION, Reflector, Transition
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

OPTIONS = CompileOptions(keys_by_reference=True)
NO_MESH = configuration(nodeToNodeMeshEnabled=False)
NODES = [node(f"n{number}", f"10.0.0.{number}") for number in (1, 2, 3)]


def peered(name: str, *peers: str) -> list[Resource]:
    """n1 with each of these."""
    return [NO_MESH, *NODES, *(bgp_peer(f"{name}-{each}", node="n1", peerIP=each, asNumber=64512) for each in peers)]


def index(*resources: Resource) -> ClusterIndex:
    return ClusterIndex(ResourceSet.of(*resources))


def plans(*resources: Resource) -> ClusterPlans:
    return ClusterPlans(1, {}, index(*resources), OPTIONS, LargePlans())


def wanted(*resources: Resource, revision: str = "") -> NodePlanSpec:
    """Of n1, as it is before it replaces anything."""
    return spec_of(assign(index(*resources), "n1", OPTIONS).assignment, revision)


def over(former: Former | None, *resources: Resource) -> Change:
    return change(plans(*resources), wanted(*resources), former)


def transition_of(found: Change, *, is_complete: bool = False) -> Transition:
    """As it is read."""
    return assignment_of(found.spec(is_complete=is_complete)).transition


BOTH, ONE, NONE = peered("p", "10.0.0.2", "10.0.0.3"), peered("p", "10.0.0.2"), peered("p")


def test_of_no_plan_nothing_is_said() -> None:
    assert transition_of(over(None, *ONE)) == NO_TRANSITION


def test_of_a_plan_that_the_node_runs_it_is_said_what_becomes_of_it() -> None:
    found = over(Former(wanted(*BOTH), is_run=True), *ONE)
    transition = transition_of(found)
    assert transition.nodes == ("n3",)
    (lost,) = transition.lost
    assert (lost.kind, lost.name, lost.sessions) == ("BGPPeer", "p-10.0.0.3", ("10.0.0.3",))
    assert found.concerned == {"n1", "n3"}


def test_of_plans_that_it_may_still_run_as_well() -> None:
    first = over(Former(wanted(*BOTH), is_run=True), *ONE).spec(is_complete=False)
    carried = over(Former(first), *NONE)
    assert transition_of(carried).nodes == ("n2", "n3")
    assert {name for each in transition_of(carried).lost for name in each.sessions} == {"10.0.0.2", "10.0.0.3"}
    assert carried.concerned == {"n1", "n2", "n3"}, "a peer of a plan before the former one is asked about, too"
    assert transition_of(over(Former(first, is_run=True), *NONE)).nodes == ("n2",), "all of the former plan runs"


def test_what_the_proof_finds_is_in_it_where_it_is_asked() -> None:
    losing = over(Former(wanted(*BOTH), is_run=True), *ONE)
    assert [transition_of(losing, is_complete=each).is_complete for each in (True, False)] == [True, False]
    gaining = over(Former(wanted(*ONE), is_run=True), *BOTH)
    assert (gaining.concerned, transition_of(gaining, is_complete=True).is_complete) == (frozenset(), None)


def test_a_former_plan_that_cannot_be_read_may_be_any() -> None:
    reflector = node("rr", "10.0.0.9", cluster_id="224.0.0.1")
    filtered = bgp_filter("some", importV4=[{"action": "Accept"}])
    transition = transition_of(over(Former(None), *ONE, reflector, filtered))
    assert transition.nodes == ("n3", "rr")
    assert transition.reflectors == (Reflector("rr", "224.0.0.1"),)
    assert "filter/some/import-v4" in {each.name for each in transition.policies}


def test_the_digest_is_that_of_the_plan_whatever_is_said() -> None:
    assert over(Former(wanted(*BOTH), is_run=True), *ONE).spec(is_complete=True).digest == wanted(*ONE).digest


def test_the_same_plan_says_the_same_as_long_as_the_resources_do() -> None:
    written = over(Former(wanted(*BOTH), is_run=True), *ONE).spec(is_complete=False)
    assert over(Former(written), *ONE).spec(is_complete=False) == written
    assert assignment_of(over(Former(written), *ONE).spec(is_complete=True)).transition.is_complete is True

    without = [each for each in ONE if each.name != "n3"]
    assert transition_of(over(Former(written), *without)).nodes == ()


def test_the_same_plan_keeps_the_revision_that_it_was_written_with() -> None:
    former = wanted(*ONE, revision="first")
    assert change(plans(*ONE), wanted(*ONE, revision="second"), Former(former)).revision == "first"
    assert change(plans(*BOTH), wanted(*BOTH, revision="second"), Former(former)).revision == "second"


@pytest.mark.parametrize("is_run", [True, False])
def test_a_plan_that_replaces_itself_says_nothing_of_itself(is_run: bool) -> None:
    former = wanted(*ONE)
    assert over(Former(former, is_run=is_run), *ONE).spec(is_complete=False) == former
